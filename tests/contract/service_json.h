/* Calls of the storage service with requests and replies in JSON, as its REST routes have them. */
#ifndef TESTS_CONTRACT_SERVICE_JSON_H
#define TESTS_CONTRACT_SERVICE_JSON_H

#include "service_fixture.h"

/* Makes a call; the reply stays in service->call until the next one. */
ds_code call_json(struct service *service, const char *method, const char *request);

/* Asserts that the call succeeds with that reply. */
void assert_json(struct service *service, const char *method, const char *request,
                 const char *expected);

/* Asserts that the call fails with that code and that text, or a text that begins with it. */
void assert_refused(struct service *service, const char *method, const char *request, ds_code code,
                    const char *message);

/* A request with something wrong in a field. */
struct refusal {
    const char *request; /* for json_of() */
    const char *field;
    const char *message; /* as of assert_refused() */
};

/* Asserts that each is refused with DS_INVALID_ARGUMENT and names its field. */
void assert_all_refused(struct service *service, const char *method, const struct refusal *refusals,
                        size_t refusal_count);

/* Asserts that all rows of an ingest request are accepted. */
void ingest_json(struct service *service, const char *method, const char *request);

/* Puts a row into the store as it is: `value` need not be a message. */
void store_row(struct service *service, enum market_kind kind, const char *series,
               const char *group, struct ds_bytes value);

#endif
