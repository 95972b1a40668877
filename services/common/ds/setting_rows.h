/*
 * Rows of settings that several programs have, so that a name, its variables and its meaning are
 * written once. `options` is the struct that the settings fill; the member has the setting's name.
 */
#ifndef DS_SETTING_ROWS_H
#define DS_SETTING_ROWS_H

#include "ds/call_log.h"
#include "ds/config.h"
#include "ds/daemon.h"
#include "ds/paths.h"
#include "ds/tls.h"

#include <stddef.h>

#define DS_DATA_DIR_SETTING(options, help_text)                                                    \
    {                                                                                              \
        .name = "data-dir", .environment = {"DS_DATA_DIR"}, .kind = DS_SETTING_TEXT,               \
        .argument = "DIR", .default_of = ds_default_data_dir, .help = (help_text),                 \
        .offset = offsetof(struct options, data_dir)                                               \
    }

#define DS_STORE_SETTING(options)                                                                  \
    {                                                                                              \
        .name = "store", .environment = {"DS_STORE", "MONGO_URL"}, .kind = DS_SETTING_TEXT,        \
        .argument = "lmdb", .default_text = "lmdb", .help = "what keeps the data",                 \
        .offset = offsetof(struct options, store)                                                  \
    }

#define DS_LOG_LEVEL_SETTING(options, level_default, help_text)                                    \
    {                                                                                              \
        .name = "log-level", .environment = {"DS_LOG_LEVEL", "LOG_LEVEL"},                         \
        .kind = DS_SETTING_CHOICE, .argument = "LEVEL", .default_text = (level_default),           \
        .choices = ds_daemon_log_levels, .help = (help_text),                                      \
        .offset = offsetof(struct options, log_level)                                              \
    }

#define DS_ADMIN_SETTING(options)                                                                  \
    {                                                                                              \
        .name = "admin", .environment = {"DS_ADMIN"}, .kind = DS_SETTING_TEXT,                     \
        .argument = "HOST:PORT", .offset = offsetof(struct options, admin),                        \
        .help = "where an operator is shown status, settings, metrics and calls over HTTP; "       \
                "loopback only, port 0 picks a free one [no such listener]"                        \
    }

#define DS_RPC_LIMIT_SETTING_(setting, variable, count, member, text)                              \
    {                                                                                              \
        .name = (setting), .environment = {variable}, .kind = DS_SETTING_INTEGER, .argument = "N", \
        .default_text = (count), .minimum = 1, .maximum = 65536, .help = (text),                   \
        .offset = (member)                                                                         \
    }

/* What tls+tcp listeners show. */
#define DS_TLS_LISTEN_SETTINGS(options, certificate_member, key_member)                            \
    {.name = "tls-cert",                                                                           \
     .environment = {"DS_TLS_CERT"},                                                               \
     .kind = DS_SETTING_TEXT,                                                                      \
     .argument = "FILE",                                                                           \
     .default_text = "",                                                                           \
     .offset = offsetof(struct options, certificate_member),                                       \
     .help = "the certificate that tls+tcp addresses show, in PEM: the server's own first, then "  \
             "those that lead to the authority; SIGHUP reads it anew"},                            \
    {                                                                                              \
        .name = "tls-key", .environment = {"DS_TLS_KEY"}, .kind = DS_SETTING_TEXT,                 \
        .argument = "FILE", .default_text = "", .offset = offsetof(struct options, key_member),    \
        .help = "its private key in PEM, which nobody else may read"                               \
    }

/* How the server at a tls+tcp address is checked. */
#define DS_TLS_DIAL_SETTINGS(options, member)                                                      \
    {.name = "tls-ca",                                                                             \
     .environment = {"DS_TLS_CA"},                                                                 \
     .kind = DS_SETTING_TEXT,                                                                      \
     .argument = "FILE",                                                                           \
     .default_text = "",                                                                           \
     .offset = offsetof(struct options, member.ca_file),                                           \
     .help = "the authority that a tls+tcp address's certificate must come from, in PEM "          \
             "[" DS_TLS_SYSTEM_CA_FILE "]"},                                                       \
    {                                                                                              \
        .name = "tls-server-name", .environment = {"DS_TLS_SERVER_NAME"}, .kind = DS_SETTING_TEXT, \
        .argument = "NAME", .default_text = "",                                                    \
        .offset = offsetof(struct options, member.server_name),                                    \
        .help = "the host that the certificate must be for [that of the URL]"                      \
    }

/* The rows of a struct ds_rpc_limits; the defaults are those of ds/rpc_server.h. */
#define DS_RPC_LIMIT_SETTINGS(options, member)                                                     \
    DS_RPC_LIMIT_SETTING_("rpc-connections", "DS_RPC_CONNECTIONS", "1024",                         \
                          offsetof(struct options, member.connections_max),                        \
                          "connections that an RPC listener takes"),                               \
        DS_RPC_LIMIT_SETTING_("rpc-connections-per-address", "DS_RPC_CONNECTIONS_PER_ADDRESS",     \
                              "256", offsetof(struct options, member.connections_per_address_max), \
                              "connections that a TCP listener takes from one address"),           \
        DS_RPC_LIMIT_SETTING_("rpc-calls-per-connection", "DS_RPC_CALLS_PER_CONNECTION", "64",     \
                              offsetof(struct options, member.calls_per_connection_max),           \
                              "messages that a connection may have in work"),                      \
    {                                                                                              \
        .name = "rpc-first-request-timeout", .environment = {"DS_RPC_FIRST_REQUEST_TIMEOUT"},      \
        .kind = DS_SETTING_DURATION, .argument = "TIME", .default_text = "30s", .minimum = 100,    \
        .maximum = 3600000, .offset = offsetof(struct options, member.first_request_ms),           \
        .help = "time in which a TCP connection must have sent a whole request"                    \
    }

/* The rows of a struct ds_rpc_rate_limit; the maxima are those of ds/rate_limit.h. */
#define DS_RPC_RATE_SETTINGS(options, member)                                                      \
    {.name = "rate-limit",                                                                         \
     .environment = {"DS_RATE_LIMIT"},                                                             \
     .kind = DS_SETTING_INTEGER,                                                                   \
     .argument = "N",                                                                              \
     .default_text = "0",                                                                          \
     .minimum = 0,                                                                                 \
     .maximum = 1000000,                                                                           \
     .offset = offsetof(struct options, member.calls_per_second),                                  \
     .help = "calls a second that each caller may make; 0 for any number"},                        \
    {                                                                                              \
        .name = "rate-burst", .environment = {"DS_RATE_BURST"}, .kind = DS_SETTING_INTEGER,        \
        .argument = "N", .default_text = "0", .minimum = 0, .maximum = 1000000,                    \
        .offset = offsetof(struct options, member.burst),                                          \
        .help = "calls that a caller may make at once; 0 for as many as in a second"               \
    }

/* The rows of a struct ds_call_log. */
#define DS_CALL_LOG_SETTINGS(options, member)                                                      \
    {.name = "call-log",                                                                           \
     .environment = {"DS_CALL_LOG"},                                                               \
     .kind = DS_SETTING_CHOICE,                                                                    \
     .argument = "none|slow|errors|writes|all",                                                    \
     .default_text = "slow",                                                                       \
     .choices = ds_call_log_choices,                                                               \
     .offset = offsetof(struct options, member.extent),                                            \
     .help = "the calls that the log tells of, each choice with those before it"},                 \
    {                                                                                              \
        .name = "slow-call", .environment = {"DS_SLOW_CALL"}, .kind = DS_SETTING_DURATION,         \
        .argument = "TIME", .default_text = "500ms", .minimum = 1, .maximum = 3600000,             \
        .offset = offsetof(struct options, member.slow_call_ms),                                   \
        .help = "how long a call takes that counts as slow"                                        \
    }

#endif
