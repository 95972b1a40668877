/*
 * What a run is to do. Read from a scenario file and flags (plan_read.h), checked, and constant
 * from then on: every thread of the engine reads it.
 *
 * A flow is what one user does: steps in their order, each of which may use what earlier replies
 * said (log in, then ask with the token). A run starts flows, chosen by weight; most flows have one
 * step.
 */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include "ds/arena.h"
#include "ds/bytes.h"
#include "ds/schema.h"

#include <stdbool.h>
#include <stdint.h>

#define LOAD_OPERATIONS_MAX 256 /* steps of all flows together */
#define LOAD_VARIABLES_MAX 64   /* of a flow */
#define LOAD_STAGES_MAX 256

enum load_protocol {
    LOAD_NATIVE, /* calls over ipc, tcp or tls+tcp */
    LOAD_REST,   /* HTTP/1.1 */
};

enum load_pace {
    LOAD_CLOSED,   /* as many users as the stage says, each begins anew when its flow has ended */
    LOAD_CONSTANT, /* flows begin at equal distances, whatever becomes of the ones before */
    LOAD_POISSON,  /* flows begin at random with exponential distances */
};

/* From the value at the end of the stage before (the first: 0, or `to` where it is the only one) in
 * a straight line to `to`: users when closed, flows a second when open. Equal values: a plateau. */
struct load_stage {
    int64_t duration_ns;
    double from;
    double to;
};

struct load_template; /* a text with places for variables and generators: template.h */

/* A value of a reply's JSON, kept for the later steps of the flow. */
struct load_capture {
    const char *pointer; /* RFC 6901: "/ticks/0/price" */
    size_t variable;     /* below LOAD_VARIABLES_MAX */
};

struct load_header {
    const char *name;
    const struct load_template *value;
};

struct load_step {
    const char *name; /* of the operation, in reports; unique in a plan */
    size_t operation; /* its place in the results, below load_plan.operation_count */
    enum load_protocol protocol;
    const char *url;                  /* the target's */
    int64_t timeout_ns;               /* from its sending; > 0 */
    int64_t think_ns;                 /* before it, from the end of the step before */
    const struct load_template *body; /* JSON; NULL: {} of a native call, nothing of REST */
    const struct load_template *authorization; /* NULL: none */
    /* Native. */
    const struct ds_method *method;
    /* REST. */
    const char *http_method;          /* "GET" */
    const struct load_template *path; /* with query */
    const struct load_header *headers;
    size_t header_count;
    uint16_t expected_status; /* 0: any 2xx is ok */
    const struct load_capture *captures;
    size_t capture_count;
};

struct load_flow {
    const char *name;
    double weight; /* > 0 */
    const struct load_step *steps;
    size_t step_count; /* at least 1 */
};

/* "list_ticks:p99<5ms", "*:errors<0.1%", "*:rate>1000": an objective that a run has to meet. */
enum load_measure { LOAD_PERCENTILE, LOAD_MEAN, LOAD_MAX, LOAD_ERROR_SHARE, LOAD_RATE };
struct load_objective {
    const char *text;      /* as it was given */
    const char *operation; /* NULL: all together */
    enum load_measure measure;
    double percentile; /* of LOAD_PERCENTILE */
    bool is_below;     /* the value has to be below the limit; else above it */
    double limit;      /* ns, a share from 0 to 1, or a second */
};

struct load_watched { /* a server whose CPU and memory are sampled */
    const char *name;
    int64_t process_id;
};

struct load_plan {
    const char *name;
    uint64_t seed; /* the same seed and plan give the same requests in the same order of planning */
    enum load_pace pace;
    const struct load_stage *stages;
    size_t stage_count;
    int64_t warm_up_ns; /* at the start; calls planned in it are made and not counted */
    uint32_t thread_count;
    uint32_t connection_count; /* a thread and target */
    uint32_t
        in_flight_max; /* open: flows under way beyond this are not begun and count as unsent */
    const struct load_flow *flows;
    size_t flow_count;
    size_t operation_count;
    size_t variable_count; /* of the flow that has the most; each flow counts its own from 0 */
    const struct load_objective *objectives;
    size_t objective_count;
    bool aborts_on_miss; /* --abort-on-fail: the run ends when an objective is missed for good */
    const struct load_watched *watched;
    size_t watched_count;
    const char *tls_ca;   /* NULL: the system's */
    bool shares_messages; /* native: calls of one turn go out together, as the gateway's do */
};

#endif
