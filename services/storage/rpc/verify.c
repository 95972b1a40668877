/* Verify: looks at everything that is stored. */
#include "storage/rpc/service.h"

#define FAULTS_MAX 100

/* A verification and what it found. */
struct verification {
    struct storage *storage;
    struct ds_call *call;
    Storage__VerifyResponse *response;
};

static void take_fault(void *context, const char *text)
{
    struct verification *verification = context;
    Storage__VerifyResponse *response = verification->response;
    response->fault_count++;
    if (response->n_faults == FAULTS_MAX) {
        return;
    }
    char *copy = ds_arena_copy_text(ds_call_arena(verification->call), text, strlen(text));
    if (copy != NULL) {
        response->faults[response->n_faults++] = copy;
    }
}

static bool nobody_waits(void *context)
{
    const struct verification *verification = context;
    return atomic_load(&verification->storage->stopping) ||
           ds_call_is_abandoned(verification->call);
}

ds_code storage_verify(struct storage *storage, struct ds_call *call,
                       const Storage__VerifyRequest *request, Storage__VerifyResponse *response)
{
    (void)request;
    response->faults = ds_arena_alloc(ds_call_arena(call), FAULTS_MAX * sizeof(*response->faults));
    if (response->faults == NULL) {
        return ds_fail_reason(call, DS_RESOURCE_EXHAUSTED, DS_REASON(REQUEST_TOO_LARGE),
                              "the reply needs more memory than a call may use");
    }
    struct verification verification = {.storage = storage, .call = call, .response = response};
    struct market_verify verify = {
        .fault = take_fault, .should_stop = nobody_waits, .context = &verification};
    const ds_code code = storage->store->ops->verify(storage->store, &verify);
    if (code == DS_CANCELLED) {
        DS_TRY(ds_fail_if_abandoned(call));
        return ds_fail(call, DS_UNAVAILABLE, "the service stops before the verification is done");
    }
    if (code != DS_OK) {
        return storage_fail_store(storage, call, code);
    }
    response->rows_checked = (int64_t)verify.rows_checked;
    response->series_checked = (int64_t)verify.series_checked;
    return DS_OK;
}
