/* subscribe URL COUNT: prints so many ticks as they come, then ends. */
#include "common.h"

#include <pthread.h>

struct watch {
    pthread_mutex_t mutex; /* guards left */
    pthread_cond_t done;
    int left;
};

/* Runs on the subscription's own thread, one event after the other. */
static void event_print(void *context, const struct deltastream_event *event)
{
    struct watch *watch = context;
    if (event->type == DELTASTREAM_EVENT_STARTED) {
        printf("started\n");
    } else if (event->type == DELTASTREAM_EVENT_GAP) {
        printf("gap: read the ticks by time\n");
    } else if (event->payload != NULL) {
        Deltastream__Storage__Tick *tick =
            deltastream__storage__tick__unpack(NULL, event->payload_bytes, event->payload);
        if (tick != NULL) {
            printf("%s %.2f\n", event->topic, tick->price);
            deltastream__storage__tick__free_unpacked(tick, NULL);
        }
        pthread_mutex_lock(&watch->mutex);
        watch->left--;
        pthread_cond_signal(&watch->done);
        pthread_mutex_unlock(&watch->mutex);
    }
    fflush(stdout);
}

int main(int argument_count, char **arguments)
{
    struct deltastream_client *client = client_open(argument_count, arguments, NULL);
    struct watch watch = {.left = argument_count > 2 ? atoi(arguments[2]) : 1};
    pthread_mutex_init(&watch.mutex, NULL);
    pthread_cond_init(&watch.done, NULL);
    const struct deltastream_interest interest = {.kind = "ticks"};
    const struct deltastream_subscription_options options = {.struct_size = sizeof options,
                                                             .interests = &interest,
                                                             .interest_count = 1,
                                                             .event = event_print,
                                                             .context = &watch};
    struct deltastream_subscription *subscription = NULL;
    char why[DELTASTREAM_MESSAGE_BYTES_MAX];
    if (deltastream_subscribe(client, &options, &subscription, why, sizeof why) != DELTASTREAM_OK) {
        fprintf(stderr, "%s\n", why);
        deltastream_client_close(client);
        return 1;
    }
    pthread_mutex_lock(&watch.mutex);
    while (watch.left > 0) {
        pthread_cond_wait(&watch.done, &watch.mutex);
    }
    pthread_mutex_unlock(&watch.mutex);
    deltastream_unsubscribe(subscription);
    deltastream_client_close(client);
    return 0;
}
