#include "ds/rpc_calls.h"

#include "ds/call_view.h"
#include "ds/rpc_internal.h"

#include <stdlib.h>

/*
 * One list: it holds no more calls than may be in flight, and it is walked only by who cancels or
 * looks on.
 */
void ds_rpc_calls_add(struct ds_rpc_server *server, struct ds_call *call)
{
    pthread_mutex_lock(&server->calls_mutex);
    call->is_listed = true;
    call->previous = NULL;
    call->next = server->calls;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    server->calls = call;
    pthread_mutex_unlock(&server->calls_mutex);
}

void ds_rpc_calls_remove(struct ds_rpc_server *server, struct ds_call *call)
{
    if (!call->is_listed) {
        return;
    }
    pthread_mutex_lock(&server->calls_mutex);
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        server->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    call->is_listed = false;
    pthread_mutex_unlock(&server->calls_mutex);
}

static struct ds_bytes call_id_of(const struct ds_call *call)
{
    return ds_bytes_of(call->request.call_id, call->request.call_id_bytes);
}

static struct ds_bytes client_id_of(const struct ds_call *call)
{
    return ds_bytes_of(call->request.client_id, call->request.client_id_bytes);
}

static bool is_meant(const struct ds_call *call, const struct ds_call *canceller)
{
    return ds_bytes_equal(call_id_of(call), call_id_of(canceller)) &&
           ds_bytes_equal(client_id_of(call), client_id_of(canceller)) &&
           (client_id_of(call).size > 0 || call->peer_id == canceller->peer_id);
}

bool ds_rpc_calls_cancel(struct ds_rpc_server *server, const struct ds_call *canceller)
{
    bool found = false;
    pthread_mutex_lock(&server->calls_mutex);
    for (struct ds_call *call = server->calls; call != NULL; call = call->next) {
        if (is_meant(call, canceller)) {
            atomic_store(&call->cancelled, true);
            found = true;
        }
    }
    pthread_mutex_unlock(&server->calls_mutex);
    return found;
}

void ds_rpc_calls_cancel_peer(struct ds_rpc_server *server, uint64_t peer_id)
{
    pthread_mutex_lock(&server->calls_mutex);
    for (struct ds_call *call = server->calls; call != NULL; call = call->next) {
        if (call->peer_id == peer_id) {
            atomic_store(&call->cancelled, true);
        }
    }
    pthread_mutex_unlock(&server->calls_mutex);
}

/* The list's end is its oldest call. */
static struct ds_call *oldest_locked(struct ds_rpc_server *server)
{
    struct ds_call *call = server->calls;
    while (call != NULL && call->next != NULL) {
        call = call->next;
    }
    return call;
}

void ds_rpc_server_calls_in_flight(struct ds_rpc_server *server, size_t max, ds_call_view_fn take,
                                   void *context)
{
    const size_t room = max < DS_CALLS_IN_FLIGHT_VIEWS_MAX ? max : DS_CALLS_IN_FLIGHT_VIEWS_MAX;
    struct ds_call_view *views = calloc(room + 1, sizeof *views);
    size_t count = 0;
    if (views == NULL) {
        abort();
    }
    pthread_mutex_lock(&server->calls_mutex);
    for (struct ds_call *call = oldest_locked(server); call != NULL && count < room;
         call = call->previous) {
        ds_call_view_of_listed(call, &views[count++]);
    }
    pthread_mutex_unlock(&server->calls_mutex);
    for (size_t i = 0; i < count; i++) {
        take(context, &views[i]);
    }
    free(views);
}
