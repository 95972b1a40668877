#include "clients/load/native.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO "deltastream.rpc.v1.Control/Hello"
#define HELLO_TIMEOUT_MS 10000
#define NS_PER_MS 1000000

struct load_native {
    struct load_loop *loop;
    struct ds_channel *channels[LOAD_NATIVE_CHANNELS_MAX];
    uint32_t channel_count;
    uint32_t turn; /* the channel that the next call goes to */
    const struct ds_principal *principal;
    bool shares_messages;
    bool has_collected;
    _Atomic(struct load_native_call *) ended; /* the newest first; any thread */
};

ds_code load_native_open(const struct load_native_options *options, struct load_native **ret_native)
{
    assert(options->channel_count > 0 && options->channel_count <= LOAD_NATIVE_CHANNELS_MAX);
    struct load_native *native = calloc(1, sizeof *native);
    if (native == NULL) {
        abort();
    }
    native->loop = options->loop;
    native->principal = options->principal;
    native->shares_messages = options->shares_messages;
    const struct ds_tls_options tls = {.ca_file = options->tls_ca};
    const struct ds_channel_options channel = {
        .url = options->url, .tls = &tls, .client_name = "deltastream-load/" DS_VERSION};
    while (native->channel_count < options->channel_count) {
        const ds_code code = ds_channel_open(&channel, &native->channels[native->channel_count]);
        if (code != DS_OK) {
            load_native_close(native);
            return code;
        }
        native->channel_count++;
    }
    *ret_native = native;
    return DS_OK;
}

ds_code load_native_greet(struct load_native *native, char *ret_reason, size_t reason_bytes_max)
{
    for (uint32_t i = 0; i < native->channel_count; i++) {
        struct ds_client_call hello = {.method = ds_method_find(HELLO, strlen(HELLO)),
                                       .timeout_ms = HELLO_TIMEOUT_MS};
        const ds_code code = ds_channel_call_wait(native->channels[i], &hello);
        const bool is_there = code != DS_UNAVAILABLE && code != DS_DEADLINE_EXCEEDED;
        if (!is_there) {
            (void)snprintf(ret_reason, reason_bytes_max, "%s", hello.message);
        }
        ds_client_call_release(&hello);
        if (!is_there) {
            return code;
        }
    }
    return DS_OK;
}

void load_native_close(struct load_native *native)
{
    if (native == NULL) {
        return;
    }
    for (uint32_t i = 0; i < native->channel_count; i++) {
        ds_channel_close(native->channels[i]);
    }
    assert(atomic_load(&native->ended) == NULL);
    free(native);
}

/* On a thread of the channel. The bell rings for the first one only: whoever takes it takes all. */
static void call_done(struct ds_client_call *done)
{
    struct load_native_call *call = done->context;
    struct load_native *native = call->native;
    struct load_loop *loop = native->loop;
    call->ended_ns = load_loop_now_ns(loop);
    struct load_native_call *newest = atomic_load_explicit(&native->ended, memory_order_relaxed);
    do {
        call->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&native->ended, &newest, call,
                                                    memory_order_release, memory_order_relaxed));
    if (newest == NULL) {
        load_loop_ring(loop);
    }
}

void load_native_send(struct load_native *native, struct load_native_call *call)
{
    const int64_t timeout_ms = (call->timeout_ns + NS_PER_MS - 1) / NS_PER_MS;
    call->native = native;
    call->sent_ns = load_loop_now_ns(native->loop);
    call->call = (struct ds_client_call){
        .method = call->method,
        .payload = call->payload,
        .timeout_ms = timeout_ms < UINT32_MAX ? (uint32_t)timeout_ms : UINT32_MAX,
        .principal = native->principal,
        .authorization = call->authorization,
        .is_final = true,
        .done = call_done,
        .context = call,
    };
    struct ds_channel *channel = native->channels[native->turn];
    ds_channel_call(channel, &call->call);
    if (native->shares_messages) {
        native->has_collected = true;
        return;
    }
    ds_channel_flush(channel);
    native->turn = (native->turn + 1) % native->channel_count;
}

/* The calls of one turn go out by one channel, the next turn's by the next. */
void load_native_flush(struct load_native *native)
{
    if (native->has_collected) {
        native->has_collected = false;
        ds_channel_flush(native->channels[native->turn]);
        native->turn = (native->turn + 1) % native->channel_count;
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

void load_native_take(struct load_native *native)
{
    struct load_native_call *call = ended_take(native);
    while (call != NULL) {
        struct load_native_call *next = call->next;
        struct ds_client_call done = call->call;
        call->code = done.code;
        call->response = done.response;
        call->ended(call);
        ds_client_call_release(&done);
        call = next;
    }
}
