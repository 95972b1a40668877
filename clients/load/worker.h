/*
 * One thread of the engine: its loop, its connections, its share of the flows, its counts. worker.c
 * is the thread and when flows begin, visit.c what becomes of each.
 */
#ifndef LOAD_WORKER_H
#define LOAD_WORKER_H

#include "clients/load/capture.h"
#include "clients/load/counts.h"
#include "clients/load/native.h"
#include "clients/load/pacing.h"
#include "clients/load/request.h"
#include "clients/load/rest.h"
#include "clients/load/setup.h"

#include <pthread.h>
#include <stdatomic.h>

/* All workers begin together, once each has its connections, and leave together, once somebody has
 * seen what their threads used. */
struct load_gate {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    uint32_t missing;    /* workers; 0: the run has started */
    int64_t started_ns;  /* the clock's */
    uint32_t over_count; /* workers that have nothing to do any more */
    bool may_leave;
};

struct load_worker;

/* One flow's way through its steps, or a user who waits to begin one. */
struct load_visit {
    struct load_worker *worker;
    const struct load_flow *flow;
    size_t step;
    uint64_t number; /* of the flow */
    uint32_t user;   /* closed model */
    bool is_user;
    bool is_counted; /* this step, that is planned behind the warm-up */
    int64_t planned_ns;
    struct ds_timer timer; /* until planned_ns */
    struct load_variables variables;
    struct load_request request;
    struct load_rest_call rest;
    struct load_native_call native;
    struct load_visit *next; /* of those that are free, or due */
    struct load_visit *next_of_all;
};

struct load_worker {
    const struct load_setup *setup;
    struct load_gate *gate;
    uint32_t place;
    pthread_t thread;
    struct load_loop loop;
    struct load_rest **rests; /* by target; NULL: native, or of no use */
    struct load_native **natives;

    struct load_arrivals arrivals; /* open models */
    bool has_arrival;
    int64_t arrival_ns;
    uint64_t begun_count; /* flows */
    struct load_visit *free;
    struct load_visit *all;
    size_t visit_count;
    size_t visit_max;
    struct load_visit *due_first; /* take their next step in this turn */
    struct load_visit *due_last;
    size_t under_way; /* steps */
    bool is_ending;   /* begins nothing more */
    bool has_abandoned;

    atomic_bool is_stopped;

    pthread_mutex_t mutex; /* guards counts; taken for a turn, and by a look for an exchange */
    struct load_counts *counts;
};

/* Opens the worker's channels, which may take a while. */
DS_MUST_USE ds_code load_worker_init(struct load_worker *worker, const struct load_setup *setup,
                                     struct load_gate *gate, uint32_t place, char *ret_reason,
                                     size_t reason_bytes_max);
void load_worker_deinit(struct load_worker *worker);

void load_worker_start(struct load_worker *worker);
void load_worker_join(struct load_worker *worker);

/* Begins nothing more. Any thread. */
void load_worker_stop(struct load_worker *worker);

/* Gives the worker other counts, which are empty, and returns those so far. Any thread. */
struct load_counts *load_worker_exchange(struct load_worker *worker, struct load_counts *counts);

/* visit.c. A flow that is planned for `planned_ns` and begins now, or is unsent for want of room.
 */
void load_visit_arrive(struct load_worker *worker, int64_t planned_ns);

/* A user of the closed model, who begins flows from the time on at which he is there. */
void load_visit_add_user(struct load_worker *worker, uint32_t user);

/* Lets those that are due take their next step. */
void load_visits_advance(struct load_worker *worker);

void load_visits_destroy(struct load_worker *worker);

#endif
