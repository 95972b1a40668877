#include "integration/client_library_server.h"

#include "integration/event_fixture.h"
#include "integration/rpc_fixture.h"

#include <assert.h>
#include <stdlib.h>

struct library_server {
    struct rpc_fixture fixture;
    char ca_file[CERTIFICATES_PATH_BYTES_MAX];
};

static_assert(LIBRARY_PATIENCE_MS == RPC_FIXTURE_TIMEOUT_MS, "two names of one thing");

struct library_server *library_server_open(enum library_transport transport)
{
    static const enum fixture_transport transports[] = {
        [LIBRARY_IPC] = FIXTURE_IPC, [LIBRARY_TCP] = FIXTURE_TCP, [LIBRARY_TLS] = FIXTURE_TLS};
    struct library_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        abort();
    }
    const struct ds_rpc_server_options everybody_writes = {
        .authenticator = {.authenticate = rpc_fixture_authenticate_writer}};
    rpc_fixture_open(&server->fixture, transports[transport],
                     transport == LIBRARY_IPC ? NULL : &everybody_writes);
    if (transport == LIBRARY_TLS) {
        certificates_path(&server->fixture.certificates, "ca.pem", server->ca_file);
    }
    return server;
}

void library_server_close(struct library_server *server)
{
    rpc_fixture_close(&server->fixture);
    free(server);
}

const char *library_server_url(const struct library_server *server)
{
    return server->fixture.url;
}

const char *library_server_ca_file(const struct library_server *server)
{
    return server->ca_file;
}

int library_server_executed(const struct library_server *server)
{
    return atomic_load(&server->fixture.executed);
}

void library_server_await_waiting(struct library_server *server, int count)
{
    rpc_fixture_await_waiting(&server->fixture, count);
}

void library_server_open_gate(struct library_server *server)
{
    rpc_fixture_open_gate(&server->fixture);
}

struct library_events {
    struct event_service service;
};

struct library_events *library_events_open(void)
{
    struct library_events *events = calloc(1, sizeof *events);
    if (events == NULL) {
        abort();
    }
    event_service_open(&events->service, false, 0);
    return events;
}

void library_events_close(struct library_events *events)
{
    event_service_close(&events->service);
    free(events);
}

const char *library_events_url(const struct library_events *events)
{
    return events->service.rpc_url;
}

const char *library_events_event_url(const struct library_events *events)
{
    return events->service.event_url;
}

void library_events_publish(struct library_events *events, const char *topic, uint64_t first,
                            size_t count)
{
    event_service_publish(&events->service, topic, first, count);
}

void library_events_restart(struct library_events *events)
{
    event_service_restart(&events->service);
}

void library_pause(void)
{
    rpc_fixture_pause();
}
