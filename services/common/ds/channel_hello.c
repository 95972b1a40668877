#include "ds/channel_hello.h"

#include "deltastream/rpc/v1/control.pb-c.h"
#include "ds/arena.h"
#include "ds/compress.h"
#include "ds/frame.h"
#include "ds/wire.h"
#include "ds/wire_check.h"
#include "schema.gen.h"

#include <stdio.h>

#define NAME_BYTES_MAX 256
/* How long calls wait for Hello, and how long after one that brought nothing comes the next. */
#define HELLO_TIMEOUT_US 2000000
#define HELLO_INTERVAL_US 1000000
/* What a Hello may take once unpacked. */
#define UNPACKED_BYTES_MAX ((size_t)1024 * 1024)

static void take_service(struct ds_server_hello *hello, const Rpc__HelloResponse__Service *service)
{
    for (size_t i = 0; i < service->n_inline_methods; i++) {
        char name[NAME_BYTES_MAX];
        const int name_bytes =
            snprintf(name, sizeof name, "%s/%s", service->name, service->inline_methods[i]);
        const struct ds_method *method = name_bytes > 0 && (size_t)name_bytes < sizeof name
                                             ? ds_method_find(name, (size_t)name_bytes)
                                             : NULL;
        if (method != NULL && hello->method_count < DS_HELLO_METHODS_MAX) {
            hello->methods[hello->method_count++] = method;
        }
    }
}

static ds_code read_with(struct ds_arena *arena, struct ds_bytes bytes,
                         struct ds_server_hello *ret_hello)
{
    struct ds_wire_error error;
    DS_TRY(ds_wire_check(&ds_message_rpc_hello_response, bytes, &error));
    const Rpc__HelloResponse *response =
        rpc__hello_response__unpack(ds_arena_allocator(arena), bytes.size, bytes.data);
    if (response == NULL) {
        return DS_INVALID_ARGUMENT;
    }
    *ret_hello = (struct ds_server_hello){
        .server_epoch = response->server_epoch,
        .accept_encodings = response->accept_encodings,
    };
    for (size_t i = 0; i < response->n_services; i++) {
        take_service(ret_hello, response->services[i]);
    }
    return DS_OK;
}

ds_code ds_server_hello_read(struct ds_bytes response, struct ds_server_hello *ret_hello)
{
    struct ds_arena *arena = ds_arena_create(UNPACKED_BYTES_MAX);
    const ds_code code = read_with(arena, response, ret_hello);
    ds_arena_destroy(arena);
    return code;
}

/* Whether the payload's own limit is within DS_SHARED_ROWS_MAX; bytes that can't be read are the
 * server's to refuse. */
static bool asks_for_few_rows(const struct ds_method *method, struct ds_bytes payload)
{
    struct ds_wire_reader reader = ds_wire_reader_of(payload);
    uint32_t number;
    enum ds_wire_type type;
    uint64_t limit = 0;
    while (method->limit != NULL && !ds_wire_at_end(&reader) &&
           ds_wire_read_tag(&reader, &number, &type)) {
        const bool is_limit = number == method->limit->number && type == DS_WIRE_VARINT;
        if (!(is_limit ? ds_wire_read_varint(&reader, &limit) : ds_wire_skip(&reader, type))) {
            return true;
        }
    }
    return limit <= DS_SHARED_ROWS_MAX;
}

bool ds_client_call_would_share(const struct ds_client_call *call)
{
    return call->method->pool == DS_POOL_INLINE && call->attempt == 0 &&
           asks_for_few_rows(call->method, call->payload);
}

bool ds_server_hello_allows_sharing(const struct ds_server_hello *hello,
                                    const struct ds_method *method)
{
    for (size_t i = 0; i < hello->method_count; i++) {
        if (hello->methods[i] == method) {
            return true;
        }
    }
    return false;
}

static bool may_be_compressed(const struct ds_channel *channel, const struct ds_client_call *call)
{
    return call->payload.size >= DS_COMPRESS_BYTES_MIN &&
           ds_client_call_may_compress(channel, call);
}

static void sort_by_hello(const struct ds_server_hello *hello, struct ds_client_call_list *calls,
                          struct ds_sorted_calls *sorted)
{
    for (struct ds_client_call *call = ds_client_call_pop(calls); call != NULL;
         call = ds_client_call_pop(calls)) {
        const bool shares =
            ds_client_call_would_share(call) && ds_server_hello_allows_sharing(hello, call->method);
        ds_client_call_push(shares ? &sorted->shared : &sorted->alone, call);
    }
}

static void append_all(struct ds_client_call_list *target, struct ds_client_call_list *calls)
{
    for (struct ds_client_call *call = ds_client_call_pop(calls); call != NULL;
         call = ds_client_call_pop(calls)) {
        ds_client_call_push(target, call);
    }
}

/* Those that Hello would make a difference to; the others travel alone. False where it would make
 * none to any. */
static bool pick_candidates(const struct ds_channel *channel, struct ds_client_call_list *calls,
                            struct ds_client_call_list *candidates,
                            struct ds_client_call_list *alone)
{
    size_t sharing_count = 0;
    bool compresses = false;
    for (struct ds_client_call *call = ds_client_call_pop(calls); call != NULL;
         call = ds_client_call_pop(calls)) {
        const bool shares = ds_client_call_would_share(call);
        const bool is_large = may_be_compressed(channel, call);
        sharing_count += shares;
        compresses = compresses || is_large;
        ds_client_call_push(shares || is_large ? candidates : alone, call);
    }
    return compresses || sharing_count > 1;
}

/* The deadline of a Hello that those calls wait for: none of them is to end later for it. */
static int64_t hello_deadline_us(const struct ds_client_call_list *calls, int64_t now_us)
{
    int64_t deadline_us = now_us + HELLO_TIMEOUT_US;
    for (const struct ds_client_call *call = calls->first; call != NULL; call = call->next) {
        const int64_t call_us = ds_client_call_deadline_us(call);
        deadline_us = call_us < deadline_us ? call_us : deadline_us;
    }
    return deadline_us;
}

static void hold(struct ds_hello_gate *gate, struct ds_client_call_list *calls,
                 struct ds_client_call_list *alone)
{
    for (struct ds_client_call *call = ds_client_call_pop(calls); call != NULL;
         call = ds_client_call_pop(calls)) {
        const bool can_wait = ds_client_call_deadline_us(call) >= gate->hello_us;
        ds_client_call_push(can_wait ? &gate->held : alone, call);
    }
}

void ds_hello_gate_sort(struct ds_hello_gate *gate, const struct ds_channel *channel,
                        struct ds_client_call_list *calls, struct ds_sorted_calls *ret_sorted)
{
    struct ds_client_call_list candidates = {.first = NULL, .last = NULL};
    *ret_sorted = (struct ds_sorted_calls){.asks_hello = false};
    if (gate->state == DS_HELLO_KNOWN) {
        sort_by_hello(&gate->hello, calls, ret_sorted);
        return;
    }
    const int64_t now_us = ds_clock_monotonic_us(channel->clock);
    const bool may_ask = gate->state == DS_HELLO_ASKED || now_us >= gate->hello_us;
    if (!pick_candidates(channel, calls, &candidates, &ret_sorted->alone) || !may_ask) {
        append_all(&ret_sorted->alone, &candidates);
        return;
    }
    if (gate->state == DS_HELLO_UNKNOWN) {
        gate->state = DS_HELLO_ASKED;
        gate->hello_us = hello_deadline_us(&candidates, now_us);
        ret_sorted->asks_hello = true;
    }
    hold(gate, &candidates, &ret_sorted->alone);
}

struct ds_client_call_list ds_hello_gate_end(struct ds_hello_gate *gate,
                                             const struct ds_channel *channel,
                                             const struct ds_server_hello *hello)
{
    const struct ds_client_call_list held = gate->held;
    gate->held = (struct ds_client_call_list){.first = NULL, .last = NULL};
    if (hello != NULL) {
        gate->state = DS_HELLO_KNOWN;
        gate->hello = *hello;
    } else {
        gate->state = DS_HELLO_UNKNOWN;
        gate->hello_us = ds_clock_monotonic_us(channel->clock) + HELLO_INTERVAL_US;
    }
    return held;
}

void ds_hello_gate_note_epoch(struct ds_hello_gate *gate, uint64_t server_epoch)
{
    if (gate->state == DS_HELLO_KNOWN && gate->hello.server_epoch != server_epoch) {
        gate->state = DS_HELLO_UNKNOWN;
        gate->hello_us = 0;
    }
}

bool ds_hello_gate_remove(struct ds_hello_gate *gate, const struct ds_client_call *call)
{
    struct ds_client_call_list rest = {.first = NULL, .last = NULL};
    bool found = false;
    for (struct ds_client_call *other = ds_client_call_pop(&gate->held); other != NULL;
         other = ds_client_call_pop(&gate->held)) {
        if (other == call) {
            found = true;
        } else {
            ds_client_call_push(&rest, other);
        }
    }
    gate->held = rest;
    return found;
}

bool ds_hello_gate_reads_zstd(const struct ds_hello_gate *gate)
{
    return gate->state == DS_HELLO_KNOWN && (gate->hello.accept_encodings & DS_ENCODING_ZSTD) != 0;
}
