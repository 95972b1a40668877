#include "clients/load/worker.h"

#include "clients/load/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

/* Flows that begin in one turn of the loop; the others begin in the next. */
#define ARRIVALS_A_TURN_MAX 1024
#define TURN_NS_MAX 1000000000LL
/* How much later than asked the kernel may wake us; its default is 50 us. */
#define TIMER_SLACK_NS 1000

/* This worker's share of what is the plan's as a whole; at least one. */
static size_t share_of(const struct load_worker *worker, uint32_t whole)
{
    const uint32_t threads = worker->setup->plan->thread_count;
    const size_t share = whole / threads + (worker->place < whole % threads ? 1 : 0);
    return share > 0 ? share : 1;
}

static ds_code natives_open(struct load_worker *worker, char *ret_reason, size_t reason_bytes_max)
{
    const struct load_setup *setup = worker->setup;
    const struct load_plan *plan = setup->plan;
    for (size_t i = 0; i < setup->target_count; i++) {
        if (setup->targets[i].protocol != LOAD_NATIVE) {
            continue;
        }
        const struct load_native_options options = {
            .loop = &worker->loop,
            .url = setup->targets[i].url,
            .tls_ca = plan->tls_ca,
            .client_count = plan->connection_count,
            .shares_messages = plan->shares_messages,
        };
        char why[LOAD_NATIVE_REASON_BYTES_MAX];
        const ds_code code = load_native_open(&options, &worker->natives[i], why);
        if (code != DS_OK) {
            (void)snprintf(ret_reason, reason_bytes_max, "%s: %s", options.url, why);
            return code;
        }
    }
    return DS_OK;
}

ds_code load_worker_init(struct load_worker *worker, const struct load_setup *setup,
                         struct load_gate *gate, uint32_t place, char *ret_reason,
                         size_t reason_bytes_max)
{
    const struct load_plan *plan = setup->plan;
    *worker = (struct load_worker){.setup = setup, .gate = gate, .place = place};
    load_loop_init(&worker->loop);
    pthread_mutex_init(&worker->mutex, NULL);
    worker->rests = load_allocate(setup->target_count, sizeof(struct load_rest *));
    worker->natives = load_allocate(setup->target_count, sizeof(struct load_native *));
    worker->counts = load_counts_create(plan->operation_count);
    worker->visit_max = share_of(worker, plan->in_flight_max);
    if (plan->pace != LOAD_CLOSED) {
        load_arrivals_init(&worker->arrivals, plan, place);
        worker->has_arrival = load_arrivals_next(&worker->arrivals, &worker->arrival_ns);
    }
    return natives_open(worker, ret_reason, reason_bytes_max);
}

void load_worker_deinit(struct load_worker *worker)
{
    for (size_t i = 0; i < worker->setup->target_count; i++) {
        load_rest_destroy(worker->rests[i]);
        load_native_close(worker->natives[i]);
    }
    load_visits_destroy(worker);
    load_counts_destroy(worker->counts);
    load_loop_deinit(&worker->loop);
    pthread_mutex_destroy(&worker->mutex);
    free(worker->rests);
    free(worker->natives);
}

static void loop_turn(struct load_worker *worker, int64_t until_ns)
{
    struct epoll_event events[LOAD_LOOP_EVENTS_MAX];
    const int count = load_loop_wait(&worker->loop, until_ns, events);
    pthread_mutex_lock(&worker->mutex);
    load_loop_handle(&worker->loop, events, count);
    pthread_mutex_unlock(&worker->mutex);
}

static bool rests_are_settled(const struct load_worker *worker)
{
    for (size_t i = 0; i < worker->setup->target_count; i++) {
        if (worker->rests[i] != NULL && !load_rest_is_settled(worker->rests[i])) {
            return false;
        }
    }
    return true;
}

/* Connects, so that the first calls don't wait for it. Each attempt has its time limit. */
static void rests_open(struct load_worker *worker)
{
    const struct load_setup *setup = worker->setup;
    for (size_t i = 0; i < setup->target_count; i++) {
        if (setup->targets[i].protocol == LOAD_REST) {
            worker->rests[i] = load_rest_create(&(struct load_rest_options){
                .loop = &worker->loop,
                .address = &setup->targets[i].address,
                .connection_count = setup->plan->connection_count,
            });
        }
    }
    while (!rests_are_settled(worker) && !atomic_load(&worker->is_stopped)) {
        loop_turn(worker, load_loop_now_ns(&worker->loop) + TURN_NS_MAX);
    }
}

/* Waits for the other workers; then the run starts for all of them. */
static void gate_pass(struct load_worker *worker)
{
    struct load_gate *gate = worker->gate;
    pthread_mutex_lock(&gate->mutex);
    gate->missing--;
    if (gate->missing == 0) {
        gate->started_ns = load_clock_ns();
        pthread_cond_broadcast(&gate->changed);
    }
    while (gate->missing > 0) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    load_loop_start(&worker->loop, gate->started_ns);
    pthread_mutex_unlock(&gate->mutex);
}

static void gate_leave(struct load_gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->over_count++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->may_leave) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

static void users_add(struct load_worker *worker)
{
    const struct load_plan *plan = worker->setup->plan;
    const uint32_t user_count = plan->pace == LOAD_CLOSED ? load_users_max(plan) : 0;
    for (uint32_t user = worker->place; user < user_count; user += plan->thread_count) {
        load_visit_add_user(worker, user);
    }
}

static void arrivals_begin(struct load_worker *worker)
{
    const int64_t now_ns = load_loop_now_ns(&worker->loop);
    for (int i = 0; i < ARRIVALS_A_TURN_MAX && worker->has_arrival && worker->arrival_ns <= now_ns;
         i++) {
        load_visit_arrive(worker, worker->arrival_ns);
        worker->has_arrival = load_arrivals_next(&worker->arrivals, &worker->arrival_ns);
    }
}

/* Behind a stop nothing more is planned; what has been until now is unsent. */
static void stop_notice(struct load_worker *worker)
{
    const int64_t now_ns = load_loop_now_ns(&worker->loop);
    if (!worker->is_ending && atomic_load(&worker->is_stopped)) {
        worker->is_ending = true;
    }
    if (worker->is_ending && worker->arrival_ns > now_ns) {
        worker->has_arrival = false;
    }
}

/* The plan is over when its time is and all that was planned in it has been begun, however late.
 * What waits for a connection then may still get one for a while, but not behind a stop. */
static void end_notice(struct load_worker *worker)
{
    const struct load_setup *setup = worker->setup;
    const int64_t now_ns = load_loop_now_ns(&worker->loop);
    const bool is_done = now_ns >= setup->duration_ns && !worker->has_arrival;
    worker->is_ending = worker->is_ending || is_done;
    if (!worker->is_ending || worker->has_abandoned ||
        (now_ns < setup->duration_ns + setup->grace_ns && !atomic_load(&worker->is_stopped))) {
        return;
    }
    worker->has_abandoned = true;
    for (size_t i = 0; i < setup->target_count; i++) {
        if (worker->rests[i] != NULL) {
            load_rest_abandon(worker->rests[i]);
        }
    }
}

static void work(struct load_worker *worker)
{
    const size_t target_count = worker->setup->target_count;
    for (size_t i = 0; i < target_count; i++) {
        if (worker->natives[i] != NULL) {
            load_native_take(worker->natives[i]);
        }
    }
    stop_notice(worker);
    arrivals_begin(worker);
    load_visits_advance(worker);
    end_notice(worker);
    for (size_t i = 0; i < target_count; i++) {
        if (worker->natives[i] != NULL) {
            load_native_flush(worker->natives[i]);
        }
    }
}

/* When the next thing is to be done that no event and no timer tells of. */
static int64_t next_ns(const struct load_worker *worker)
{
    const struct load_setup *setup = worker->setup;
    int64_t until_ns = load_loop_now_ns(&worker->loop) + TURN_NS_MAX;
    if (worker->due_first != NULL) {
        return INT64_MIN;
    }
    if (worker->has_arrival && worker->arrival_ns < until_ns) {
        until_ns = worker->arrival_ns;
    }
    const int64_t end_ns = setup->duration_ns + (worker->is_ending ? setup->grace_ns : 0);
    return !worker->has_abandoned && end_ns < until_ns ? end_ns : until_ns;
}

static void *worker_main(void *argument)
{
    struct load_worker *worker = argument;
    (void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    rests_open(worker);
    gate_pass(worker);
    users_add(worker);
    bool is_over = false;
    while (!is_over) {
        struct epoll_event events[LOAD_LOOP_EVENTS_MAX];
        const int count = load_loop_wait(&worker->loop, next_ns(worker), events);
        pthread_mutex_lock(&worker->mutex);
        load_loop_handle(&worker->loop, events, count);
        work(worker);
        is_over = worker->is_ending && !worker->has_arrival && worker->under_way == 0;
        pthread_mutex_unlock(&worker->mutex);
    }
    gate_leave(worker->gate);
    return NULL;
}

void load_worker_start(struct load_worker *worker)
{
    if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
        abort();
    }
}

void load_worker_join(struct load_worker *worker)
{
    pthread_join(worker->thread, NULL);
}

void load_worker_stop(struct load_worker *worker)
{
    atomic_store(&worker->is_stopped, true);
    load_loop_ring(&worker->loop);
}

struct load_counts *load_worker_exchange(struct load_worker *worker, struct load_counts *counts)
{
    pthread_mutex_lock(&worker->mutex);
    struct load_counts *before = worker->counts;
    worker->counts = counts;
    pthread_mutex_unlock(&worker->mutex);
    return before;
}
