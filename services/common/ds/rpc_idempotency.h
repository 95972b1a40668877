/*
 * Idempotency keys: a call that changes something and has a key is executed once in
 * DS_IDEMPOTENCY_TTL_US, however often it comes; who comes again gets the first reply. A key
 * belongs to the caller's principal and to the method. Private to ds_common; any thread.
 *
 * Remembered are replies of DS_OK and of those failures after which nobody knows what was done
 * (INTERNAL, UNKNOWN, DATA_LOSS). A handler that fails with another code has changed nothing, so
 * the key is free again.
 */
#ifndef DS_RPC_IDEMPOTENCY_H
#define DS_RPC_IDEMPOTENCY_H

#include "ds/rpc_call.h"

#define DS_IDEMPOTENCY_KEY_BYTES_MAX 64
#define DS_IDEMPOTENCY_TTL_US (10LL * 60 * 1000000)
/* Of the replies together; past either limit the oldest are forgotten before their time. */
#define DS_IDEMPOTENCY_REPLY_BYTES_MAX (64 * 1024 * 1024)
#define DS_IDEMPOTENCY_KEYS_DEFAULT 65536

struct ds_idempotency_keys;

/* Never NULL. The clock outlives it. */
struct ds_idempotency_keys *ds_idempotency_create(const struct ds_clock *clock, size_t keys_max);
/* Takes NULL. No call may be under way. */
void ds_idempotency_destroy(struct ds_idempotency_keys *store);

/*
 * The call is about to be executed. DS_OK: go on, unless call->is_replay, which has its reply and
 * code already; ds_idempotency_settle() is owed where call->holds_key. DS_DEFERRED: the first call
 * is still running and settles this one; it may be gone already. Else the call's failure.
 */
DS_MUST_USE ds_code ds_idempotency_claim(struct ds_idempotency_keys *store, struct ds_call *call);

/*
 * The end of a call that holds its key: `executed` is what its handler returned, call->response,
 * failure and so on are there for `code`. Returns the calls that waited for it, linked by
 * next_waiter, each filled as a replay (call->code).
 */
struct ds_call *ds_idempotency_settle(struct ds_idempotency_keys *store, struct ds_call *call,
                                      ds_code executed, ds_code code);

struct ds_idempotency_figures {
    size_t key_count;
    size_t reply_bytes; /* of the replies that are kept */
};

struct ds_idempotency_figures ds_idempotency_figures(struct ds_idempotency_keys *store);

#endif
