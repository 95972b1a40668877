/* A command's connection to a service, and what it says when a call fails. */
#ifndef CLI_CONNECTION_H
#define CLI_CONNECTION_H

#include "clients/common/answer.h"
#include "ds/config.h"
#include "ds/setting_rows.h"
#include "ds/tls.h"

#include <stddef.h>

/* The first member of the options of every command that makes calls. */
struct connection_options {
    const char *connect;
    const char *data_dir;
    struct ds_tls_options tls;
    int64_t timeout_ms;
    const char *context; /* its values have become those of the settings that nobody gave */
    bool quiet;          /* no messages but failures */
    bool is_by_folder;   /* `connect` was made of `data_dir`; connection_complete() sets it */
};

/* The rows of struct connection_options in a table of settings. */
#define CONNECTION_SETTINGS                                                                        \
    {.name = "connect",                                                                            \
     .environment = {"DS_CONNECT"},                                                                \
     .kind = DS_SETTING_TEXT,                                                                      \
     .argument = "URL",                                                                            \
     .help = "the storage service: ipc:///path, tcp://host:port or tls+tcp://host:port "           \
             "[ipc://DATA/run/storage.sock]",                                                      \
     .offset = offsetof(struct connection_options, connect)},                                      \
        DS_TLS_DIAL_SETTINGS(connection_options, tls),                                             \
        DS_DATA_DIR_SETTING(connection_options,                                                    \
                            "the data folder whose service is meant when --connect does not say"), \
        {.name = "timeout",                                                                        \
         .environment = {"DS_TIMEOUT"},                                                            \
         .kind = DS_SETTING_DURATION,                                                              \
         .argument = "TIME",                                                                       \
         .minimum = 1,                                                                             \
         .maximum = 3600000,                                                                       \
         .help = "how long a call may take [what its method allows]",                              \
         .offset = offsetof(struct connection_options, timeout_ms)},                               \
        {.name = "context",                                                                        \
         .environment = {"DS_CONTEXT"},                                                            \
         .kind = DS_SETTING_TEXT,                                                                  \
         .argument = "NAME",                                                                       \
         .help = "the context whose values count where no flag and no variable gives one; named "  \
                 "by this flag it goes before the variables too; \"none\": no context [what "      \
                 "contexts use has set]",                                                          \
         .offset = offsetof(struct connection_options, context)},                                  \
    {                                                                                              \
        .name = "quiet", .short_flag = 'q', .kind = DS_SETTING_BOOLEAN,                            \
        .help = "write no messages but failures",                                                  \
        .offset = offsetof(struct connection_options, quiet)                                       \
    }

struct deltastream_client;
struct deltastream_reply;

struct connection {
    struct deltastream_client *client;
    const char *url;
    bool is_local; /* over ipc: the service believes who calls, and is of this machine */
};

/* Those of the client library are the longest, and get the name of a flag. */
#define CONNECTION_REASON_BYTES_MAX 672

struct connection_failure {
    char reason[CONNECTION_REASON_BYTES_MAX];
    const char *advice; /* what would do; NULL where there is nothing to say */
    int exit_code;
};

/*
 * Opens a connection. Whoever may enter the data folder may do everything: over ipc the calls say
 * so. On failure it tells on stderr and ret_exit_code is set. `options` is completed.
 */
DS_MUST_USE bool connection_open(struct ds_config *config, struct connection_options *options,
                                 struct connection *ret_connection, int *ret_exit_code);

/* The same for a command that tells what is wrong itself, and has no --print-config to answer. */
DS_MUST_USE bool connection_try(struct ds_config *config, struct connection_options *options,
                                struct connection *ret_connection,
                                struct connection_failure *ret_failure);

/* Works out the address where only the data folder is known. connection_open() and connection_try()
 * do it too; a second time changes nothing. */
void connection_complete(struct ds_config *config, struct connection_options *options);

void connection_close(struct connection *connection);

/* What became of a call that failed, on stderr; where nobody seems to be there, that too. */
void connection_tell_failure(const struct connection *connection, const struct answer *answer);

/* Makes a call and waits. The caller releases the answer. Returns its code. */
ds_code connection_ask(const struct connection *connection, const struct ds_method *method,
                       struct ds_bytes payload, struct answer *ret_answer);

/* The same; on failure it tells on stderr. */
DS_MUST_USE ds_code connection_call(const struct connection *connection,
                                    const struct ds_method *method, struct ds_bytes payload,
                                    struct answer *ret_answer);

/*
 * Begins a call and does not wait. The payload stays as it is until `done`, which is called once
 * with a reply for connection_take_reply(), on another thread, perhaps before this returns.
 */
void connection_begin(const struct connection *connection, const struct ds_method *method,
                      struct ds_bytes payload,
                      void (*done)(void *context, struct deltastream_reply *reply), void *context);

/* The answer in a reply, which the caller releases instead. */
void connection_take_reply(const struct ds_method *method, struct deltastream_reply *reply,
                           struct answer *ret_answer);

#endif
