#include "ds/channel_retrier.h"

#include "ds/channel.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

struct ds_retrier {
    struct ds_channel *channel;
    struct ds_retry_policy policy;
    struct ds_retry_bucket bucket;
    uint32_t (*random)(void *context); /* NULL: the system's */
    void *random_context;
    bool has_alternatives; /* other endpoints that may answer what one did not take */

    /* Guards all that follows, and is_given_up, is_waiting, due_us and, while it waits here, next
     * of each call. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct ds_client_call *waiting; /* the next one due comes first */
    bool is_stopping;
    bool has_thread;
    pthread_t thread;
};

struct ds_retrier *ds_retrier_create(struct ds_channel *channel,
                                     const struct ds_channel_options *options)
{
    static const struct ds_retry_policy no_policy = {.attempts_max = 1};
    struct ds_retrier *retrier = calloc(1, sizeof *retrier);
    if (retrier == NULL) {
        abort();
    }
    retrier->channel = channel;
    retrier->policy = options->retry != NULL ? *options->retry : no_policy;
    if (retrier->policy.attempts_max > DS_RETRY_ATTEMPTS_MAX) {
        retrier->policy.attempts_max = DS_RETRY_ATTEMPTS_MAX;
    }
    ds_retry_bucket_init(&retrier->bucket, &retrier->policy);
    retrier->random = options->random;
    retrier->random_context = options->random_context;
    retrier->has_alternatives = options->url_count > 1;
    pthread_mutex_init(&retrier->mutex, NULL);
    pthread_cond_init(&retrier->changed, NULL);
    return retrier;
}

static uint32_t draw(const struct ds_retrier *retrier)
{
    uint32_t random = UINT32_MAX / 2;
    if (retrier->random != NULL) {
        return retrier->random(retrier->random_context);
    }
    /* Without randomness the wait is what it is without jitter. */
    return getrandom(&random, sizeof random, 0) == sizeof random ? random : UINT32_MAX / 2;
}

/* Waits until the first call is due; the channel's clock may be a test's, a wait goes by the
 * machine's. */
static void wait_for_due_locked(struct ds_retrier *retrier)
{
    if (retrier->waiting == NULL) {
        pthread_cond_wait(&retrier->changed, &retrier->mutex);
        return;
    }
    const int64_t left_us =
        retrier->waiting->due_us - ds_clock_monotonic_us(retrier->channel->clock);
    if (left_us > 0) {
        const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
        (void)ds_clock_wait_until(&retrier->changed, &retrier->mutex, now_us + left_us);
    }
}

static struct ds_client_call *take_due_locked(struct ds_retrier *retrier)
{
    struct ds_client_call *call = retrier->waiting;
    if (call == NULL || call->due_us > ds_clock_monotonic_us(retrier->channel->clock)) {
        return NULL;
    }
    retrier->waiting = call->next;
    call->next = NULL;
    call->is_waiting = false;
    return call;
}

static void *retrier_main(void *argument)
{
    struct ds_retrier *retrier = argument;
    pthread_mutex_lock(&retrier->mutex);
    while (!retrier->is_stopping) {
        struct ds_client_call *call = take_due_locked(retrier);
        if (call == NULL) {
            wait_for_due_locked(retrier);
            continue;
        }
        /* Under the mutex, so that a cancel finds it either here or with the transport. */
        call->attempt_begun_us = ds_clock_monotonic_us(retrier->channel->clock);
        atomic_fetch_add_explicit(&retrier->channel->repeated_calls, 1, memory_order_relaxed);
        ds_client_call_start(retrier->channel, call);
        pthread_mutex_unlock(&retrier->mutex);
        ds_channel_flush(retrier->channel);
        pthread_mutex_lock(&retrier->mutex);
    }
    pthread_mutex_unlock(&retrier->mutex);
    return NULL;
}

static struct ds_client_call *take_any(struct ds_retrier *retrier)
{
    pthread_mutex_lock(&retrier->mutex);
    struct ds_client_call *call = retrier->waiting;
    if (call != NULL) {
        retrier->waiting = call->next;
        call->is_waiting = false;
    }
    pthread_mutex_unlock(&retrier->mutex);
    return call;
}

void ds_retrier_stop(struct ds_retrier *retrier)
{
    pthread_mutex_lock(&retrier->mutex);
    retrier->is_stopping = true;
    pthread_cond_broadcast(&retrier->changed);
    const bool has_thread = retrier->has_thread;
    pthread_mutex_unlock(&retrier->mutex);
    if (has_thread) {
        pthread_join(retrier->thread, NULL);
    }
    for (struct ds_client_call *call = take_any(retrier); call != NULL; call = take_any(retrier)) {
        ds_client_call_fail(retrier->channel, call, DS_CANCELLED,
                            ds_client_failure_text(DS_CANCELLED));
    }
}

void ds_retrier_destroy(struct ds_retrier *retrier)
{
    if (retrier != NULL) {
        pthread_cond_destroy(&retrier->changed);
        pthread_mutex_destroy(&retrier->mutex);
        free(retrier);
    }
}

static void insert_locked(struct ds_retrier *retrier, struct ds_client_call *call)
{
    struct ds_client_call **place = &retrier->waiting;
    while (*place != NULL && (*place)->due_us <= call->due_us) {
        place = &(*place)->next;
    }
    call->next = *place;
    *place = call;
    call->is_waiting = true;
    if (!retrier->has_thread) {
        retrier->has_thread = true;
        if (pthread_create(&retrier->thread, NULL, retrier_main, retrier) != 0) {
            abort();
        }
    }
    pthread_cond_broadcast(&retrier->changed);
}

/* The call may be the caller's again as soon as the lock is released. */
static bool make_again_after(struct ds_retrier *retrier, struct ds_client_call *call,
                             uint32_t wait_ms)
{
    const int64_t now_us = ds_clock_monotonic_us(retrier->channel->clock);
    const int64_t due_us = now_us + (int64_t)wait_ms * 1000;
    /* A wait past the deadline would only put the loss of the answer that is there in its place. */
    if (due_us >= ds_client_call_deadline_us(call)) {
        return false;
    }
    pthread_mutex_lock(&retrier->mutex);
    const bool is_wanted = !retrier->is_stopping && !call->is_given_up;
    if (is_wanted) {
        ds_client_call_release(call);
        call->attempt++;
        call->due_us = due_us;
        insert_locked(retrier, call);
    }
    pthread_mutex_unlock(&retrier->mutex);
    return is_wanted;
}

/* Whoever asks how a server is wants to know it now. */
static bool is_one_shot(const struct ds_retrier *retrier, const struct ds_client_call *call)
{
    return call->is_final || call->method->pool == DS_POOL_CONTROL ||
           retrier->policy.attempts_max < 2;
}

bool ds_retrier_may_repeat(const struct ds_retrier *retrier, const struct ds_client_call *call)
{
    if (is_one_shot(retrier, call)) {
        return false;
    }
    if (call->method->idempotency == DS_NO_SIDE_EFFECTS) {
        return true;
    }
    if (retrier->policy.reads_only) {
        return false;
    }
    /* A replica does not know the keys of another one, and a server that has been started anew not
     * those of before: it is told which server it must be, so that has to be known. */
    return call->method->idempotency == DS_IDEMPOTENT ||
           (call->idempotency_key.size > 0 && !retrier->has_alternatives &&
            (!call->may_have_run || call->run_epoch != 0));
}

static bool may_go_elsewhere(const struct ds_retrier *retrier, const struct ds_client_call *call)
{
    return retrier->has_alternatives && call->is_unexecuted && call->code == DS_UNAVAILABLE &&
           !call->has_gone_elsewhere && !call->is_final && call->retry_pushback_ms >= 0;
}

static bool is_retryable(const struct ds_retrier *retrier, ds_code code)
{
    return (retrier->policy.retryable_codes & DS_RETRY_ON(code)) != 0;
}

/* A server that says how long to wait is believed; the backoff begins anew after it. */
static uint32_t next_wait_ms(const struct ds_retrier *retrier, struct ds_client_call *call)
{
    if (call->has_retry_pushback) {
        call->backoff_step = 0;
        return (uint32_t)call->retry_pushback_ms;
    }
    call->backoff_step++;
    return ds_retry_backoff_ms(&retrier->policy, call->backoff_step, draw(retrier));
}

bool ds_retrier_take(struct ds_retrier *retrier, struct ds_client_call *call)
{
    if (call->code == DS_OK) {
        ds_retry_bucket_give(&retrier->bucket);
        return false;
    }
    if (may_go_elsewhere(retrier, call)) {
        call->has_gone_elsewhere = true;
        return make_again_after(retrier, call, 0);
    }
    const bool is_passing = is_retryable(retrier, call->code);
    if (!is_passing && call->retry_pushback_ms >= 0) {
        return false;
    }
    const bool has_tokens = ds_retry_bucket_take(&retrier->bucket);
    if (!is_passing || !has_tokens || call->retry_pushback_ms < 0 || is_one_shot(retrier, call) ||
        call->retried_count + 1 >= retrier->policy.attempts_max ||
        !(call->is_unexecuted || ds_retrier_may_repeat(retrier, call))) {
        return false;
    }
    call->retried_count++;
    return make_again_after(retrier, call, next_wait_ms(retrier, call));
}

bool ds_retrier_cancel(struct ds_retrier *retrier, struct ds_client_call *call)
{
    pthread_mutex_lock(&retrier->mutex);
    call->is_given_up = true;
    const bool was_waiting = call->is_waiting;
    if (was_waiting) {
        struct ds_client_call **place = &retrier->waiting;
        while (*place != call) {
            place = &(*place)->next;
        }
        *place = call->next;
        call->is_waiting = false;
    }
    pthread_mutex_unlock(&retrier->mutex);
    return was_waiting;
}
