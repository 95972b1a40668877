#include "clients/load/native.h"

/* Calls are made by their bytes alone; the typed part has message structs of its own. */
#define DELTASTREAM_UNTYPED
#include "clients/c/deltastream.h"
#include "clients/load/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO "deltastream.rpc.v1.Control/Hello"
#define HELLO_TIMEOUT_MS 10000
#define NS_PER_MS 1000000
/* Who this program says that it is, where that is believed: somebody who may do everything. */
#define SUBJECT "service:load"

struct load_native {
    struct load_loop *loop;
    uint32_t client_count;
    uint32_t turn; /* the client that the next call goes to */
    bool shares_messages;
    bool has_collected;
    _Atomic(struct load_native_call *) ended; /* the newest first; any thread */
    struct deltastream_client *clients[];
};

struct load_native_method load_native_method_of(const char *full_name, int64_t timeout_ns)
{
    const int64_t timeout_ms = (timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
    const struct load_native_method method = {
        .method = deltastream_method_find(full_name),
        .timeout_ms = timeout_ms < UINT32_MAX ? (uint32_t)timeout_ms : UINT32_MAX};
    assert(method.method != NULL);
    return method;
}

static ds_code client_open(const struct load_native_options *options,
                           struct deltastream_client **ret_client,
                           char ret_reason[LOAD_NATIVE_REASON_BYTES_MAX])
{
    const struct deltastream_principal principal = {.struct_size = sizeof principal,
                                                    .subject = SUBJECT};
    const struct deltastream_client_options client = {.struct_size = sizeof client,
                                                      .url = options->url,
                                                      .tls_ca_file = options->tls_ca,
                                                      .principal = &principal};
    return deltastream_client_open(&client, ret_client, ret_reason, LOAD_NATIVE_REASON_BYTES_MAX) ==
                   DELTASTREAM_OK
               ? DS_OK
               : DS_INVALID_ARGUMENT;
}

/* Whatever the service answers, it is there. */
static ds_code client_greet(struct deltastream_client *client,
                            char ret_reason[LOAD_NATIVE_REASON_BYTES_MAX])
{
    const struct deltastream_call_options options = {.struct_size = sizeof options,
                                                     .timeout_ms = HELLO_TIMEOUT_MS};
    struct deltastream_reply *reply = NULL;
    const enum deltastream_code code =
        deltastream_call_raw(client, deltastream_method_find(HELLO), NULL, 0, &options, &reply);
    const bool is_there = code != DELTASTREAM_UNAVAILABLE && code != DELTASTREAM_DEADLINE_EXCEEDED;
    if (!is_there) {
        (void)snprintf(ret_reason, LOAD_NATIVE_REASON_BYTES_MAX, "%s",
                       deltastream_reply_message(reply));
    }
    deltastream_reply_free(reply);
    return is_there ? DS_OK : DS_UNAVAILABLE;
}

static ds_code clients_open(struct load_native *native, const struct load_native_options *options,
                            char ret_reason[LOAD_NATIVE_REASON_BYTES_MAX])
{
    while (native->client_count < options->client_count) {
        struct deltastream_client **place = &native->clients[native->client_count];
        DS_TRY(client_open(options, place, ret_reason));
        native->client_count++;
    }
    for (uint32_t i = 0; i < native->client_count; i++) {
        DS_TRY(client_greet(native->clients[i], ret_reason));
    }
    return DS_OK;
}

ds_code load_native_open(const struct load_native_options *options, struct load_native **ret_native,
                         char ret_reason[LOAD_NATIVE_REASON_BYTES_MAX])
{
    assert(options->client_count > 0);
    struct load_native *native =
        load_allocate(1, sizeof *native + options->client_count * sizeof native->clients[0]);
    native->loop = options->loop;
    native->shares_messages = options->shares_messages;
    const ds_code code = clients_open(native, options, ret_reason);
    if (code != DS_OK) {
        load_native_close(native);
        return code;
    }
    *ret_native = native;
    return DS_OK;
}

void load_native_close(struct load_native *native)
{
    if (native == NULL) {
        return;
    }
    for (uint32_t i = 0; i < native->client_count; i++) {
        deltastream_client_close(native->clients[i]);
    }
    assert(atomic_load(&native->ended) == NULL);
    free(native);
}

/* On a thread of the library. The bell rings for the first one only: whoever takes it takes all. */
static void call_done(void *context, struct deltastream_reply *reply)
{
    struct load_native_call *call = context;
    struct load_native *native = call->native;
    struct load_loop *loop = native->loop;
    call->ended_ns = load_loop_now_ns(loop);
    call->reply = reply;
    struct load_native_call *newest = atomic_load_explicit(&native->ended, memory_order_relaxed);
    do {
        call->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&native->ended, &newest, call,
                                                    memory_order_release, memory_order_relaxed));
    if (newest == NULL) {
        load_loop_ring(loop);
    }
}

/* Memory and options of a call are kept from one time to the next. */
static void slot_create(const struct load_native *native, struct load_native_call *call)
{
    const struct deltastream_slot_options options = {.struct_size = sizeof options,
                                                     .done = call_done,
                                                     .context = call,
                                                     .no_retry = true,
                                                     .collect = native->shares_messages};
    const enum deltastream_code code = deltastream_slot_create(&options, &call->slot);
    assert(code == DELTASTREAM_OK);
    (void)code;
}

void load_native_call_deinit(struct load_native_call *call)
{
    deltastream_slot_free(call->slot);
}

void load_native_send(struct load_native *native, struct load_native_call *call)
{
    if (call->slot == NULL) {
        slot_create(native, call);
    }
    call->native = native;
    call->sent_ns = load_loop_now_ns(native->loop);
    deltastream_slot_call(call->slot, native->clients[native->turn], call->method,
                          call->payload.data, call->payload.size, call->authorization,
                          call->timeout_ms);
    if (native->shares_messages) {
        native->has_collected = true;
    } else {
        native->turn = (native->turn + 1) % native->client_count;
    }
}

/* The calls of one turn go out by one client, the next turn's by the next. */
void load_native_flush(struct load_native *native)
{
    if (native->has_collected) {
        native->has_collected = false;
        deltastream_client_flush(native->clients[native->turn]);
        native->turn = (native->turn + 1) % native->client_count;
    }
}

/* In the order in which they ended. */
static struct load_native_call *ended_take(struct load_native *native)
{
    struct load_native_call *newest =
        atomic_exchange_explicit(&native->ended, NULL, memory_order_acquire);
    struct load_native_call *oldest = NULL;
    while (newest != NULL) {
        struct load_native_call *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static bool is_refusal(const struct deltastream_reply *reply)
{
    struct deltastream_reply_info info = {.struct_size = sizeof info};
    return deltastream_reply_code(reply) == DELTASTREAM_RESOURCE_EXHAUSTED &&
           deltastream_reply_describe(reply, &info) == DELTASTREAM_OK && info.has_retry_after;
}

void load_native_take(struct load_native *native)
{
    struct load_native_call *call = ended_take(native);
    while (call != NULL) {
        struct load_native_call *next = call->next;
        struct deltastream_reply *reply = call->reply;
        call->code = (ds_code)deltastream_reply_code(reply);
        call->is_refusal = call->code != DS_OK && is_refusal(reply);
        call->response.data = deltastream_reply_wire(reply, &call->response.size);
        call->ended(call);
        deltastream_reply_free(reply);
        call = next;
    }
}
