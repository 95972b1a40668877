#include "clients/cli/connection.h"

#include "clients/cli/status.h"
#include "clients/common/operator.h"
#include "ds/exit_code.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IPC_SCHEME "ipc://"

/*
 * 0 where a process has the socket open, else why it can't be reached. A datagram socket can't be
 * joined to a stream socket, so the kernel's refusal tells which it is (EPROTOTYPE: somebody is
 * there) without troubling the listener with a connection that comes to nothing.
 */
static int find_listener(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t path_bytes = strlen(path);
    if (path_bytes >= sizeof(address.sun_path)) {
        return ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, path_bytes);
    const int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return 0;
    }
    const int result = connect(probe, (const struct sockaddr *)&address, sizeof(address));
    const int failure = result == 0 || errno == EPROTOTYPE ? 0 : errno;
    close(probe);
    return failure;
}

static void say_unreachable(const struct connection *connection, bool url_is_given, int failure,
                            struct connection_failure *ret_failure)
{
    ret_failure->exit_code = DS_EXIT_UNAVAILABLE;
    if (failure == EACCES) {
        snprintf(ret_failure->reason, sizeof(ret_failure->reason), "this user may not reach %s",
                 connection->url);
        ret_failure->advice = "run this as the user of that service";
        return;
    }
    snprintf(ret_failure->reason, sizeof(ret_failure->reason), "nothing listens at %s",
             connection->url);
    ret_failure->advice = url_is_given
                              ? "start the service there, or name another place with --connect"
                              : "start one with: deltastream up\n"
                                "  or name the running one with --connect or --data-dir";
}

void connection_complete(struct ds_config *config, struct connection_options *options)
{
    struct ds_arena *arena = ds_config_arena(config);
    /* Who names a folder on the command line does not mean the address of the context. */
    const bool url_is_given = options->connect != NULL && options->connect[0] != '\0' &&
                              !ds_config_outranks(config, "data-dir", "connect");
    if (!url_is_given && !options->is_by_folder) {
        options->connect = ds_storage_url(arena, ds_absolute_path(arena, options->data_dir));
        ds_config_derive(config, "connect", "data-dir");
        options->is_by_folder = true;
    }
}

/* What the channel would refuse too, but without a word to the user. */
static bool tls_is_usable(const char *url, const struct ds_tls_options *options,
                          struct connection_failure *ret_failure)
{
    struct ds_tls_trust *trust = NULL;
    struct ds_tls_refusal refusal;
    if (!ds_url_is_tls(url)) {
        return true;
    }
    if (ds_tls_trust_load(options, url, &trust, &refusal) == DS_OK) {
        ds_tls_trust_destroy(trust);
        return true;
    }
    snprintf(ret_failure->reason, sizeof(ret_failure->reason), "%.32s: %s", refusal.setting,
             refusal.reason);
    ret_failure->advice = NULL;
    ret_failure->exit_code =
        strcmp(refusal.setting, "connect") == 0 ? DS_EXIT_USAGE : DS_EXIT_ERROR;
    return false;
}

bool connection_try(struct ds_config *config, struct connection_options *options,
                    struct connection *ret_connection, struct connection_failure *ret_failure)
{
    connection_complete(config, options);
    struct connection connection = {.url = options->connect,
                                    .timeout_ms = (uint32_t)options->timeout_ms};
    const bool is_ipc = strncmp(connection.url, IPC_SCHEME, strlen(IPC_SCHEME)) == 0;
    const int failure = is_ipc ? find_listener(connection.url + strlen(IPC_SCHEME)) : 0;
    if (failure != 0) {
        say_unreachable(&connection, !options->is_by_folder, failure, ret_failure);
        return false;
    }
    if (!tls_is_usable(connection.url, &options->tls, ret_failure)) {
        return false;
    }
    connection.principal =
        is_ipc ? operator_create(ds_config_arena(config), "service:command-line") : NULL;
    const struct ds_channel_options channel_options = {
        .url = connection.url, .tls = &options->tls, .client_name = "deltastream/" DS_VERSION};
    if (ds_channel_open(&channel_options, &connection.channel) != DS_OK) {
        snprintf(ret_failure->reason, sizeof(ret_failure->reason),
                 "connect: \"%s\" is not of the form ipc:///path, tcp://host:port or "
                 "tls+tcp://host:port",
                 connection.url);
        ret_failure->advice = NULL;
        ret_failure->exit_code = DS_EXIT_USAGE;
        return false;
    }
    *ret_connection = connection;
    return true;
}

bool connection_open(struct ds_config *config, struct connection_options *options,
                     struct connection *ret_connection, int *ret_exit_code)
{
    if (ds_config_wish(config) == DS_CONFIG_PRINT) {
        connection_complete(config, options);
        ds_config_print(config, options, stdout);
        *ret_exit_code = DS_EXIT_OK;
        return false;
    }
    struct connection_failure failure = {0};
    if (connection_try(config, options, ret_connection, &failure)) {
        return true;
    }
    if (failure.exit_code == DS_EXIT_USAGE) {
        *ret_exit_code = ds_config_refuse(config, options, "connect",
                                          "not of the form ipc:///path, tcp://host:port or "
                                          "tls+tcp://host:port");
        return false;
    }
    fprintf(stderr, "deltastream: %s\n", failure.reason);
    if (failure.advice != NULL) {
        fprintf(stderr, "  %s\n", failure.advice);
    }
    *ret_exit_code = failure.exit_code;
    return false;
}

void connection_close(struct connection *connection)
{
    ds_channel_close(connection->channel);
    connection->channel = NULL;
}

void connection_tell_failure(const struct connection *connection, const struct ds_client_call *call)
{
    status_print(stderr, call->code, call->message, call->status_details);
    if (strcmp(call->message, ds_client_failure_text(DS_UNAVAILABLE)) == 0 ||
        call->code == DS_DEADLINE_EXCEEDED) {
        fprintf(stderr, "  is the service at %s running?\n", connection->url);
    }
}

ds_code connection_call(const struct connection *connection, const struct ds_method *method,
                        struct ds_bytes payload, struct ds_client_call *call)
{
    *call = (struct ds_client_call){.method = method,
                                    .payload = payload,
                                    .timeout_ms = connection->timeout_ms,
                                    .principal = connection->principal};
    const ds_code code = ds_channel_call_wait(connection->channel, call);
    if (code != DS_OK) {
        connection_tell_failure(connection, call);
    }
    return code;
}
