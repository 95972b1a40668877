/* The storage service behind a server and a channel, on each engine. */
#ifndef TESTS_CONTRACT_SERVICE_FIXTURE_H
#define TESTS_CONTRACT_SERVICE_FIXTURE_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/rpc_client.h"
#include "storage/storage.h"
#include "support/test.h"

/* What the service's clock says. */
#define SERVICE_NOW_US INT64_C(1737799200000001)
/* The time limit of calls whose test is not about it: no stall of the machine ends them. */
#define SERVICE_TIMEOUT_MS 600000
#define SERVICE_ROWS_MAX 10001
#define SERVICE_CHAINS_MAX 1001

struct service {
    char folder[64]; /* "" without one */
    struct market_store *store;
    struct storage *storage;
    struct ds_rpc_server *server;
    struct ds_channel *channel;
    struct ds_client_call call; /* the newest one */
    uint32_t timeout_ms;        /* of the next ones; 0: SERVICE_TIMEOUT_MS */
    uint8_t *payload;
    /* The rows of an ingest request. */
    Storage__Tick *ticks;
    Storage__Tick **tick_pointers;
    Storage__Quote *quotes;
    Storage__Quote **quote_pointers;
    Storage__OptionChain *chains;          /* SERVICE_CHAINS_MAX of them */
    Storage__OptionChain **chain_pointers; /* SERVICE_ROWS_MAX of them */
    Google__Protobuf__Timestamp *timestamps;
};

/* Takes the store. `folder` is removed by service_destroy(); "" where there is none. */
struct service *service_create(struct market_store *store, const char *folder);
void service_destroy(struct service *service);

/* Runs the tests on each engine, every test with a service on an empty store in *state; returns how
 * many failed. */
int service_tests_run(const struct CMUnitTest *tests, size_t test_count);

/* For cmocka_unit_test_setup_teardown(): a service on an empty store in *state, and its end. */
int service_setup_memory(void **state);
int service_setup_lmdb(void **state);
int service_teardown(void **state);

/* Makes a call; the reply stays in service->call until the next one. */
ds_code service_call(struct service *service, const char *method, const ProtobufCMessage *request);

/* Asserts that the newest call failed for that field and that reason; NULL: whatever it says. */
void assert_failure(struct service *service, const char *field, const char *reason);

/* Makes the row of that index. */
Storage__Tick *tick_set(struct service *service, size_t index, const char *product,
                        int64_t timestamp_us, int64_t tick_id, double price);

/* Sends the first rows. */
ds_code ingest_with(struct service *service, size_t count, Storage__ConflictPolicy policy);
ds_code ingest(struct service *service, size_t count);

/* The same of quotes: calls of NIFTY at 21500. */
Storage__Quote *quote_set(struct service *service, size_t index, const char *symbol,
                          const char *expiry, int64_t timestamp_us, double last);
ds_code ingest_quotes(struct service *service, size_t count, Storage__ConflictPolicy policy);

/* The same of chains, which have no options. */
Storage__OptionChain *chain_set(struct service *service, size_t index, const char *product,
                                const char *expiry, int64_t timestamp_us, double spot_price);
ds_code ingest_chains(struct service *service, size_t count, Storage__ConflictPolicy policy);

/* Asserts the reply of an ingest of any kind: "accepted duplicate late", then " index:reason" for
 * each rejected row. */
void assert_ingested(struct service *service, const char *expected);

/* The text with each ' as a ", for requests and replies in JSON; one of the last few stays. */
const char *json_of(const char *text);

Storage__ListTicksRequest list_request(const char *product);
void limit_set(Storage__ListTicksRequest *request, int32_t limit);

/* The reply of a list that must succeed; free it. */
Storage__ListTicksResponse *list(struct service *service, const Storage__ListTicksRequest *request);

/* Asserts the tick_ids of the list, with " more" behind them where there is a next page. */
void assert_list(struct service *service, const Storage__ListTicksRequest *request,
                 const char *expected);

#endif
