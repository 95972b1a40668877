#include "ds/rpc_slow_calls.h"

#include "ds/call_view.h"
#include "ds/rpc_internal.h"

#include <stdlib.h>

struct ds_slow_calls {
    pthread_mutex_t mutex; /* guards what follows */
    uint64_t count;        /* since the start; the next one's place */
    struct ds_call_view views[DS_SLOW_CALLS_MAX];
};

struct ds_slow_calls *ds_slow_calls_create(void)
{
    struct ds_slow_calls *slow = calloc(1, sizeof *slow);
    if (slow == NULL) {
        abort();
    }
    pthread_mutex_init(&slow->mutex, NULL);
    return slow;
}

void ds_slow_calls_destroy(struct ds_slow_calls *slow)
{
    if (slow != NULL) {
        pthread_mutex_destroy(&slow->mutex);
        free(slow);
    }
}

void ds_slow_calls_note(struct ds_slow_calls *slow, struct ds_call *call)
{
    struct ds_call_view view;
    ds_call_view_of_finished(call, &view);
    pthread_mutex_lock(&slow->mutex);
    slow->views[slow->count++ % DS_SLOW_CALLS_MAX] = view;
    pthread_mutex_unlock(&slow->mutex);
}

void ds_rpc_server_slow_calls(struct ds_rpc_server *server, ds_call_view_fn take, void *context)
{
    struct ds_slow_calls *slow = server->slow_calls;
    struct ds_call_view *copies = calloc(DS_SLOW_CALLS_MAX, sizeof *copies);
    size_t count = 0;
    if (copies == NULL) {
        abort();
    }
    pthread_mutex_lock(&slow->mutex);
    while (count < DS_SLOW_CALLS_MAX && count < slow->count) {
        copies[count] = slow->views[(slow->count - 1 - count) % DS_SLOW_CALLS_MAX];
        count++;
    }
    pthread_mutex_unlock(&slow->mutex);
    for (size_t i = 0; i < count; i++) {
        take(context, &copies[i]);
    }
    free(copies);
}
