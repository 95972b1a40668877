/*
 * Who makes a request. So far nobody can prove anything, since there is no auth service: a request
 * is the anonymous principal's, whatever credentials it carries. Tokens and API keys come in here.
 */
#ifndef GATEWAY_IDENTITY_H
#define GATEWAY_IDENTITY_H

#include "gateway/problem.h"

/*
 * The principal of a call of `method`; NULL for a public method that nobody in particular calls.
 * False fills ret_problem: 401 where credentials are missing, 403 where they do not suffice.
 */
bool identity_find(const struct ds_principal *anonymous, const struct ds_method *method,
                   const struct ds_principal **ret_principal, struct problem *ret_problem);

#endif
