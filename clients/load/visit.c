#include "clients/load/memory.h"
#include "clients/load/worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STATUS_TOO_MANY_REQUESTS 429

static const struct load_step *step_of(const struct load_visit *visit)
{
    return &visit->flow->steps[visit->step];
}

static int64_t now_ns(const struct load_visit *visit)
{
    return load_loop_now_ns(&visit->worker->loop);
}

static void due_push(struct load_visit *visit)
{
    struct load_worker *worker = visit->worker;
    visit->next = NULL;
    if (worker->due_last != NULL) {
        worker->due_last->next = visit;
    } else {
        worker->due_first = visit;
    }
    worker->due_last = visit;
}

static void timer_fired(struct ds_timer *timer)
{
    due_push((struct load_visit *)(void *)((char *)timer - offsetof(struct load_visit, timer)));
}

static void free_push(struct load_visit *visit)
{
    visit->next = visit->worker->free;
    visit->worker->free = visit;
}

/* The next step, or the user's next flow, comes at that time. */
static void visit_plan(struct load_visit *visit, int64_t planned_ns)
{
    visit->planned_ns = planned_ns;
    if (planned_ns <= now_ns(visit)) {
        due_push(visit);
    } else {
        ds_timers_set(&visit->worker->loop.timers, &visit->timer, planned_ns);
    }
}

/* The same behind what has ended at that time; without a pause there is no clock to look at. */
static void visit_plan_behind(struct load_visit *visit, int64_t ended_ns)
{
    const int64_t think_ns = step_of(visit)->think_ns;
    if (think_ns > 0) {
        visit_plan(visit, ended_ns + think_ns);
        return;
    }
    visit->planned_ns = ended_ns;
    due_push(visit);
}

static void flow_begin(struct load_visit *visit)
{
    struct load_worker *worker = visit->worker;
    const struct load_plan *plan = worker->setup->plan;
    visit->number = load_flow_number(plan, worker->place, worker->begun_count++);
    visit->flow = load_flow_choose(plan, visit->number);
    visit->step = 0;
    load_variables_forget(&visit->variables);
}

/* A flow has ended at that time, well or not. */
static void flow_end(struct load_visit *visit, int64_t ended_ns)
{
    struct load_worker *worker = visit->worker;
    visit->flow = NULL;
    if (!visit->is_user) {
        free_push(visit);
        return;
    }
    if (worker->is_ending) {
        return;
    }
    flow_begin(visit);
    visit_plan_behind(visit, ended_ns);
}

/* The user's flow is due, but not while he is not there. */
static bool user_waits(struct load_visit *visit)
{
    const struct load_plan *plan = visit->worker->setup->plan;
    int64_t at_ns = 0;
    if (!visit->is_user || visit->step > 0 ||
        load_user_is_there(plan, visit->user, visit->planned_ns)) {
        return false;
    }
    if (load_user_comes(plan, visit->user, visit->planned_ns, &at_ns)) {
        visit_plan(visit, at_ns);
    }
    return true;
}

static ds_code captures_take(struct load_visit *visit)
{
    const struct load_step *step = step_of(visit);
    if (step->capture_count == 0) {
        return DS_OK;
    }
    if (step->protocol == LOAD_REST) {
        return load_capture_json(&visit->variables, step->captures, step->capture_count,
                                 visit->rest.body);
    }
    return load_capture_wire(&visit->variables, step->captures, step->capture_count,
                             step->method->response, visit->native.response);
}

/* Counts the end of a step, and goes on with the flow where that was well. */
static void step_end(struct load_visit *visit, struct load_ending *ending)
{
    struct load_worker *worker = visit->worker;
    const struct load_step *step = step_of(visit);
    worker->under_way--;
    ending->planned_ns = visit->planned_ns;
    ending->is_in_window = ending->ended_ns <= worker->setup->duration_ns;
    if (ending->outcome == LOAD_OUTCOME_OK && captures_take(visit) != DS_OK) {
        ending->outcome = LOAD_OUTCOME_FAILED;
        ending->code = "capture";
    }
    if (visit->is_counted) {
        load_counts_end(worker->counts, step->operation, ending);
    }
    if (ending->outcome != LOAD_OUTCOME_OK || visit->step + 1 == visit->flow->step_count) {
        flow_end(visit, ending->ended_ns);
        return;
    }
    visit->step++;
    visit_plan_behind(visit, ending->ended_ns);
}

static void step_unsend(struct load_visit *visit)
{
    struct load_worker *worker = visit->worker;
    const int64_t at_ns = now_ns(visit);
    worker->under_way--;
    if (visit->is_counted) {
        load_counts_unsend(worker->counts, step_of(visit)->operation, at_ns);
    }
    flow_end(visit, at_ns);
}

static bool status_is_expected(const struct load_step *step, uint16_t status)
{
    return step->expected_status == 0 ? status / 100 == 2 : status == step->expected_status;
}

static enum load_outcome outcome_of_status(const struct load_step *step, uint16_t status)
{
    if (status_is_expected(step, status)) {
        return LOAD_OUTCOME_OK;
    }
    return status == STATUS_TOO_MANY_REQUESTS ? LOAD_OUTCOME_REFUSED : LOAD_OUTCOME_FAILED;
}

static void rest_ended(struct load_rest_call *call)
{
    struct load_visit *visit =
        (struct load_visit *)(void *)((char *)call - offsetof(struct load_visit, rest));
    static const struct {
        enum load_outcome outcome;
        const char *code;
    } ends[] = {
        [LOAD_REST_UNCONNECTED] = {LOAD_OUTCOME_FAILED, "connect"},
        [LOAD_REST_TIMED_OUT] = {LOAD_OUTCOME_TIMED_OUT, "timeout"},
        [LOAD_REST_MALFORMED] = {LOAD_OUTCOME_FAILED, "protocol"},
        [LOAD_REST_CLOSED] = {LOAD_OUTCOME_FAILED, "closed"},
    };
    if (call->result == LOAD_REST_UNSENT) {
        step_unsend(visit);
        return;
    }
    char status[8];
    struct load_ending ending = {.sent_ns = call->sent_ns,
                                 .ended_ns = call->ended_ns,
                                 .bytes_sent = call->sent_ns < 0 ? 0 : call->request.size,
                                 .bytes_received = call->received_bytes};
    if (call->result == LOAD_REST_ANSWERED) {
        (void)snprintf(status, sizeof status, "%u", call->status);
        ending.code = status;
        ending.outcome = outcome_of_status(step_of(visit), call->status);
    } else {
        ending.code = ends[call->result].code;
        ending.outcome = ends[call->result].outcome;
    }
    step_end(visit, &ending);
}

static void native_ended(struct load_native_call *call)
{
    struct load_visit *visit =
        (struct load_visit *)(void *)((char *)call - offsetof(struct load_visit, native));
    struct load_ending ending = {.code = ds_code_name(call->code),
                                 .sent_ns = call->sent_ns,
                                 .ended_ns = call->ended_ns,
                                 .bytes_sent = call->payload.size,
                                 .bytes_received = call->response.size};
    if (call->code == DS_OK) {
        ending.outcome = LOAD_OUTCOME_OK;
    } else if (call->code == DS_DEADLINE_EXCEEDED) {
        ending.outcome = LOAD_OUTCOME_TIMED_OUT;
    } else {
        ending.outcome = call->is_refusal ? LOAD_OUTCOME_REFUSED : LOAD_OUTCOME_FAILED;
    }
    step_end(visit, &ending);
}

static void rest_send(struct load_visit *visit, const struct load_step *step, size_t target)
{
    visit->rest = (struct load_rest_call){
        .request = visit->request.bytes,
        .has_no_body = strcmp(step->http_method, "HEAD") == 0,
        .keeps_body = step->capture_count > 0,
        .timeout_ns = step->timeout_ns,
        .ended = rest_ended,
    };
    load_rest_send(visit->worker->rests[target], &visit->rest);
}

static void native_send(struct load_visit *visit, const struct load_step *step, size_t target)
{
    visit->native.method = visit->worker->setup->methods[step->operation].method;
    visit->native.payload = visit->request.bytes;
    visit->native.authorization = visit->request.authorization;
    visit->native.timeout_ms = visit->worker->setup->methods[step->operation].timeout_ms;
    visit->native.ended = native_ended;
    load_native_send(visit->worker->natives[target], &visit->native);
}

static ds_code request_fill(struct load_visit *visit)
{
    const struct load_setup *setup = visit->worker->setup;
    const struct load_request_form *form = &setup->forms[step_of(visit)->operation];
    struct timespec wall;
    if (form->is_constant) {
        return load_request_fill(form, NULL, &visit->request);
    }
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    const struct load_draw draw = {
        .flow = visit->number,
        .seed = setup->plan->seed,
        .wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
        .variables = visit->variables.values,
    };
    return load_request_fill(form, &draw, &visit->request);
}

/* The step is due: sends it. */
static void step_begin(struct load_visit *visit)
{
    struct load_worker *worker = visit->worker;
    const struct load_setup *setup = worker->setup;
    const struct load_step *step = step_of(visit);
    const size_t target = setup->target_of[step->operation];
    visit->is_counted = visit->planned_ns >= setup->plan->warm_up_ns;
    if (visit->is_counted) {
        load_counts_plan(worker->counts, step->operation, visit->planned_ns);
    }
    worker->under_way++;
    if (request_fill(visit) != DS_OK) {
        struct load_ending ending = {.outcome = LOAD_OUTCOME_FAILED,
                                     .code = "template",
                                     .sent_ns = -1,
                                     .ended_ns = now_ns(visit)};
        step_end(visit, &ending);
    } else if (step->protocol == LOAD_REST) {
        rest_send(visit, step, target);
    } else {
        native_send(visit, step, target);
    }
}

void load_visits_advance(struct load_worker *worker)
{
    /* What becomes due meanwhile waits for the next turn: the loop must get to its sockets. */
    struct load_visit *visit = worker->due_first;
    worker->due_first = NULL;
    worker->due_last = NULL;
    while (visit != NULL) {
        struct load_visit *next = visit->next;
        if (worker->is_ending || visit->planned_ns >= worker->setup->duration_ns) {
            flow_end(visit, now_ns(visit));
        } else if (!user_waits(visit)) {
            step_begin(visit);
        }
        visit = next;
    }
}

static struct load_visit *visit_create(struct load_worker *worker)
{
    struct load_visit *visit = load_allocate(1, sizeof *visit);
    visit->worker = worker;
    visit->timer.fire = timer_fired;
    visit->next_of_all = worker->all;
    load_variables_init(&visit->variables, worker->setup->plan->variable_count);
    load_request_init(&visit->request);
    worker->all = visit;
    worker->visit_count++;
    return visit;
}

void load_visits_destroy(struct load_worker *worker)
{
    while (worker->all != NULL) {
        struct load_visit *visit = worker->all;
        worker->all = visit->next_of_all;
        ds_timers_stop(&worker->loop.timers, &visit->timer);
        load_native_call_deinit(&visit->native);
        load_variables_deinit(&visit->variables);
        load_request_deinit(&visit->request);
        free(visit);
    }
}

/* One that is free, or NULL where as many as may be are under way. */
static struct load_visit *visit_take(struct load_worker *worker)
{
    struct load_visit *visit = worker->free;
    if (visit != NULL) {
        worker->free = visit->next;
        return visit;
    }
    return worker->visit_count < worker->visit_max ? visit_create(worker) : NULL;
}

/* The flow has its number all the same, so that those behind it are what the seed says. */
static void flow_unsend(struct load_worker *worker, int64_t planned_ns)
{
    const struct load_plan *plan = worker->setup->plan;
    const uint64_t number = load_flow_number(plan, worker->place, worker->begun_count++);
    const struct load_flow *flow = load_flow_choose(plan, number);
    if (planned_ns >= plan->warm_up_ns) {
        load_counts_plan(worker->counts, flow->steps[0].operation, planned_ns);
        load_counts_unsend(worker->counts, flow->steps[0].operation,
                           load_loop_now_ns(&worker->loop));
    }
}

void load_visit_arrive(struct load_worker *worker, int64_t planned_ns)
{
    struct load_visit *visit = worker->is_ending ? NULL : visit_take(worker);
    if (visit == NULL) {
        flow_unsend(worker, planned_ns);
        return;
    }
    if (planned_ns >= worker->setup->plan->warm_up_ns) {
        load_counts_note_lateness(worker->counts, now_ns(visit) - planned_ns);
    }
    visit->planned_ns = planned_ns;
    flow_begin(visit);
    step_begin(visit);
}

void load_visit_add_user(struct load_worker *worker, uint32_t user)
{
    struct load_visit *visit = visit_create(worker);
    int64_t at_ns = 0;
    visit->is_user = true;
    visit->user = user;
    if (load_user_comes(worker->setup->plan, user, 0, &at_ns)) {
        flow_begin(visit);
        visit_plan(visit, at_ns);
    }
}
