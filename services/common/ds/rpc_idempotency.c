#include "ds/rpc_idempotency.h"

#include "ds/frame.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define DIGEST_BYTES 32
#define BUCKET_COUNT 4096
/* How soon a call may come again whose predecessor ended without a result. */
#define RETRY_MS 100

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

/* What became of the first call. Memory of its own. */
struct reply {
    ds_code code;
    ds_reason reason;
    char *failure;
    struct ds_buffer response;
    struct ds_metadata_entry *metadata;
    size_t metadata_count;
};

struct ds_idempotency_key {
    struct digest id; /* of principal, method and key */
    struct digest payload;
    int64_t expires_us;
    bool is_settled;
    struct reply reply;               /* once it is settled */
    struct ds_call *waiters;          /* until then */
    struct ds_idempotency_key *next;  /* in its bucket */
    struct ds_idempotency_key *older; /* by the time they came */
    struct ds_idempotency_key *newer;
};

struct ds_idempotency_keys {
    const struct ds_clock *clock;
    size_t keys_max;
    pthread_mutex_t mutex; /* guards what follows */
    struct ds_idempotency_key *oldest;
    struct ds_idempotency_key *newest;
    size_t key_count;
    size_t reply_bytes;
    struct ds_idempotency_key *buckets[BUCKET_COUNT];
};

struct ds_idempotency_keys *ds_idempotency_create(const struct ds_clock *clock, size_t keys_max)
{
    struct ds_idempotency_keys *store = calloc(1, sizeof *store);
    if (store == NULL || sodium_init() < 0) {
        abort();
    }
    store->clock = clock;
    store->keys_max = keys_max;
    pthread_mutex_init(&store->mutex, NULL);
    return store;
}

static void reply_free(struct reply *reply)
{
    for (size_t i = 0; i < reply->metadata_count; i++) {
        free((void *)(uintptr_t)reply->metadata[i].key);
        free((void *)(uintptr_t)reply->metadata[i].value.data);
    }
    free(reply->metadata);
    free(reply->failure);
    ds_buffer_deinit(&reply->response);
}

static struct ds_idempotency_key **bucket_of(struct ds_idempotency_keys *store,
                                             const struct digest *id)
{
    return &store->buckets[((size_t)id->bytes[0] << 8 | id->bytes[1]) % BUCKET_COUNT];
}

static void forget_locked(struct ds_idempotency_keys *store, struct ds_idempotency_key *key)
{
    struct ds_idempotency_key **place = bucket_of(store, &key->id);
    while (*place != key) {
        place = &(*place)->next;
    }
    *place = key->next;
    *(key->older != NULL ? &key->older->newer : &store->oldest) = key->newer;
    *(key->newer != NULL ? &key->newer->older : &store->newest) = key->older;
    store->key_count--;
    store->reply_bytes -= key->reply.response.size;
    reply_free(&key->reply);
    free(key);
}

void ds_idempotency_destroy(struct ds_idempotency_keys *store)
{
    if (store == NULL) {
        return;
    }
    while (store->oldest != NULL) {
        forget_locked(store, store->oldest);
    }
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

/* Keys of calls that are still running stay. */
static void make_room_locked(struct ds_idempotency_keys *store, int64_t now_us)
{
    struct ds_idempotency_key *newer = NULL;
    for (struct ds_idempotency_key *key = store->oldest; key != NULL; key = newer) {
        newer = key->newer;
        const bool is_over = store->key_count >= store->keys_max ||
                             store->reply_bytes > DS_IDEMPOTENCY_REPLY_BYTES_MAX;
        if (!is_over && key->expires_us > now_us) {
            return;
        }
        if (key->is_settled) {
            forget_locked(store, key);
        }
    }
}

static struct ds_idempotency_key *find_locked(struct ds_idempotency_keys *store,
                                              const struct digest *id)
{
    struct ds_idempotency_key *key = *bucket_of(store, id);
    while (key != NULL && sodium_memcmp(&key->id, id, sizeof *id) != 0) {
        key = key->next;
    }
    return key;
}

static void hash_part(crypto_generichash_state *state, struct ds_bytes part)
{
    /* With its length, so that no two lists of parts are the same bytes. */
    const uint64_t size = part.size;
    crypto_generichash_update(state, (const uint8_t *)&size, sizeof size);
    crypto_generichash_update(state, part.data, part.size);
}

static struct digest id_of(const struct ds_call *call)
{
    struct digest digest;
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof digest.bytes);
    hash_part(&state, ds_bytes_of_text(call->principal.subject));
    hash_part(&state, ds_bytes_of_text(call->method->full_name));
    hash_part(&state, call->request.idempotency_key);
    crypto_generichash_final(&state, digest.bytes, sizeof digest.bytes);
    return digest;
}

static struct digest payload_digest(const struct ds_call *call)
{
    struct digest digest;
    crypto_generichash(digest.bytes, sizeof digest.bytes, call->request.payload.data,
                       call->request.payload.size, NULL, 0);
    return digest;
}

static void *copy_or_abort(const void *from, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, from, size);
    }
    copy[size] = '\0';
    return copy;
}

static void reply_fill(struct reply *reply, const struct ds_call *call, ds_code code)
{
    reply->code = code;
    reply->reason = call->reason;
    reply->failure = copy_or_abort(call->failure, strlen(call->failure));
    if (code == DS_OK) {
        ds_buffer_append(&reply->response, call->response.data, call->response.size);
    }
    reply->metadata_count = call->answer_metadata_count;
    reply->metadata = calloc(reply->metadata_count + 1, sizeof *reply->metadata);
    if (reply->metadata == NULL) {
        abort();
    }
    for (size_t i = 0; i < reply->metadata_count; i++) {
        const struct ds_metadata_entry *entry = &call->answer_metadata[i];
        reply->metadata[i].key = copy_or_abort(entry->key, strlen(entry->key));
        reply->metadata[i].value =
            ds_bytes_of(copy_or_abort(entry->value.data, entry->value.size), entry->value.size);
    }
}

/* The call gets what the first one got. */
static void replay(struct ds_call *call, const struct reply *reply)
{
    call->is_replay = true;
    call->code = reply->code;
    if (reply->code != DS_OK) {
        call->code = ds_fail_reason(call, reply->code, reply->reason, "%s", reply->failure);
    }
    struct ds_buffer *response = ds_call_raw_response(call);
    ds_buffer_append(response, reply->response.data, reply->response.size);
    for (size_t i = 0; i < reply->metadata_count; i++) {
        const ds_code code =
            ds_call_set_metadata(call, reply->metadata[i].key, reply->metadata[i].value);
        (void)code; /* The first call had room for it. */
    }
}

static void replay_nothing(struct ds_call *call)
{
    call->is_replay = true;
    ds_call_set_retry_after_ms(call, RETRY_MS);
    call->code = ds_fail_reason(call, DS_UNAVAILABLE, DS_REASON(SERVICE_UNAVAILABLE),
                                "the call that came first with this idempotency key ended without "
                                "a result");
}

static void remember_locked(struct ds_idempotency_keys *store, struct ds_call *call,
                            const struct digest *id, const struct digest *payload)
{
    struct ds_idempotency_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        abort();
    }
    const int64_t now_us = ds_clock_monotonic_us(store->clock);
    make_room_locked(store, now_us);
    *key = (struct ds_idempotency_key){
        .id = *id,
        .payload = *payload,
        .expires_us = now_us + DS_IDEMPOTENCY_TTL_US,
        .older = store->newest,
        .next = *bucket_of(store, id),
    };
    ds_buffer_init(&key->reply.response, DS_FRAME_PAYLOAD_BYTES_MAX);
    *bucket_of(store, id) = key;
    *(store->newest != NULL ? &store->newest->newer : &store->oldest) = key;
    store->newest = key;
    store->key_count++;
    call->holds_key = true;
    call->key = key;
}

/* The keys of before the start are forgotten: an earlier attempt may have been executed then. What
 * is idempotent by itself may run twice. */
static ds_code refuse_after_restart(struct ds_call *call)
{
    const uint64_t epoch = call->request.server_epoch;
    if (epoch == 0 || epoch == ds_rpc_server_epoch(call->server) ||
        call->method->idempotency == DS_IDEMPOTENT) {
        return DS_OK;
    }
    ds_call_set_retry_after_ms(call, -1);
    return ds_fail_reason(
        call, DS_UNAVAILABLE, DS_REASON(SERVER_RESTARTED),
        "the server was started anew after an earlier attempt of this call, which "
        "may have been executed");
}

static ds_code claim_locked(struct ds_idempotency_keys *store, struct ds_call *call,
                            const struct digest *id, const struct digest *payload)
{
    struct ds_idempotency_key *key = find_locked(store, id);
    if (key != NULL && key->is_settled && key->expires_us <= ds_clock_monotonic_us(store->clock)) {
        forget_locked(store, key);
        key = NULL;
    }
    if (key == NULL) {
        DS_TRY(refuse_after_restart(call));
        remember_locked(store, call, id, payload);
        return DS_OK;
    }
    if (sodium_memcmp(&key->payload, payload, sizeof *payload) != 0) {
        return ds_fail_reason(call, DS_FAILED_PRECONDITION, DS_REASON(IDEMPOTENCY_KEY_REUSED),
                              "the idempotency key was used for another request");
    }
    if (key->is_settled) {
        replay(call, &key->reply);
        return DS_OK;
    }
    call->next_waiter = key->waiters;
    key->waiters = call;
    return DS_DEFERRED;
}

ds_code ds_idempotency_claim(struct ds_idempotency_keys *store, struct ds_call *call)
{
    const struct ds_bytes text = call->request.idempotency_key;
    if (text.size == 0 || call->method->idempotency == DS_NO_SIDE_EFFECTS) {
        return DS_OK;
    }
    if (text.size > DS_IDEMPOTENCY_KEY_BYTES_MAX) {
        return ds_fail_field(call, "idempotency_key", "an idempotency key has at most %d bytes",
                             DS_IDEMPOTENCY_KEY_BYTES_MAX);
    }
    const struct digest id = id_of(call);
    const struct digest payload = payload_digest(call);
    pthread_mutex_lock(&store->mutex);
    const ds_code code = claim_locked(store, call, &id, &payload);
    pthread_mutex_unlock(&store->mutex);
    return code;
}

static bool is_worth_remembering(ds_code executed)
{
    return executed == DS_OK || executed == DS_INTERNAL || executed == DS_UNKNOWN ||
           executed == DS_DATA_LOSS;
}

static void settle_waiters(struct ds_call *waiters, const struct reply *reply)
{
    for (struct ds_call *waiter = waiters; waiter != NULL; waiter = waiter->next_waiter) {
        if (reply != NULL) {
            replay(waiter, reply);
        } else {
            replay_nothing(waiter);
        }
    }
}

struct ds_call *ds_idempotency_settle(struct ds_idempotency_keys *store, struct ds_call *call,
                                      ds_code executed, ds_code code)
{
    struct ds_idempotency_key *key = call->key;
    const bool is_remembered = is_worth_remembering(executed);
    pthread_mutex_lock(&store->mutex);
    struct ds_call *waiters = key->waiters;
    key->waiters = NULL;
    if (is_remembered) {
        reply_fill(&key->reply, call, code);
        key->is_settled = true;
        store->reply_bytes += key->reply.response.size;
    }
    settle_waiters(waiters, is_remembered ? &key->reply : NULL);
    if (!is_remembered) {
        forget_locked(store, key);
    }
    pthread_mutex_unlock(&store->mutex);
    return waiters;
}

struct ds_idempotency_figures ds_idempotency_figures(struct ds_idempotency_keys *store)
{
    pthread_mutex_lock(&store->mutex);
    const struct ds_idempotency_figures figures = {.key_count = store->key_count,
                                                   .reply_bytes = store->reply_bytes};
    pthread_mutex_unlock(&store->mutex);
    return figures;
}
