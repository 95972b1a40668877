/*
 * What a call costs from ds_channel_call() to its answer on the direct transport, alone on one
 * thread: dispatch with its interceptors, without sockets and hardly a handler.
 *
 *     dispatch_bench [CALLS]
 */
#include "ds/clock.h"
#include "ds/rpc_client.h"
#include "ds/rpc_server.h"
#include "schema.gen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CALLS_DEFAULT 1000000
#define WARM_UP_CALLS 1000
#define HANDLERS_MAX 64
#define RUNS 7

static ds_code answer_nothing(void *context, struct ds_call *call, const ProtobufCMessage *request,
                              ProtobufCMessage *response)
{
    (void)context;
    (void)call;
    (void)request;
    (void)response;
    return DS_OK;
}

static ds_handler_fn handlers[HANDLERS_MAX];
static const struct ds_service_handlers service = {
    .service = &ds_service_storage,
    .handlers = handlers,
};

static const char *const permissions[] = {"market:read"};
static const struct ds_principal caller = {
    .subject = "user:7",
    .authentication_method = "jwt",
    .permissions = permissions,
    .permission_count = 1,
};

static void ignore(struct ds_client_call *call)
{
    (void)call;
}

/* Nanoseconds a call. */
static double run(struct ds_channel *channel, const char *traceparent, long calls)
{
    const int64_t begun_us = ds_clock_monotonic_us(ds_clock_system());
    for (long i = 0; i < calls; i++) {
        struct ds_client_call call = {.method = ds_method_storage_list_ticks,
                                      .principal = &caller,
                                      .traceparent = traceparent,
                                      .done = ignore};
        ds_channel_call(channel, &call);
        ds_channel_flush(channel);
        if (call.code != DS_OK) {
            fprintf(stderr, "dispatch_bench: %s\n", call.message);
            exit(1);
        }
        ds_client_call_release(&call);
    }
    return (double)(ds_clock_monotonic_us(ds_clock_system()) - begun_us) * 1000 / (double)calls;
}

static int by_size(const void *left, const void *right)
{
    const double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static void report(struct ds_channel *channel, const char *name, const char *traceparent,
                   long calls)
{
    double figures[RUNS];
    for (int i = 0; i < RUNS; i++) {
        figures[i] = run(channel, traceparent, calls);
    }
    qsort(figures, RUNS, sizeof *figures, by_size);
    printf("%-24s %8.0f ns a call (median of %d; %.0f to %.0f)\n", name, figures[RUNS / 2], RUNS,
           figures[0], figures[RUNS - 1]);
}

int main(int argc, char **argv)
{
    const long calls = argc > 1 ? strtol(argv[1], NULL, 10) : CALLS_DEFAULT;
    for (size_t i = 0; i < ds_service_storage.method_count && i < HANDLERS_MAX; i++) {
        handlers[i] = answer_nothing;
    }
    struct ds_rpc_server *server =
        ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "bench/1"});
    ds_rpc_server_add_service(server, &service, NULL);
    struct ds_channel *channel = NULL;
    if (calls <= 0 ||
        ds_channel_open(&(struct ds_channel_options){.server = server}, &channel) != DS_OK) {
        return 1;
    }
    (void)run(channel, NULL, WARM_UP_CALLS);
    report(channel, "inline", NULL, calls);
    report(channel, "inline, traced", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           calls);
    ds_channel_close(channel);
    ds_rpc_server_drain(server, 1000);
    ds_rpc_server_destroy(server);
    return 0;
}
