#include "clients/load/run.h"

#include "clients/load/client_bound.h"
#include "clients/load/gathering.h"
#include "clients/load/memory.h"
#include "clients/load/objective.h"
#include "clients/load/sampler.h"
#include "clients/load/worker.h"
#include "ds/clock.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define NS_PER_SECOND 1000000000LL
#define NS_PER_US 1000
#define END_NONE (-1)
#define WAIT_NS_MAX (365 * 24 * 3600 * NS_PER_SECOND)

struct load_run {
    const struct load_plan *plan;
    struct load_setup setup;
    struct load_gate gate;
    struct load_worker *workers; /* plan->thread_count */
    atomic_int end;              /* enum load_end; END_NONE: not known yet */

    /* The owner's. */
    struct load_counts *spare; /* empty */
    struct load_gathering gathering;
    struct load_objective_result *objectives;
    struct load_watched_result *watched;
    struct load_sample **samples; /* of each watched server */
    struct load_own_use own_now;
    int64_t check_ns; /* when load_run_wait() looks next; the clock's */

    /* The monitor's thread samples; guarded by the gate's mutex, like what follows. */
    pthread_t monitor;
    struct load_watch *watches;
    bool has_measured; /* the measured part has begun */
    struct load_own_use own_before;
    struct load_own_use own_after; /* at the end, while all threads were there */
    int64_t ended_ns;
    bool is_over;
};

/* Waits on the gate until a time of the clock. */
static void gate_wait_locked(struct load_gate *gate, int64_t until_ns)
{
    (void)ds_clock_wait_until(&gate->changed, &gate->mutex, until_ns / NS_PER_US + 1);
}

static void measure_begin_locked(struct load_run *run)
{
    run->has_measured = true;
    load_own_use_look(&run->own_before);
    for (size_t i = 0; i < run->plan->watched_count; i++) {
        struct ds_process_use use;
        if (load_watch_look(&run->watches[i], &use)) {
            load_watch_measure(&run->watches[i], &use);
        }
    }
}

/* Samples what the second that has just gone by used. */
static void sample_locked(struct load_run *run, uint32_t second)
{
    for (size_t i = 0; i < run->plan->watched_count; i++) {
        struct ds_process_use use;
        const bool is_there = load_watch_look(&run->watches[i], &use);
        load_watch_take(&run->watches[i], second, is_there ? &use : NULL);
    }
}

/* Samples each second until all workers are over; then it lets them go. */
static void *monitor_main(void *argument)
{
    struct load_run *run = argument;
    struct load_gate *gate = &run->gate;
    pthread_mutex_lock(&gate->mutex);
    while (gate->missing > 0) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    sample_locked(run, 0);
    int64_t next_ns = NS_PER_SECOND;
    while (gate->over_count < run->plan->thread_count) {
        const int64_t now_ns = load_clock_ns() - gate->started_ns;
        if (!run->has_measured && now_ns >= run->plan->warm_up_ns) {
            measure_begin_locked(run);
        } else if (now_ns >= next_ns) {
            sample_locked(run, (uint32_t)(now_ns / NS_PER_SECOND - 1));
            next_ns = (now_ns / NS_PER_SECOND + 1) * NS_PER_SECOND;
        } else {
            const bool awaits_measure = !run->has_measured && run->plan->warm_up_ns < next_ns;
            const int64_t due_ns = awaits_measure ? run->plan->warm_up_ns : next_ns;
            gate_wait_locked(gate, gate->started_ns + due_ns);
        }
    }
    run->ended_ns = load_clock_ns() - gate->started_ns;
    sample_locked(run, (uint32_t)(run->ended_ns / NS_PER_SECOND));
    load_own_use_look(&run->own_after);
    run->is_over = true;
    gate->may_leave = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
    return NULL;
}

static void gate_init(struct load_gate *gate, uint32_t worker_count)
{
    *gate = (struct load_gate){.missing = worker_count};
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

/* Frees what load_run_start() has made, with `worker_count` workers whose threads are not there. */
static void run_free(struct load_run *run, uint32_t worker_count)
{
    for (uint32_t i = 0; i < worker_count; i++) {
        load_worker_deinit(&run->workers[i]);
    }
    for (size_t i = 0; i < run->plan->watched_count; i++) {
        load_watch_deinit(&run->watches[i]);
        free(run->samples[i]);
    }
    load_setup_deinit(&run->setup);
    load_gathering_deinit(&run->gathering);
    load_counts_destroy(run->spare);
    pthread_mutex_destroy(&run->gate.mutex);
    pthread_cond_destroy(&run->gate.changed);
    free(run->watches);
    free(run->watched);
    free(run->samples);
    free(run->objectives);
    free(run->workers);
    free(run);
}

static struct load_run *run_create(const struct load_plan *plan)
{
    struct load_run *run = load_allocate(1, sizeof *run);
    run->plan = plan;
    run->workers = load_allocate(plan->thread_count, sizeof *run->workers);
    run->spare = load_counts_create(plan->operation_count);
    run->objectives = load_allocate(plan->objective_count, sizeof *run->objectives);
    run->watched = load_allocate(plan->watched_count, sizeof *run->watched);
    run->watches = load_allocate(plan->watched_count, sizeof *run->watches);
    run->samples = load_allocate(plan->watched_count, sizeof *run->samples);
    for (size_t i = 0; i < plan->watched_count; i++) {
        load_watch_init(&run->watches[i], &plan->watched[i]);
    }
    atomic_init(&run->end, END_NONE);
    load_gathering_init(&run->gathering, plan, (uint32_t)(plan->warm_up_ns / NS_PER_SECOND));
    gate_init(&run->gate, plan->thread_count);
    run->check_ns = load_clock_ns() + NS_PER_SECOND;
    return run;
}

/* Many connections take many descriptors: as many as this process may have. */
static void files_allow(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* Connecting tells where it is not enough. */
    }
}

ds_code load_run_start(const struct load_plan *plan, struct load_run **ret_run,
                       char ret_reason[LOAD_RUN_REASON_BYTES_MAX])
{
    assert(plan->thread_count > 0 && plan->connection_count > 0 && plan->flow_count > 0);
    files_allow();
    struct load_run *run = run_create(plan);
    ds_code code = load_setup_init(&run->setup, plan, ret_reason, LOAD_RUN_REASON_BYTES_MAX);
    uint32_t worker_count = 0;
    while (code == DS_OK && worker_count < plan->thread_count) {
        code = load_worker_init(&run->workers[worker_count], &run->setup, &run->gate, worker_count,
                                ret_reason, LOAD_RUN_REASON_BYTES_MAX);
        worker_count++;
    }
    if (code != DS_OK) {
        run_free(run, worker_count);
        return code;
    }
    run->gathering.result.started_at_us = ds_clock_wall_us(ds_clock_system());
    for (uint32_t i = 0; i < plan->thread_count; i++) {
        load_worker_start(&run->workers[i]);
    }
    if (pthread_create(&run->monitor, NULL, monitor_main, run) != 0) {
        abort();
    }
    *ret_run = run;
    return DS_OK;
}

/* Adds what the workers have counted since the last time. */
static void gather(struct load_run *run)
{
    for (uint32_t i = 0; i < run->plan->thread_count; i++) {
        struct load_counts *counts = load_worker_exchange(&run->workers[i], run->spare);
        load_gathering_add(&run->gathering, counts);
        load_counts_clear(counts);
        run->spare = counts;
    }
}

static int64_t measured_ns_locked(const struct load_run *run)
{
    if (run->gate.missing > 0) {
        return 0;
    }
    const int64_t now_ns = run->is_over ? run->ended_ns : load_clock_ns() - run->gate.started_ns;
    const int64_t until_ns = now_ns < run->setup.duration_ns ? now_ns : run->setup.duration_ns;
    return until_ns > run->plan->warm_up_ns ? until_ns - run->plan->warm_up_ns : 0;
}

static int core_count(void)
{
    cpu_set_t cores;
    const int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count > 0 ? count : 1;
}

/* What this program has used in the measured part, and what that says of the figures. */
static void own_use_tell_locked(struct load_run *run)
{
    struct load_result *result = &run->gathering.result;
    if (!run->has_measured) {
        return;
    }
    if (run->is_over) {
        run->own_now = run->own_after;
    } else {
        load_own_use_look(&run->own_now);
    }
    const int64_t from_ns = run->plan->warm_up_ns;
    const int64_t until_ns = run->is_over ? run->ended_ns : load_clock_ns() - run->gate.started_ns;
    const double seconds = (double)(until_ns - from_ns) / 1e9;
    result->client_cpu_seconds = (double)(run->own_now.cpu_us - run->own_before.cpu_us) / 1e6;
    if (seconds <= 0) {
        return;
    }
    const int64_t busiest_us = load_own_use_busiest_us(&run->own_now, &run->own_before);
    result->client_cpu_share = (double)busiest_us / 1e6 / seconds;
    result->client_bound_why = load_client_bound(&(struct load_client_use){
        .busiest_share = result->client_cpu_share,
        .whole_share = result->client_cpu_seconds / seconds / core_count(),
        .lateness_p99_ns = load_histogram_percentile_ns(run->gathering.lateness, 99),
        .latency_p99_ns = load_histogram_percentile_ns(result->total.latency, 99),
    });
    result->is_client_bound = result->client_bound_why[0] != '\0';
}

/* With copies of the samples, since the monitor goes on adding to its own. */
static void watched_tell_locked(struct load_run *run)
{
    for (size_t i = 0; i < run->plan->watched_count; i++) {
        const size_t bytes = run->watches[i].sample_count * sizeof *run->samples[i];
        run->watched[i] = load_watch_result(&run->watches[i], run->gathering.result.total.ok);
        if (bytes > 0) {
            run->samples[i] = load_reallocate(run->samples[i], bytes);
            memcpy(run->samples[i], run->watches[i].samples, bytes);
        }
        run->watched[i].samples = run->samples[i];
    }
}

const struct load_result *load_run_look(struct load_run *run)
{
    struct load_result *result = &run->gathering.result;
    gather(run);
    load_gathering_finish(&run->gathering);
    pthread_mutex_lock(&run->gate.mutex);
    result->measured_ns = measured_ns_locked(run);
    own_use_tell_locked(run);
    watched_tell_locked(run);
    pthread_mutex_unlock(&run->gate.mutex);
    const int end = atomic_load(&run->end);
    result->end = end == END_NONE ? LOAD_END_DONE : (enum load_end)end;
    result->watched = run->watched;
    load_objectives_measure(result, run->objectives);
    result->objectives = run->objectives;
    return result;
}

void load_run_stop(struct load_run *run, enum load_end why)
{
    pthread_mutex_lock(&run->gate.mutex);
    int none = END_NONE;
    const bool is_first =
        !run->is_over && atomic_compare_exchange_strong(&run->end, &none, (int)why);
    pthread_mutex_unlock(&run->gate.mutex);
    for (uint32_t i = 0; i < run->plan->thread_count && is_first; i++) {
        load_worker_stop(&run->workers[i]);
    }
}

/* The workers tell only some seconds apart, so they must be asked now and then; and an objective
 * may have been missed meanwhile. */
static void check(struct load_run *run)
{
    const struct load_result *result = load_run_look(run);
    if (run->plan->aborts_on_miss && load_objectives_missed(result) != NULL) {
        load_run_stop(run, LOAD_END_ABORTED);
    }
}

bool load_run_wait(struct load_run *run, int64_t timeout_ns)
{
    int64_t now_ns = load_clock_ns();
    const int64_t until_ns = now_ns + (timeout_ns < WAIT_NS_MAX ? timeout_ns : WAIT_NS_MAX);
    for (;;) {
        const int64_t due_ns = until_ns < run->check_ns ? until_ns : run->check_ns;
        pthread_mutex_lock(&run->gate.mutex);
        for (; !run->is_over && now_ns < due_ns; now_ns = load_clock_ns()) {
            gate_wait_locked(&run->gate, due_ns);
        }
        const bool is_over = run->is_over;
        pthread_mutex_unlock(&run->gate.mutex);
        if (!is_over && now_ns >= run->check_ns) {
            check(run);
            run->check_ns = now_ns + NS_PER_SECOND;
        }
        if (is_over || now_ns >= until_ns) {
            return is_over;
        }
    }
}

void load_run_destroy(struct load_run *run)
{
    if (run == NULL) {
        return;
    }
    load_run_stop(run, LOAD_END_INTERRUPTED);
    for (uint32_t i = 0; i < run->plan->thread_count; i++) {
        load_worker_join(&run->workers[i]);
    }
    pthread_join(run->monitor, NULL);
    run_free(run, run->plan->thread_count);
}
