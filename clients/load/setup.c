#include "clients/load/setup.h"

#include "clients/load/memory.h"
#include "clients/load/pacing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_MS 5000

static ds_code rest_target_find(struct load_target *target, char *ret_reason,
                                size_t reason_bytes_max)
{
    const char *why = NULL;
    const ds_code code = load_rest_address_parse(target->url, &target->address);
    if (code == DS_INVALID_ARGUMENT) {
        (void)snprintf(ret_reason, reason_bytes_max, "%s: not of the form http://host:port/prefix",
                       target->url);
        return DS_INVALID_ARGUMENT;
    }
    if (code != DS_OK) {
        (void)snprintf(ret_reason, reason_bytes_max, "%s: there is no such host", target->url);
        return DS_UNAVAILABLE;
    }
    if (load_rest_probe(&target->address, PROBE_MS, &why) != DS_OK) {
        (void)snprintf(ret_reason, reason_bytes_max, "%s: %s", target->url, why);
        return DS_UNAVAILABLE;
    }
    return DS_OK;
}

/* The target of a step, which may be that of an earlier one. */
static ds_code target_add(struct load_setup *setup, const struct load_step *step, char *ret_reason,
                          size_t reason_bytes_max)
{
    size_t place = 0;
    while (place < setup->target_count && (setup->targets[place].protocol != step->protocol ||
                                           strcmp(setup->targets[place].url, step->url) != 0)) {
        place++;
    }
    setup->target_of[step->operation] = place;
    if (place < setup->target_count) {
        return DS_OK;
    }
    struct load_target *target = &setup->targets[setup->target_count++];
    *target = (struct load_target){.protocol = step->protocol, .url = step->url};
    return step->protocol == LOAD_REST ? rest_target_find(target, ret_reason, reason_bytes_max)
                                       : DS_OK;
}

static ds_code step_add(struct load_setup *setup, const struct load_step *step, char *ret_reason,
                        size_t reason_bytes_max)
{
    assert(step->operation < setup->plan->operation_count && step->timeout_ns > 0);
    DS_TRY(target_add(setup, step, ret_reason, reason_bytes_max));
    const struct load_target *target = &setup->targets[setup->target_of[step->operation]];
    if (step->timeout_ns > setup->grace_ns) {
        setup->grace_ns = step->timeout_ns;
    }
    if (step->protocol == LOAD_NATIVE) {
        setup->methods[step->operation] =
            load_native_method_of(step->method->full_name, step->timeout_ns);
    }
    assert(!setup->has_form[step->operation]);
    setup->has_form[step->operation] = true;
    return load_request_form_init(&setup->forms[step->operation], step, &target->address,
                                  ret_reason, reason_bytes_max);
}

ds_code load_setup_init(struct load_setup *setup, const struct load_plan *plan, char *ret_reason,
                        size_t reason_bytes_max)
{
    *setup = (struct load_setup){
        .plan = plan,
        .targets = load_allocate(plan->operation_count, sizeof *setup->targets),
        .forms = load_allocate(plan->operation_count, sizeof *setup->forms),
        .has_form = load_allocate(plan->operation_count, sizeof *setup->has_form),
        .target_of = load_allocate(plan->operation_count, sizeof *setup->target_of),
        .methods = load_allocate(plan->operation_count, sizeof *setup->methods),
        .duration_ns = load_plan_duration_ns(plan),
    };
    for (size_t i = 0; i < plan->flow_count; i++) {
        for (size_t k = 0; k < plan->flows[i].step_count; k++) {
            DS_TRY(step_add(setup, &plan->flows[i].steps[k], ret_reason, reason_bytes_max));
        }
    }
    return DS_OK;
}

void load_setup_deinit(struct load_setup *setup)
{
    for (size_t i = 0; i < setup->plan->operation_count; i++) {
        if (setup->has_form[i]) {
            load_request_form_deinit(&setup->forms[i]);
        }
    }
    free(setup->targets);
    free(setup->forms);
    free(setup->has_form);
    free(setup->target_of);
    free(setup->methods);
}
