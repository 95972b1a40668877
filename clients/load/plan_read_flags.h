/* The flags of "run": a scenario of their own, or changes to one of a file. */
#ifndef LOAD_PLAN_READ_FLAGS_H
#define LOAD_PLAN_READ_FLAGS_H

#include "clients/load/plan.h"
#include "ds/config.h"

struct load_options {
    const char *scenario;
    const char *data_dir;
    struct ds_text_list url;
    const char *rest;
    const char *method;
    const char *get;
    const char *request;
    const char *data;
    struct ds_text_list header;
    const char *rate;
    const char *users;
    bool poisson;
    bool closed;
    struct ds_text_list stage;
    const char *duration;
    const char *warm_up;
    int64_t threads;
    int64_t connections;
    int64_t in_flight_max;
    const char *timeout;
    int64_t seed;
    struct ds_text_list slo;
    bool abort_on_fail;
    struct ds_text_list watch;
    bool alone;
    const char *tls_ca;
    const char *authorization;
    const char *json;
    const char *csv;
    const char *hgrm;
    const char *html;
    const char *operation; /* of --hgrm */
    bool no_live;
    bool progress;
    bool quiet;
};

/* The plan that the options say; it lives in the arena, which comes from load_plan_arena_create().
 * On failure it has told why and returns the exit code; else DS_EXIT_OK. */
int load_plan_of_options(struct ds_arena *arena, const struct ds_config *config,
                         const struct load_options *options, struct load_plan *ret_plan);

#endif
