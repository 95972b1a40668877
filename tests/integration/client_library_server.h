/*
 * The server of rpc_fixture.h and the one of event_fixture.h, for tests of the C client library:
 * these see the library's header alone, whose message structs have the same files' names as ours.
 */
#ifndef TESTS_INTEGRATION_CLIENT_LIBRARY_SERVER_H
#define TESTS_INTEGRATION_CLIENT_LIBRARY_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer than any stall of the machine, for calls whose time limit is not what is tested. */
#define LIBRARY_PATIENCE_MS 600000

enum library_transport {
    LIBRARY_IPC,
    LIBRARY_TCP, /* everybody may write */
    LIBRARY_TLS, /* the same */
};

struct library_server;

struct library_server *library_server_open(enum library_transport transport);
void library_server_close(struct library_server *server);
const char *library_server_url(const struct library_server *server);
/* The authority of its certificate; of LIBRARY_TLS. */
const char *library_server_ca_file(const struct library_server *server);
/* So many ListTicks and IngestTicks have been executed. */
int library_server_executed(const struct library_server *server);
/* IngestTicks without rows wait before the gate. */
void library_server_await_waiting(struct library_server *server, int count);
void library_server_open_gate(struct library_server *server);

struct library_events;

/* A service that publishes ticks; its url is for a client. */
struct library_events *library_events_open(void);
void library_events_close(struct library_events *events);
const char *library_events_url(const struct library_events *events);
const char *library_events_event_url(const struct library_events *events);
/* Events whose bodies are the texts of the numbers from `first`. */
void library_events_publish(struct library_events *events, const char *topic, uint64_t first,
                            size_t count);
/* Another epoch. */
void library_events_restart(struct library_events *events);

/* Sleeps for a moment, between two looks whether something has come. */
void library_pause(void);

#endif
