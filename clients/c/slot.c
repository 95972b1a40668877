#include "clients/c/client.h"
#include "clients/c/fork.h"

#include <assert.h>
#include <stdlib.h>

#define SLOT_OPTIONS_BYTES_MIN sizeof(struct deltastream_slot_options)

/* A call that is made again and again; nobody has a reference between two times. */
struct deltastream_slot {
    struct deltastream_slot_options options;
    struct deltastream_call *call;
};

enum deltastream_code deltastream_slot_create(const struct deltastream_slot_options *given,
                                              struct deltastream_slot **ret_slot)
{
    struct deltastream_slot_options options;
    if (!struct_take(&options, sizeof options, SLOT_OPTIONS_BYTES_MIN, given)) {
        return DELTASTREAM_INVALID_ARGUMENT;
    }
    assert(options.done != NULL);
    struct deltastream_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL) {
        abort();
    }
    slot->options = options;
    slot->call = calloc(1, sizeof *slot->call);
    if (slot->call == NULL) {
        abort();
    }
    ds_buffer_init(&slot->call->json, SIZE_MAX / 2);
    slot->call->is_of_slot = true;
    slot->call->done = options.done;
    slot->call->context = options.context;
    *ret_slot = slot;
    return DELTASTREAM_OK;
}

void deltastream_slot_free(struct deltastream_slot *slot)
{
    if (slot == NULL) {
        return;
    }
    assert(atomic_load(&slot->call->reference_count) == 0);
    free(slot->call);
    free(slot);
}

/* The reply is the program's from then on, and with it the call: nothing of it may be touched. */
static void slot_done(struct ds_client_call *inner)
{
    call_deliver(inner->context);
}

void deltastream_slot_call(struct deltastream_slot *slot, struct deltastream_client *client,
                           const struct deltastream_method *method, const void *request,
                           size_t request_bytes, const char *authorization, uint32_t timeout_ms)
{
    struct deltastream_call *call = slot->call;
    assert(client != NULL && method != NULL && (request != NULL || request_bytes == 0));
    assert(atomic_load_explicit(&call->reference_count, memory_order_acquire) == 0);
    fork_mind();
    atomic_store_explicit(&call->reference_count, 1, memory_order_relaxed);
    atomic_store_explicit(&call->is_done, false, memory_order_relaxed);
    call->client = client;
    call->arena = NULL;
    /* Field by field: an initializer would be made elsewhere and copied. */
    struct ds_client_call *inner = &call->call;
    memset(inner, 0, sizeof *inner);
    inner->method = method_of(method);
    inner->payload = ds_bytes_of(request, request_bytes);
    inner->timeout_ms = timeout_ms != 0 ? timeout_ms : client->timeout_ms;
    inner->principal = client->principal;
    inner->authorization = authorization != NULL ? authorization : call_authorization_copy(call);
    inner->is_final = slot->options.no_retry;
    inner->done = slot_done;
    inner->context = call;
    const bool is_collected = slot->options.collect; /* Another thread may flush, and free. */
    ds_channel_call(client->channel, inner);
    if (!is_collected) {
        ds_channel_flush(client->channel);
    }
}
