#include "clients/c/client.h"
#include "clients/c/fork.h"
#include "ds/rpc_idempotency.h"

#include <assert.h>
#include <stdlib.h>

/* Beside what is copied, which extends it. */
#define ARENA_BYTES_MAX 4096
#define CALL_OPTIONS_BYTES_MIN sizeof(struct deltastream_call_options)

/* Callbacks of asynchronous calls that this thread is in: one may flush, and so end another call.
 */
static _Thread_local unsigned int callback_depth;

bool thread_is_in_callback(void)
{
    return callback_depth > 0;
}

struct deltastream_call *call_create(struct deltastream_client *client,
                                     const struct ds_method *method, size_t request_bytes)
{
    assert(client != NULL);
    fork_mind();
    struct deltastream_call *call = malloc(sizeof *call + request_bytes);
    if (call == NULL) {
        abort();
    }
    memset(call, 0, sizeof *call);
    atomic_init(&call->reference_count, 1);
    call->client = client;
    call->call.method = method;
    call->call.payload = ds_bytes_of(call->request, request_bytes);
    call->message = "";
    ds_buffer_init(&call->json, SIZE_MAX / 2);
    return call;
}

void call_unref(struct deltastream_call *call)
{
    if (atomic_fetch_sub(&call->reference_count, 1) > 1) {
        return;
    }
    ds_client_call_release(&call->call);
    ds_arena_destroy(call->arena);
    /* Few replies are ever asked for their JSON. */
    if (call->json.data != NULL) {
        ds_buffer_deinit(&call->json);
    }
    if (!call->is_of_slot) {
        free(call);
    }
}

struct ds_arena *call_arena(struct deltastream_call *call)
{
    if (call->arena == NULL) {
        call->arena = ds_arena_create(ARENA_BYTES_MAX);
    }
    return call->arena;
}

static void *copy(struct deltastream_call *call, const void *data, size_t size)
{
    struct ds_arena *arena = call_arena(call);
    ds_arena_extend(arena, size + sizeof(max_align_t));
    char *target = ds_arena_copy_text(arena, data, size);
    assert(target != NULL);
    return target;
}

static const char *copy_text(struct deltastream_call *call, const char *text)
{
    return text == NULL ? NULL : copy(call, text, strlen(text));
}

static const char *metadata_refusal(const struct deltastream_metadata *metadata, size_t count)
{
    struct ds_metadata_entry entries[DS_METADATA_ENTRIES_MAX];
    if (count > DS_METADATA_ENTRIES_MAX) {
        return "metadata has at most 64 entries";
    }
    for (size_t i = 0; i < count; i++) {
        if (metadata == NULL || metadata[i].key == NULL ||
            (metadata[i].value == NULL && metadata[i].value_bytes > 0)) {
            return "metadata: a key or a value is NULL";
        }
        entries[i] = (struct ds_metadata_entry){
            .key = metadata[i].key,
            .value = ds_bytes_of(metadata[i].value, metadata[i].value_bytes)};
    }
    return ds_client_metadata_refusal(entries, count);
}

static const char *options_take(const struct deltastream_call_options *given,
                                struct deltastream_call_options *ret_options)
{
    memset(ret_options, 0, sizeof *ret_options);
    if (given == NULL) {
        return NULL;
    }
    if (!struct_take(ret_options, sizeof *ret_options, CALL_OPTIONS_BYTES_MIN, given)) {
        return "call options: struct_size is not that of this release or an earlier one";
    }
    if ((unsigned int)ret_options->compression > DELTASTREAM_COMPRESSION_ON) {
        return "compression: no such choice";
    }
    if (ret_options->idempotency_key_bytes > DS_IDEMPOTENCY_KEY_BYTES_MAX ||
        (ret_options->idempotency_key == NULL && ret_options->idempotency_key_bytes > 0)) {
        return "idempotency_key: it has 1 to 64 bytes";
    }
    return metadata_refusal(ret_options->metadata, ret_options->metadata_count);
}

const char *deltastream_call_options_refusal(const struct deltastream_call_options *options)
{
    struct deltastream_call_options taken;
    return options_take(options, &taken);
}

static const struct ds_metadata_entry *metadata_copy(struct deltastream_call *call,
                                                     const struct deltastream_call_options *options)
{
    if (options->metadata_count == 0) {
        return NULL;
    }
    struct ds_arena *arena = call_arena(call);
    const size_t size = options->metadata_count * sizeof(struct ds_metadata_entry);
    ds_arena_extend(arena, size + sizeof(max_align_t));
    struct ds_metadata_entry *entries = ds_arena_alloc(arena, size);
    assert(entries != NULL);
    for (size_t i = 0; i < options->metadata_count; i++) {
        const struct deltastream_metadata *given = &options->metadata[i];
        const void *value = copy(call, given->value, given->value_bytes);
        entries[i] = (struct ds_metadata_entry){.key = copy_text(call, given->key),
                                                .value = ds_bytes_of(value, given->value_bytes)};
    }
    return entries;
}

const char *call_authorization_copy(struct deltastream_call *call)
{
    if (!atomic_load_explicit(&call->client->has_authorization, memory_order_acquire)) {
        return NULL;
    }
    pthread_mutex_lock(&call->client->mutex);
    const char *authorization = copy_text(call, call->client->authorization);
    pthread_mutex_unlock(&call->client->mutex);
    return authorization;
}

/* NULL where the call may be made, else what is wrong with its options. */
static const char *call_prepare(struct deltastream_call *call,
                                const struct deltastream_call_options *given, bool *ret_collect)
{
    struct deltastream_call_options options;
    const char *wrong = options_take(given, &options);
    if (wrong != NULL) {
        return wrong;
    }
    struct ds_client_call *inner = &call->call;
    inner->timeout_ms = options.timeout_ms != 0 ? options.timeout_ms : call->client->timeout_ms;
    inner->principal = call->client->principal;
    inner->authorization = options.authorization != NULL ? copy_text(call, options.authorization)
                                                         : call_authorization_copy(call);
    inner->traceparent = copy_text(call, options.traceparent);
    inner->tracestate = copy_text(call, options.tracestate);
    if (options.idempotency_key_bytes > 0) {
        inner->idempotency_key =
            ds_bytes_of(copy(call, options.idempotency_key, options.idempotency_key_bytes),
                        options.idempotency_key_bytes);
    }
    inner->metadata = metadata_copy(call, &options);
    inner->metadata_count = options.metadata_count;
    inner->compression = (enum ds_compression)options.compression;
    inner->is_final = options.no_retry;
    *ret_collect = options.collect;
    return NULL;
}

static void call_settle(struct deltastream_call *call)
{
    call->code = call->call.code;
    call->message = call->call.message;
    if (call->type != NULL && call->code == DS_OK) {
        typed_take_response(call);
    }
}

static void call_give(struct deltastream_call *call, struct deltastream_reply **ret_reply)
{
    if (ret_reply == NULL) {
        call_unref(call);
        return;
    }
    *ret_reply = (struct deltastream_reply *)call;
}

enum deltastream_code call_refuse(struct deltastream_call *call, ds_code code, const char *message,
                                  struct deltastream_reply **ret_reply)
{
    call->code = code;
    call->message = copy_text(call, message);
    atomic_store(&call->is_done, true);
    call_give(call, ret_reply);
    return (enum deltastream_code)code;
}

enum deltastream_code call_run(struct deltastream_call *call,
                               const struct deltastream_call_options *options,
                               struct deltastream_reply **ret_reply)
{
    bool collect;
    if (thread_is_in_callback()) {
        return call_refuse(call, DS_FAILED_PRECONDITION,
                           "a callback must not wait: begin an asynchronous call there", ret_reply);
    }
    const char *wrong = call_prepare(call, options, &collect);
    if (wrong != NULL) {
        return call_refuse(call, DS_INVALID_ARGUMENT, wrong, ret_reply);
    }
    (void)ds_channel_call_wait(call->client->channel, &call->call);
    call_settle(call);
    atomic_store(&call->is_done, true);
    const ds_code code = call->code;
    call_give(call, ret_reply);
    return (enum deltastream_code)code;
}

void call_deliver(struct deltastream_call *call)
{
    call_settle(call);
    atomic_store(&call->is_done, true);
    callback_depth++;
    call->done(call->context, (struct deltastream_reply *)call);
    callback_depth--;
}

static void call_done(struct ds_client_call *inner)
{
    struct deltastream_call *call = inner->context;
    call_deliver(call);
    call_unref(call);
}

enum deltastream_code call_begin(struct deltastream_call *call,
                                 const struct deltastream_call_options *options,
                                 deltastream_done_fn done, void *context,
                                 struct deltastream_call **ret_call)
{
    bool collect;
    assert(done != NULL);
    if (call_prepare(call, options, &collect) != NULL) {
        call_unref(call);
        return DELTASTREAM_INVALID_ARGUMENT;
    }
    call->done = done;
    call->context = context;
    call->call.done = call_done;
    call->call.context = call;
    atomic_fetch_add(&call->reference_count, ret_call != NULL ? 2 : 1);
    if (ret_call != NULL) {
        *ret_call = call;
    }
    /* The call may be over, and gone, as soon as it is made: another thread may flush. */
    struct ds_channel *channel = call->client->channel;
    ds_channel_call(channel, &call->call);
    if (!collect) {
        ds_channel_flush(channel);
    }
    return DELTASTREAM_OK;
}

void deltastream_call_cancel(struct deltastream_call *call)
{
    fork_mind();
    if (!atomic_load(&call->is_done)) {
        ds_channel_cancel(call->client->channel, &call->call);
    }
}

void deltastream_call_release(struct deltastream_call *call)
{
    if (call != NULL) {
        call_unref(call);
    }
}

static struct deltastream_call *raw_create(struct deltastream_client *client,
                                           const struct deltastream_method *method,
                                           const void *request, size_t request_bytes, bool borrows)
{
    assert(request != NULL || request_bytes == 0);
    struct deltastream_call *call =
        call_create(client, method_of(method), borrows ? 0 : request_bytes);
    if (borrows) {
        call->call.payload = ds_bytes_of(request, request_bytes);
    } else if (request_bytes > 0) {
        memcpy(call->request, request, request_bytes);
    }
    return call;
}

enum deltastream_code deltastream_call_raw(struct deltastream_client *client,
                                           const struct deltastream_method *method,
                                           const void *request, size_t request_bytes,
                                           const struct deltastream_call_options *options,
                                           struct deltastream_reply **ret_reply)
{
    struct deltastream_call *call = raw_create(client, method, request, request_bytes, true);
    if (method == NULL) {
        return call_refuse(call, DS_UNIMPLEMENTED, "there is no method of that name", ret_reply);
    }
    return call_run(call, options, ret_reply);
}

enum deltastream_code deltastream_call_raw_async(struct deltastream_client *client,
                                                 const struct deltastream_method *method,
                                                 const void *request, size_t request_bytes,
                                                 const struct deltastream_call_options *options,
                                                 deltastream_done_fn done, void *context,
                                                 struct deltastream_call **ret_call)
{
    if (method == NULL) {
        return DELTASTREAM_UNIMPLEMENTED;
    }
    struct deltastream_call_options taken;
    const bool borrows = options_take(options, &taken) == NULL && taken.borrow_request;
    return call_begin(raw_create(client, method, request, request_bytes, borrows), options, done,
                      context, ret_call);
}
