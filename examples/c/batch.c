/* batch URL PRODUCT: 200 calls at once, which go out in a few messages. */
#include "common.h"

#include <pthread.h>

#define CALLS 200

struct batch {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t done;
    int left;
    int good;
};

/* Runs on a thread of the library, so it is short and waits for nothing. */
static void tick_take(void *context, struct deltastream_reply *reply)
{
    struct batch *batch = context;
    const Deltastream__Storage__Tick *tick = deltastream_storage_latest_tick_response(reply);
    pthread_mutex_lock(&batch->mutex);
    batch->good += tick != NULL;
    batch->left--;
    pthread_cond_signal(&batch->done);
    pthread_mutex_unlock(&batch->mutex);
    deltastream_reply_free(reply);
}

int main(int argument_count, char **arguments)
{
    struct deltastream_client *client = client_open(argument_count, arguments, NULL);
    struct batch batch = {.left = CALLS};
    pthread_mutex_init(&batch.mutex, NULL);
    pthread_cond_init(&batch.done, NULL);
    Deltastream__Storage__LatestTickRequest request =
        DELTASTREAM__STORAGE__LATEST_TICK_REQUEST__INIT;
    request.product = argument_count > 2 ? arguments[2] : (char *)"NIFTY";
    const struct deltastream_call_options collected = {.struct_size = sizeof collected,
                                                       .collect = true};
    for (int i = 0; i < CALLS; i++) {
        if (deltastream_storage_latest_tick_async(client, &request, &collected, tick_take, &batch,
                                                  NULL) != DELTASTREAM_OK) {
            abort(); /* Only wrong options or a wrong request get here. */
        }
    }
    deltastream_client_flush(client);
    pthread_mutex_lock(&batch.mutex);
    while (batch.left > 0) {
        pthread_cond_wait(&batch.done, &batch.mutex);
    }
    pthread_mutex_unlock(&batch.mutex);
    struct deltastream_traffic traffic = {.struct_size = sizeof traffic};
    deltastream_client_traffic(client, &traffic);
    printf("%d of %d answered\n", batch.good, CALLS);
    fprintf(stderr, "%llu messages\n", (unsigned long long)traffic.messages);
    deltastream_client_close(client);
    return batch.good == CALLS ? 0 : 1;
}
