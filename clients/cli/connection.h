/* A command's connection to a service, and what it says when a call fails. */
#ifndef CLI_CONNECTION_H
#define CLI_CONNECTION_H

#include "ds/config.h"
#include "ds/paths.h"
#include "ds/rpc_client.h"

#include <stddef.h>

/* The first member of the options of every command that makes calls. */
struct connection_options {
    const char *connect;
    const char *data_dir;
    int64_t timeout_ms;
};

/* The rows of struct connection_options in a table of settings. */
#define CONNECTION_SETTINGS                                                                        \
    {.name = "connect",                                                                            \
     .environment = {"DS_CONNECT"},                                                                \
     .kind = DS_SETTING_TEXT,                                                                      \
     .argument = "URL",                                                                            \
     .help = "the storage service: ipc:///path or tcp://host:port "                                \
             "[ipc://DATA/run/storage.sock]",                                                      \
     .offset = offsetof(struct connection_options, connect)},                                      \
        {.name = "data-dir",                                                                       \
         .environment = {"DS_DATA_DIR"},                                                           \
         .kind = DS_SETTING_TEXT,                                                                  \
         .argument = "DIR",                                                                        \
         .default_of = ds_default_data_dir,                                                        \
         .help = "the data folder whose service is meant when --connect does not say",             \
         .offset = offsetof(struct connection_options, data_dir)},                                 \
    {                                                                                              \
        .name = "timeout", .environment = {"DS_TIMEOUT"}, .kind = DS_SETTING_DURATION,             \
        .argument = "TIME", .minimum = 1, .maximum = 3600000,                                      \
        .help = "how long a call may take [what its method allows]",                               \
        .offset = offsetof(struct connection_options, timeout_ms)                                  \
    }

struct connection {
    struct ds_channel *channel;
    const char *url;
    uint32_t timeout_ms;                  /* 0: the method's */
    const struct ds_principal *principal; /* NULL: the service has to find out */
};

/*
 * Opens a connection. Whoever may enter the data folder may do everything: over ipc the calls say
 * so. On failure it tells on stderr and ret_exit_code is set. `options` is completed.
 */
DS_MUST_USE bool connection_open(struct ds_config *config, struct connection_options *options,
                                 struct connection *ret_connection, int *ret_exit_code);

void connection_close(struct connection *connection);

/* Makes a call and waits. On failure it tells on stderr. The caller releases the call. */
DS_MUST_USE ds_code connection_call(const struct connection *connection,
                                    const struct ds_method *method, struct ds_bytes payload,
                                    struct ds_client_call *call);

#endif
