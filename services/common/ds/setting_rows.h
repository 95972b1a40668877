/*
 * Rows of settings that several programs have, so that a name, its variables and its meaning are
 * written once. `options` is the struct that the settings fill; the member has the setting's name.
 */
#ifndef DS_SETTING_ROWS_H
#define DS_SETTING_ROWS_H

#include "ds/config.h"
#include "ds/daemon.h"
#include "ds/paths.h"

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

#define DS_RPC_LIMIT_SETTING_(setting, variable, count, member, text)                              \
    {                                                                                              \
        .name = (setting), .environment = {variable}, .kind = DS_SETTING_INTEGER, .argument = "N", \
        .default_text = (count), .minimum = 1, .maximum = 65536, .help = (text),                   \
        .offset = (member)                                                                         \
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

#endif
