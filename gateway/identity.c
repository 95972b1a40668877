#include "gateway/identity.h"

bool identity_find(const struct ds_principal *anonymous, const struct ds_method *method,
                   const struct ds_principal **ret_principal, struct problem *ret_problem)
{
    const bool is_public = strcmp(method->permission, "public") == 0;
    if (is_public || (anonymous != NULL && ds_principal_may(anonymous, method->permission))) {
        *ret_principal = anonymous;
        return true;
    }
    /* The anonymous caller has shown no credentials, so what it lacks is those: 401, not 403. */
    problem_set(ret_problem, DS_REASON(UNAUTHENTICATED),
                "this needs the permission %s, which a caller without credentials does not have",
                method->permission);
    ret_problem->code = DS_UNAUTHENTICATED;
    return false;
}
