/* The gateway with its settings and its thread, as deltastream-gateway and `deltastream up` run
 * it. */
#ifndef GATEWAY_HOST_H
#define GATEWAY_HOST_H

#include "admin/pages.h"
#include "ds/anonymous.h"
#include "ds/config.h"
#include "gateway/gateway.h"

#include <pthread.h>
#include <stddef.h>

#define GATEWAY_ADDRESS_BYTES_MAX 256
#define GATEWAY_REASON_BYTES_MAX 512

/* A member of the options of both programs. */
struct gateway_settings {
    struct ds_text_list listen;
    const char *host;
    int64_t port;
    const char *name;
    int anonymous;  /* enum ds_anonymous */
    int access_log; /* 0 off, 1 on */
    int64_t connections_max;
    int64_t connections_address_max;
    int64_t pipeline_max;
    int64_t request_line_bytes_max;
    int64_t headers_bytes_max;
    int64_t header_count_max;
    int64_t body_bytes_max;
    int64_t headers_timeout_ms;
    int64_t body_timeout_ms;
    int64_t write_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t live_clients_max;
    int64_t live_queue_events_max;
    int64_t live_ping_ms;
    struct ds_text_list trusted_proxies;
    struct ds_text_list cors_origins;
    int gzip; /* 0 off, 1 on */
};

extern const char *const gateway_switch_choices[];

/* One row for a member of struct gateway_settings that is member `at` of `options`. */
#define GATEWAY_ROW(options, at, member)                                                           \
    .offset = offsetof(struct options, at) + offsetof(struct gateway_settings, member)

/* The rows of struct gateway_settings in a table of settings. */
#define GATEWAY_SETTINGS(options, at, access_log_default)                                          \
    {.name = "listen",                                                                             \
     .environment = {"DS_LISTEN"},                                                                 \
     .kind = DS_SETTING_LIST,                                                                      \
     .argument = "HOST:PORT[=NAME]",                                                               \
     .help =                                                                                       \
         "where to serve HTTP, and what the service is called there; port 0 picks a free one; "    \
         "may be repeated [127.0.0.1:8080]",                                                       \
     GATEWAY_ROW(options, at, listen)},                                                            \
        {.name = "host",                                                                           \
         .environment = {"HOST"},                                                                  \
         .kind = DS_SETTING_TEXT,                                                                  \
         .argument = "HOST",                                                                       \
         .default_text = "127.0.0.1",                                                              \
         .help = "the host of the only listener where --listen is not given",                      \
         GATEWAY_ROW(options, at, host)},                                                          \
        {.name = "port",                                                                           \
         .environment = {"PORT"},                                                                  \
         .kind = DS_SETTING_INTEGER,                                                               \
         .argument = "PORT",                                                                       \
         .default_text = "8080",                                                                   \
         .minimum = 0,                                                                             \
         .maximum = 65535,                                                                         \
         .help = "the port of the only listener where --listen is not given",                      \
         GATEWAY_ROW(options, at, port)},                                                          \
        {.name = "name",                                                                           \
         .environment = {"DS_SERVICE_NAME", "SERVICE_NAME"},                                       \
         .kind = DS_SETTING_TEXT,                                                                  \
         .argument = "NAME",                                                                       \
         .default_text = "deltastream",                                                            \
         .help = "what / and /health call the service",                                            \
         GATEWAY_ROW(options, at, name)},                                                          \
        {.name = "anonymous",                                                                      \
         .environment = {"DS_ANONYMOUS"},                                                          \
         .kind = DS_SETTING_CHOICE,                                                                \
         .argument = "none|read|write",                                                            \
         .default_text = "write",                                                                  \
         .choices = ds_anonymous_choices,                                                          \
         .help = "what a request without credentials may do; write on loopback listeners only",    \
         GATEWAY_ROW(options, at, anonymous)},                                                     \
        {.name = "access-log",                                                                     \
         .environment = {"DS_ACCESS_LOG"},                                                         \
         .kind = DS_SETTING_CHOICE,                                                                \
         .argument = "on|off",                                                                     \
         .default_text = (access_log_default),                                                     \
         .choices = gateway_switch_choices,                                                        \
         .help = "a line on stderr for every request",                                             \
         GATEWAY_ROW(options, at, access_log)},                                                    \
        {.name = "connections-max",                                                                \
         .environment = {"DS_CONNECTIONS_MAX"},                                                    \
         .kind = DS_SETTING_INTEGER,                                                               \
         .argument = "N",                                                                          \
         .default_text = "10000",                                                                  \
         .minimum = 1,                                                                             \
         .maximum = 1000000,                                                                       \
         .help = "connections at a time",                                                          \
         GATEWAY_ROW(options, at, connections_max)},                                               \
        {.name = "connections-address-max",                                                        \
         .environment = {"DS_CONNECTIONS_ADDRESS_MAX"},                                            \
         .kind = DS_SETTING_INTEGER,                                                               \
         .argument = "N",                                                                          \
         .default_text = "1000",                                                                   \
         .minimum = 1,                                                                             \
         .maximum = 1000000,                                                                       \
         .help = "connections of one address at a time",                                           \
         GATEWAY_ROW(options, at, connections_address_max)},                                       \
        {.name = "pipeline-max",                                                                   \
         .environment = {"DS_PIPELINE_MAX"},                                                       \
         .kind = DS_SETTING_INTEGER,                                                               \
         .argument = "N",                                                                          \
         .default_text = "16",                                                                     \
         .minimum = 1,                                                                             \
         .maximum = 256,                                                                           \
         .help = "requests in work on one connection; those behind them wait",                     \
         GATEWAY_ROW(options, at, pipeline_max)},                                                  \
        {.name = "request-line-bytes-max",                                                         \
         .environment = {"DS_REQUEST_LINE_BYTES_MAX"},                                             \
         .kind = DS_SETTING_SIZE,                                                                  \
         .argument = "SIZE",                                                                       \
         .default_text = "8KiB",                                                                   \
         .minimum = 1024,                                                                          \
         .maximum = 65536,                                                                         \
         .help = "of a request's first line: method, path with query, version",                    \
         GATEWAY_ROW(options, at, request_line_bytes_max)},                                        \
        {.name = "headers-bytes-max",                                                              \
         .environment = {"DS_HEADERS_BYTES_MAX"},                                                  \
         .kind = DS_SETTING_SIZE,                                                                  \
         .argument = "SIZE",                                                                       \
         .default_text = "32KiB",                                                                  \
         .minimum = 4096,                                                                          \
         .maximum = 1048576,                                                                       \
         .help = "of a request's header fields together",                                          \
         GATEWAY_ROW(options, at, headers_bytes_max)},                                             \
        {.name = "header-count-max",                                                               \
         .environment = {"DS_HEADER_COUNT_MAX"},                                                   \
         .kind = DS_SETTING_INTEGER,                                                               \
         .argument = "N",                                                                          \
         .default_text = "100",                                                                    \
         .minimum = 16,                                                                            \
         .maximum = 255,                                                                           \
         .help = "header fields of a request",                                                     \
         GATEWAY_ROW(options, at, header_count_max)},                                              \
        {.name = "trusted-proxy",                                                                  \
         .environment = {"DS_TRUSTED_PROXY"},                                                      \
         .kind = DS_SETTING_LIST,                                                                  \
         .argument = "ADDRESS[/BITS]",                                                             \
         .help = "a proxy whose X-Forwarded-For and X-Forwarded-Proto are believed, and which "    \
                 "has no cap of connections by address; may be repeated",                          \
         GATEWAY_ROW(options, at, trusted_proxies)},                                               \
        {.name = "cors-origin",                                                                    \
         .environment = {"DS_CORS_ORIGIN", "CORS_ALLOWED_ORIGINS"},                                \
         .kind = DS_SETTING_LIST,                                                                  \
         .argument = "ORIGIN[,...]",                                                               \
         .help = "pages that may call from a browser, by their origin, such as "                   \
                 "https://app.example.com, with credentials; * for all others, without them; may " \
                 "be repeated",                                                                    \
         GATEWAY_ROW(options, at, cors_origins)},                                                  \
        {.name = "gzip",                                                                           \
         .environment = {"DS_GZIP"},                                                               \
         .kind = DS_SETTING_CHOICE,                                                                \
         .argument = "on|off",                                                                     \
         .default_text = "on",                                                                     \
         .choices = gateway_switch_choices,                                                        \
         .help = "replies of 1 KiB and more are compressed for clients that ask for it, and "      \
                 "bodies of requests may be",                                                      \
         GATEWAY_ROW(options, at, gzip)},                                                          \
        {.name = "live-clients-max",                                                               \
         .environment = {"DS_LIVE_CLIENTS_MAX"},                                                   \
         .kind = DS_SETTING_INTEGER,                                                               \
         .argument = "N",                                                                          \
         .default_text = "10000",                                                                  \
         .minimum = 1,                                                                             \
         .maximum = 1000000,                                                                       \
         .help = "clients of live data at a time",                                                 \
         GATEWAY_ROW(options, at, live_clients_max)},                                              \
        {.name = "live-queue-events-max",                                                          \
         .environment = {"DS_LIVE_QUEUE_EVENTS_MAX"},                                              \
         .kind = DS_SETTING_INTEGER,                                                               \
         .argument = "N",                                                                          \
         .default_text = "1024",                                                                   \
         .minimum = 1,                                                                             \
         .maximum = 65536,                                                                         \
         .help = "events that wait for a client of live data; a slower one is told of a gap",      \
         GATEWAY_ROW(options, at, live_queue_events_max)},                                         \
        {.name = "live-ping",                                                                      \
         .environment = {"DS_LIVE_PING"},                                                          \
         .kind = DS_SETTING_DURATION,                                                              \
         .argument = "TIME",                                                                       \
         .default_text = "20s",                                                                    \
         .minimum = 100,                                                                           \
         .maximum = 3600000,                                                                       \
         .help = "between two pings to a WebSocket, which must answer each before the next; "      \
                 "streams of HTTP get a comment after three quarters of it without an event",      \
         GATEWAY_ROW(options, at, live_ping_ms)},                                                  \
        {.name = "body-bytes-max",                                                                 \
         .environment = {"DS_BODY_BYTES_MAX"},                                                     \
         .kind = DS_SETTING_SIZE,                                                                  \
         .argument = "SIZE",                                                                       \
         .default_text = "16MiB",                                                                  \
         .minimum = 1,                                                                             \
         .maximum = 16777216,                                                                      \
         .help = "of a request's body, where its method does not allow less",                      \
         GATEWAY_ROW(options, at, body_bytes_max)},                                                \
        {.name = "headers-timeout",                                                                \
         .environment = {"DS_HEADERS_TIMEOUT"},                                                    \
         .kind = DS_SETTING_DURATION,                                                              \
         .argument = "TIME",                                                                       \
         .default_text = "10s",                                                                    \
         .minimum = 1,                                                                             \
         .maximum = 3600000,                                                                       \
         .help = "for a client to send its headers",                                               \
         GATEWAY_ROW(options, at, headers_timeout_ms)},                                            \
        {.name = "body-timeout",                                                                   \
         .environment = {"DS_BODY_TIMEOUT"},                                                       \
         .kind = DS_SETTING_DURATION,                                                              \
         .argument = "TIME",                                                                       \
         .default_text = "30s",                                                                    \
         .minimum = 1,                                                                             \
         .maximum = 3600000,                                                                       \
         .help = "for a client to send its body",                                                  \
         GATEWAY_ROW(options, at, body_timeout_ms)},                                               \
        {.name = "write-timeout",                                                                  \
         .environment = {"DS_WRITE_TIMEOUT"},                                                      \
         .kind = DS_SETTING_DURATION,                                                              \
         .argument = "TIME",                                                                       \
         .default_text = "30s",                                                                    \
         .minimum = 1,                                                                             \
         .maximum = 3600000,                                                                       \
         .help = "for a client to take a reply",                                                   \
         GATEWAY_ROW(options, at, write_timeout_ms)},                                              \
    {                                                                                              \
        .name = "idle-timeout", .environment = {"DS_IDLE_TIMEOUT"}, .kind = DS_SETTING_DURATION,   \
        .argument = "TIME", .default_text = "75s", .minimum = 1, .maximum = 3600000,               \
        .help = "of a connection between two requests", GATEWAY_ROW(options, at, idle_timeout_ms)  \
    }

/* Checks what the table can't and fills in the listener. `options` is the program's struct that
 * `settings` is a member of. DS_EXIT_OK, or the exit code after telling on stderr. */
int gateway_settings_complete(struct ds_config *config, const void *options,
                              struct gateway_settings *settings);

struct gateway_host {
    struct gateway *gateway;
    pthread_t thread;
    size_t listener_count;
    char addresses[DS_CONFIG_LIST_MAX][GATEWAY_ADDRESS_BYTES_MAX]; /* in use: "127.0.0.1:8080" */
};

/*
 * Opens the listeners and serves on a thread of its own. Calls to the storage service go to
 * `storage`; `metrics` are shown on /metrics; both outlive the host. On failure ret_reason tells a
 * person why, and nothing is left open.
 */
DS_MUST_USE ds_code gateway_host_start(struct gateway_host *host,
                                       const struct gateway_settings *settings,
                                       struct ds_channel *storage,
                                       struct ds_metrics *const *metrics, size_t metrics_count,
                                       char ret_reason[GATEWAY_REASON_BYTES_MAX]);

/* Fills in what the gateway tells an operator: metrics, readiness, draining. While it is open. */
void gateway_host_show(const struct gateway_host *host, struct ds_admin_program *program);

/* Writes a line "ready http://HOST:PORT" for each listener to stdout. */
void gateway_host_tell_ready(const struct gateway_host *host);

/* Takes no more requests and lets those in work end, for at most grace_ms. */
void gateway_host_drain(struct gateway_host *host, int grace_ms);

/* After gateway_host_drain(): closes everything. */
void gateway_host_close(struct gateway_host *host);

#endif
