#include "storage/retention_sweeper.h"

#include "ds/log.h"
#include "storage/core/retention_sweep.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Deep enough for a read of the store with room to spare. */
#define SWEEPER_STACK_BYTES (256 * 1024)

struct retention_sweeper {
    struct market_store *store;
    const struct ds_clock *clock;
    pthread_t thread;
    atomic_bool stopping;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct retention_job *job; /* waits or runs */
    struct retention_rule rules[RETENTION_RULES_MAX];
    size_t rule_count;
    int64_t interval_us;
    int64_t due_us; /* the next pass by itself, monotonic */
    struct retention_totals totals;
};

/* One pass, and who wants it: a NULL job is the sweeper itself. */
struct pass {
    struct retention_sweeper *sweeper;
    struct retention_job *job;
};

static bool pass_should_stop(void *context)
{
    const struct pass *pass = context;
    return atomic_load(&pass->sweeper->stopping) ||
           (pass->job != NULL && pass->job->should_stop(pass->job->context));
}

/* The rows of a kind that went. */
static uint64_t sum_of(const struct retention_sweep *sweep, enum market_kind kind)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sweep->rule_count; i++) {
        sum += sweep->rules[i].kind == kind ? sweep->counts[i] : 0;
    }
    return sum;
}

static void tell(const struct retention_sweep *sweep, ds_code code, int64_t duration_us)
{
    const uint64_t ticks = sum_of(sweep, MARKET_TICKS);
    const uint64_t quotes = sum_of(sweep, MARKET_QUOTES);
    const uint64_t chains = sum_of(sweep, MARKET_CHAINS);
    const bool failed = code != DS_OK && code != DS_CANCELLED;
    /* A pass that found nothing is no news. */
    const enum ds_log_level quiet = ticks + quotes + chains > 0 ? DS_LOG_INFO : DS_LOG_DEBUG;
    ds_log(failed ? DS_LOG_WARNING : quiet, failed ? "retention_failed" : "retention_done",
           DS_LOG_TEXT("code", ds_code_name(code)), DS_LOG_INT("rules", sweep->rule_count),
           DS_LOG_INT("ticks_deleted", ticks), DS_LOG_INT("quotes_deleted", quotes),
           DS_LOG_INT("chains_deleted", chains), DS_LOG_INT("duration_ms", duration_us / 1000));
}

static void totals_add(struct retention_sweeper *sweeper, const struct retention_sweep *sweep,
                       ds_code code)
{
    pthread_mutex_lock(&sweeper->lock);
    sweeper->totals.run_count++;
    sweeper->totals.failed_count += code != DS_OK && code != DS_CANCELLED;
    for (size_t i = 0; i < sweep->rule_count; i++) {
        sweeper->totals.deleted_count += sweep->counts[i];
    }
    pthread_mutex_unlock(&sweeper->lock);
}

static ds_code pass_run(struct pass *pass, struct retention_sweep *sweep)
{
    struct retention_sweeper *sweeper = pass->sweeper;
    const int64_t began_us = ds_clock_monotonic_us(sweeper->clock);
    sweep->store = sweeper->store;
    sweep->now_us = ds_clock_wall_us(sweeper->clock);
    sweep->should_stop = pass_should_stop;
    sweep->context = pass;
    memset(sweep->counts, 0, sweep->rule_count * sizeof(sweep->counts[0]));
    const ds_code code = retention_sweep_run(sweep);
    if (!sweep->dry_run) {
        totals_add(sweeper, sweep, code);
        tell(sweep, code, ds_clock_monotonic_us(sweeper->clock) - began_us);
    }
    return code;
}

static void job_run(struct retention_sweeper *sweeper, struct retention_job *job)
{
    struct pass pass = {.sweeper = sweeper, .job = job};
    struct retention_sweep sweep = {.rules = job->rules,
                                    .rule_count = job->rule_count,
                                    .dry_run = job->dry_run,
                                    .counts = job->counts};
    job->code = pass_run(&pass, &sweep);
    /* Whoever hears that the job is done may bring the next one. */
    pthread_mutex_lock(&sweeper->lock);
    sweeper->job = NULL;
    pthread_mutex_unlock(&sweeper->lock);
    job->done(job);
}

/* The rules do not change while passes by itself go on. */
static void scheduled_run(struct retention_sweeper *sweeper)
{
    uint64_t counts[RETENTION_RULES_MAX];
    struct pass pass = {.sweeper = sweeper};
    struct retention_sweep sweep = {
        .rules = sweeper->rules, .rule_count = sweeper->rule_count, .counts = counts};
    (void)!pass_run(&pass, &sweep);
    const int64_t now_us = ds_clock_monotonic_us(sweeper->clock);
    pthread_mutex_lock(&sweeper->lock);
    sweeper->due_us = now_us + sweeper->interval_us;
    pthread_mutex_unlock(&sweeper->lock);
}

/* Waits until there is something to do. The job, or NULL where a scheduled pass is due. False: the
 * sweeper stops. */
static bool work_wait(struct retention_sweeper *sweeper, struct retention_job **ret_job)
{
    pthread_mutex_lock(&sweeper->lock);
    while (!atomic_load(&sweeper->stopping) && sweeper->job == NULL) {
        if (sweeper->rule_count == 0) {
            pthread_cond_wait(&sweeper->changed, &sweeper->lock);
            continue;
        }
        const int64_t wait_us = sweeper->due_us - ds_clock_monotonic_us(sweeper->clock);
        if (wait_us <= 0) {
            break;
        }
        const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) + wait_us;
        (void)ds_clock_wait_until(&sweeper->changed, &sweeper->lock, until_us);
    }
    *ret_job = sweeper->job;
    pthread_mutex_unlock(&sweeper->lock);
    return !atomic_load(&sweeper->stopping);
}

static void *sweeper_run(void *argument)
{
    struct retention_sweeper *sweeper = argument;
    struct retention_job *job = NULL;
    while (work_wait(sweeper, &job)) {
        if (job != NULL) {
            job_run(sweeper, job);
        } else {
            scheduled_run(sweeper);
        }
    }
    /* One that came at the last moment hears of the end as well. */
    if (job != NULL) {
        job_run(sweeper, job);
    }
    return NULL;
}

struct retention_sweeper *retention_sweeper_create(struct market_store *store,
                                                   const struct ds_clock *clock)
{
    struct retention_sweeper *sweeper = calloc(1, sizeof(*sweeper));
    if (sweeper == NULL) {
        abort();
    }
    sweeper->store = store;
    sweeper->clock = clock;
    pthread_mutex_init(&sweeper->lock, NULL);
    pthread_cond_init(&sweeper->changed, NULL);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SWEEPER_STACK_BYTES);
    if (pthread_create(&sweeper->thread, &attributes, sweeper_run, sweeper) != 0) {
        abort();
    }
    pthread_attr_destroy(&attributes);
    pthread_setname_np(sweeper->thread, "retention");
    return sweeper;
}

void retention_sweeper_schedule(struct retention_sweeper *sweeper,
                                const struct retention_rule *rules, size_t rule_count,
                                int64_t interval_us)
{
    assert(rule_count <= RETENTION_RULES_MAX && interval_us > 0);
    const int64_t now_us = ds_clock_monotonic_us(sweeper->clock);
    pthread_mutex_lock(&sweeper->lock);
    assert(sweeper->rule_count == 0);
    memcpy(sweeper->rules, rules, rule_count * sizeof(rules[0]));
    sweeper->rule_count = rule_count;
    sweeper->interval_us = interval_us;
    sweeper->due_us = now_us;
    pthread_cond_signal(&sweeper->changed);
    pthread_mutex_unlock(&sweeper->lock);
}

size_t retention_sweeper_rules(const struct retention_sweeper *sweeper,
                               const struct retention_rule **ret_rules)
{
    *ret_rules = sweeper->rules;
    return sweeper->rule_count;
}

ds_code retention_sweeper_submit(struct retention_sweeper *sweeper, struct retention_job *job)
{
    ds_code code = DS_OK;
    pthread_mutex_lock(&sweeper->lock);
    if (atomic_load(&sweeper->stopping)) {
        code = DS_UNAVAILABLE;
    } else if (sweeper->job != NULL) {
        code = DS_ABORTED;
    } else {
        sweeper->job = job;
        pthread_cond_signal(&sweeper->changed);
    }
    pthread_mutex_unlock(&sweeper->lock);
    return code;
}

void retention_sweeper_wake(struct retention_sweeper *sweeper)
{
    pthread_mutex_lock(&sweeper->lock);
    pthread_cond_signal(&sweeper->changed);
    pthread_mutex_unlock(&sweeper->lock);
}

struct retention_totals retention_sweeper_totals(struct retention_sweeper *sweeper)
{
    pthread_mutex_lock(&sweeper->lock);
    const struct retention_totals totals = sweeper->totals;
    pthread_mutex_unlock(&sweeper->lock);
    return totals;
}

void retention_sweeper_stop(struct retention_sweeper *sweeper)
{
    pthread_mutex_lock(&sweeper->lock);
    atomic_store(&sweeper->stopping, true);
    pthread_cond_signal(&sweeper->changed);
    pthread_mutex_unlock(&sweeper->lock);
}

void retention_sweeper_destroy(struct retention_sweeper *sweeper)
{
    if (sweeper == NULL) {
        return;
    }
    retention_sweeper_stop(sweeper);
    pthread_join(sweeper->thread, NULL);
    pthread_cond_destroy(&sweeper->changed);
    pthread_mutex_destroy(&sweeper->lock);
    free(sweeper);
}
