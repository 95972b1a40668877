/* RunRetention: hands the work to the sweeper's thread, which answers when it is done. */
#include "google/protobuf/duration.pb-c.h"
#include "storage/core/product.h"
#include "storage/rpc/service.h"

#include <inttypes.h>
#include <stdio.h>

/* What a run that has to wait for another one may take. */
#define BUSY_RETRY_MS 5000
#define NANOSECONDS_PER_US 1000

/* A call between its handler and its answer; all of it is of the call's arena and made before the
 * run, so that nothing can fail behind that. */
struct retention_call {
    struct storage *storage;
    struct ds_call *call;
    Storage__RunRetentionResponse *response;
    struct retention_job job;
};

static bool duration_is_valid(const Google__Protobuf__Duration *duration)
{
    return duration->seconds >= 0 && duration->seconds <= RETENTION_KEEP_SECONDS_MAX &&
           duration->nanos >= 0 && duration->nanos < 1000000000;
}

static ds_code fail_rule(struct ds_call *call, size_t index, const char *name, const char *fault)
{
    char field[64];
    snprintf(field, sizeof(field), "rules[%zu]%s", index, name);
    return ds_fail_field(call, field, "%s: %s", field, fault);
}

static ds_code read_rule(struct ds_call *call, size_t index, const Storage__RetentionRule *message,
                         struct retention_rule *ret_rule)
{
    if (message->product[0] != '\0' && product_fault(message->product) != NULL) {
        return fail_rule(call, index, ".product", product_fault(message->product));
    }
    struct retention_rule rule = {.kind = (enum market_kind)message->kind};
    snprintf(rule.product, sizeof(rule.product), "%s", message->product);
    if (message->keep == NULL || !duration_is_valid(message->keep)) {
        return fail_rule(call, index, ".keep",
                         "name how long rows are kept, from one minute to "
                         "10,000 years");
    }
    /* A part of a microsecond keeps a row for longer, never for less. */
    rule.keep_us = message->keep->seconds * 1000000 +
                   (message->keep->nanos + NANOSECONDS_PER_US - 1) / NANOSECONDS_PER_US;
    const char *fault = retention_rule_fault(&rule);
    if (fault != NULL) {
        const bool is_kind =
            message->kind < (int)MARKET_KIND_FIRST || message->kind > (int)MARKET_KIND_MAX;
        return fail_rule(call, index, is_kind ? ".kind" : ".keep", fault);
    }
    *ret_rule = rule;
    return DS_OK;
}

static ds_code read_rules(struct ds_call *call, const Storage__RunRetentionRequest *request,
                          struct retention_job *job)
{
    if (request->n_rules > RETENTION_RULES_MAX) {
        return ds_fail_field(call, "rules", "rules must be at most %d", RETENTION_RULES_MAX);
    }
    struct retention_rule *rules =
        ds_arena_alloc(ds_call_arena(call), request->n_rules * sizeof(*rules));
    if (rules == NULL) {
        return storage_fail_memory(call);
    }
    for (size_t i = 0; i < request->n_rules; i++) {
        DS_TRY(read_rule(call, i, request->rules[i], &rules[i]));
    }
    const size_t repeated = retention_rules_repeated(rules, request->n_rules);
    if (repeated < request->n_rules) {
        return fail_rule(call, repeated, "", "one before it has the same kind and product");
    }
    job->rules = rules;
    job->rule_count = request->n_rules;
    return DS_OK;
}

/* The rules of the call, or those that the service was started with. */
static ds_code choose_rules(struct retention_call *retention,
                            const Storage__RunRetentionRequest *request)
{
    struct retention_job *job = &retention->job;
    if (request->n_rules > 0) {
        return read_rules(retention->call, request, job);
    }
    job->rule_count = retention_sweeper_rules(retention->storage->sweeper, &job->rules);
    if (job->rule_count == 0) {
        return ds_fail(retention->call, DS_FAILED_PRECONDITION,
                       "the service was started without rules (--retain); give some with the call");
    }
    return DS_OK;
}

static void rule_respond(const struct retention_rule *rule, Storage__RetentionRule *message,
                         Google__Protobuf__Duration *keep)
{
    storage__retention_rule__init(message);
    google__protobuf__duration__init(keep);
    message->kind = (Storage__RowKind)rule->kind;
    message->product = (char *)(uintptr_t)rule->product;
    message->keep = keep;
    keep->seconds = rule->keep_us / 1000000;
    keep->nanos = (int32_t)(rule->keep_us % 1000000 * NANOSECONDS_PER_US);
}

/* Makes the results, but for the counts that they will have. */
static ds_code response_prepare(struct retention_call *retention)
{
    struct ds_arena *arena = ds_call_arena(retention->call);
    Storage__RunRetentionResponse *response = retention->response;
    struct retention_job *job = &retention->job;
    const size_t count = job->rule_count;
    Storage__RetentionResult *results = ds_arena_alloc(arena, count * sizeof(*results));
    Storage__RetentionRule *rules = ds_arena_alloc(arena, count * sizeof(*rules));
    Google__Protobuf__Duration *keeps = ds_arena_alloc(arena, count * sizeof(*keeps));
    response->results = ds_arena_alloc(arena, count * sizeof(*response->results));
    job->counts = ds_arena_zalloc(arena, count * sizeof(*job->counts));
    if (results == NULL || rules == NULL || keeps == NULL || response->results == NULL ||
        job->counts == NULL) {
        return storage_fail_memory(retention->call);
    }
    for (size_t i = 0; i < count; i++) {
        storage__retention_result__init(&results[i]);
        rule_respond(&job->rules[i], &rules[i], &keeps[i]);
        results[i].rule = &rules[i];
        response->results[i] = &results[i];
    }
    response->n_results = count;
    return DS_OK;
}

static uint64_t counts_respond(struct retention_call *retention)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < retention->job.rule_count; i++) {
        retention->response->results[i]->deleted = (int64_t)retention->job.counts[i];
        sum += retention->job.counts[i];
    }
    return sum;
}

static ds_code fail_run(struct retention_call *retention)
{
    struct ds_call *call = retention->call;
    const ds_code code = retention->job.code;
    if (code != DS_CANCELLED) {
        return storage_fail_store(retention->storage, call, code);
    }
    const ds_code abandoned = ds_fail_if_abandoned(call);
    return abandoned != DS_OK ? abandoned
                              : ds_fail_reason(call, DS_UNAVAILABLE, DS_REASON(SERVICE_UNAVAILABLE),
                                               "the service is shutting down");
}

/* On the sweeper's thread. */
static void retention_done(struct retention_job *job)
{
    struct retention_call *retention = job->context;
    const uint64_t sum = counts_respond(retention);
    ds_code code = job->code == DS_OK ? DS_OK : fail_run(retention);
    if (code != DS_OK && sum > 0 && !job->dry_run) {
        code = ds_fail_add(retention->call, code, "%" PRIu64 " rows were deleted before", sum);
    }
    ds_call_complete(retention->call, code);
}

static bool is_abandoned(void *context)
{
    const struct retention_call *retention = context;
    return ds_call_is_abandoned(retention->call);
}

static ds_code fail_submit(struct ds_call *call, ds_code code)
{
    ds_call_set_retry_after_ms(call, BUSY_RETRY_MS);
    if (code == DS_ABORTED) {
        return ds_fail_reason(call, DS_ABORTED, DS_REASON(CONFLICT),
                              "another retention run is under way; call again when it has ended");
    }
    return ds_fail_reason(call, code, DS_REASON(SERVICE_UNAVAILABLE),
                          "the service is shutting down");
}

ds_code storage_run_retention(struct storage *storage, struct ds_call *call,
                              const Storage__RunRetentionRequest *request,
                              Storage__RunRetentionResponse *response)
{
    struct retention_call *retention = ds_arena_zalloc(ds_call_arena(call), sizeof(*retention));
    if (retention == NULL) {
        return storage_fail_memory(call);
    }
    *retention = (struct retention_call){.storage = storage, .call = call, .response = response};
    retention->job.dry_run = request->dry_run;
    retention->job.should_stop = is_abandoned;
    retention->job.done = retention_done;
    retention->job.context = retention;
    DS_TRY(choose_rules(retention, request));
    DS_TRY(response_prepare(retention));
    const ds_code code = retention_sweeper_submit(storage->sweeper, &retention->job);
    return code == DS_OK ? DS_DEFERRED : fail_submit(call, code);
}
