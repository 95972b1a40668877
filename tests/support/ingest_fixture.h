/* A storage service that a test stands in for: it counts the rows it gets, keeps the newest request
 * of each kind, and fails as often as it is told. Joined by the direct transport. */
#ifndef TESTS_SUPPORT_INGEST_FIXTURE_H
#define TESTS_SUPPORT_INGEST_FIXTURE_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/clock.h"
#include "ds/rpc_client.h"
#include "ds/rpc_server.h"
#include "schema.gen.h"
#include "support/handlers.h"
#include "support/standing_clock.h"

#include <pthread.h>
#include <stdlib.h>

enum ingest_fixture_kind {
    INGEST_FIXTURE_TICKS,
    INGEST_FIXTURE_QUOTES,
    INGEST_FIXTURE_CHAINS,
    INGEST_FIXTURE_KINDS,
};

struct ingest_fixture {
    struct ds_rpc_server *server;
    struct ds_channel *channel;
    ds_handler_fn handlers[HANDLERS_MAX];
    struct ds_service_handlers service;

    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    int calls[INGEST_FIXTURE_KINDS];
    size_t rows[INGEST_FIXTURE_KINDS];
    int failures_left;
    ds_code failure;
    ds_reason failure_reason; /* REASON_UNSPECIFIED: none */
    int32_t retry_after_ms;   /* that failures ask for */
    int rejects;              /* rows of each request, its last ones */
    bool has_tick;            /* what LatestTick finds */
    Storage__Tick tick;
    int64_t oldest_us[INGEST_FIXTURE_KINDS];
    Storage__Tick first_tick; /* that ever came; its texts are gone */
};

static inline int64_t ingest_fixture_us(const Google__Protobuf__Timestamp *timestamp)
{
    return timestamp->seconds * 1000000 + timestamp->nanos / 1000;
}

/* Rows are in the order of their times. */
static inline ds_code ingest_fixture_take(struct ingest_fixture *fixture, struct ds_call *call,
                                          enum ingest_fixture_kind kind, size_t rows,
                                          const Google__Protobuf__Timestamp *first,
                                          Storage__IngestTicksResponse *response)
{
    pthread_mutex_lock(&fixture->mutex);
    fixture->calls[kind]++;
    const bool fails = fixture->failures_left > 0;
    if (fails) {
        fixture->failures_left--;
        ds_call_set_retry_after_ms(call, fixture->retry_after_ms);
    } else {
        fixture->rows[kind] += rows;
        if (fixture->oldest_us[kind] == 0) {
            fixture->oldest_us[kind] = ingest_fixture_us(first);
        }
        const size_t rejects = (size_t)fixture->rejects;
        response->accepted = (int32_t)(rows - rejects);
        response->n_rejected = rejects;
        response->rejected = ds_arena_alloc(ds_call_arena(call), (rejects + 1) * sizeof(void *));
        for (size_t i = 0; i < rejects; i++) {
            Storage__RejectedRow *row = ds_arena_alloc(ds_call_arena(call), sizeof(*row));
            storage__rejected_row__init(row);
            row->index = (int32_t)(rows - rejects + i);
            row->reason = (char *)(uintptr_t) "no good";
            response->rejected[i] = row;
        }
    }
    const ds_code failure = fixture->failure;
    const ds_reason reason = fixture->failure_reason;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
    return fails ? ds_fail_reason(call, failure, reason, "not now") : DS_OK;
}

static inline ds_code ingest_fixture_ticks(void *context, struct ds_call *call,
                                           const ProtobufCMessage *request,
                                           ProtobufCMessage *response)
{
    const Storage__IngestTicksRequest *in = (const Storage__IngestTicksRequest *)request;
    struct ingest_fixture *fixture = context;
    pthread_mutex_lock(&fixture->mutex);
    if (fixture->calls[INGEST_FIXTURE_TICKS] == 0) {
        fixture->first_tick = *in->ticks[0];
    }
    pthread_mutex_unlock(&fixture->mutex);
    return ingest_fixture_take(context, call, INGEST_FIXTURE_TICKS, in->n_ticks,
                               in->ticks[0]->timestamp, (Storage__IngestTicksResponse *)response);
}

static inline ds_code ingest_fixture_quotes(void *context, struct ds_call *call,
                                            const ProtobufCMessage *request,
                                            ProtobufCMessage *response)
{
    const Storage__IngestQuotesRequest *in = (const Storage__IngestQuotesRequest *)request;
    return ingest_fixture_take(context, call, INGEST_FIXTURE_QUOTES, in->n_quotes,
                               in->quotes[0]->timestamp, (Storage__IngestTicksResponse *)response);
}

static inline ds_code ingest_fixture_chains(void *context, struct ds_call *call,
                                            const ProtobufCMessage *request,
                                            ProtobufCMessage *response)
{
    const Storage__IngestChainsRequest *in = (const Storage__IngestChainsRequest *)request;
    return ingest_fixture_take(context, call, INGEST_FIXTURE_CHAINS, in->n_chains,
                               in->chains[0]->timestamp, (Storage__IngestTicksResponse *)response);
}

static inline ds_code ingest_fixture_latest(void *context, struct ds_call *call,
                                            const ProtobufCMessage *request,
                                            ProtobufCMessage *response)
{
    struct ingest_fixture *fixture = context;
    (void)request;
    if (!fixture->has_tick) {
        return ds_fail(call, DS_NOT_FOUND, "no ticks");
    }
    *(Storage__Tick *)response = fixture->tick;
    return DS_OK;
}

static inline void ingest_fixture_open(struct ingest_fixture *fixture)
{
    *fixture = (struct ingest_fixture){.failure = DS_UNAVAILABLE};
    storage__tick__init(&fixture->tick);
    pthread_mutex_init(&fixture->mutex, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    handlers_fill(&ds_service_storage, fixture->handlers);
    fixture->handlers[ds_method_storage_ingest_ticks->index] = ingest_fixture_ticks;
    fixture->handlers[ds_method_storage_ingest_quotes->index] = ingest_fixture_quotes;
    fixture->handlers[ds_method_storage_ingest_chains->index] = ingest_fixture_chains;
    fixture->handlers[ds_method_storage_latest_tick->index] = ingest_fixture_latest;
    fixture->service =
        (struct ds_service_handlers){.service = &ds_service_storage, .handlers = fixture->handlers};
    const struct ds_rpc_server_options server_options = {.name = "test", .clock = &standing_clock};
    fixture->server = ds_rpc_server_create(&server_options);
    ds_rpc_server_add_service(fixture->server, &fixture->service, fixture);
    const struct ds_channel_options channel_options = {.server = fixture->server,
                                                       .clock = &standing_clock};
    if (ds_channel_open(&channel_options, &fixture->channel) != DS_OK) {
        abort();
    }
}

static inline void ingest_fixture_close(struct ingest_fixture *fixture)
{
    ds_channel_close(fixture->channel);
    ds_rpc_server_drain(fixture->server, 10000);
    ds_rpc_server_destroy(fixture->server);
    pthread_cond_destroy(&fixture->changed);
    pthread_mutex_destroy(&fixture->mutex);
}

/* Waits until so many calls of a kind have come. */
static inline void ingest_fixture_await(struct ingest_fixture *fixture,
                                        enum ingest_fixture_kind kind, int calls)
{
    pthread_mutex_lock(&fixture->mutex);
    while (fixture->calls[kind] < calls) {
        pthread_cond_wait(&fixture->changed, &fixture->mutex);
    }
    pthread_mutex_unlock(&fixture->mutex);
}

/* Who may read and write. */
static const char *const ingest_fixture_permissions[] = {"market:read", "market:write"};
static const struct ds_principal ingest_fixture_writer = {.subject = "test",
                                                          .authentication_method = "none",
                                                          .permissions = ingest_fixture_permissions,
                                                          .permission_count = 2};

#endif
