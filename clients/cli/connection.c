#include "clients/cli/connection.h"

#define DELTASTREAM_UNTYPED
#include "clients/c/deltastream.h"
#include "clients/cli/status.h"
#include "ds/exit_code.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IPC_SCHEME "ipc://"
#define LIBRARY_URL "url"

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

/* The library's message says of its option `url` what the user has to know of --connect. */
static void say_refused(enum deltastream_code code, const char *message,
                        struct connection_failure *ret_failure)
{
    const bool is_url = code == DELTASTREAM_INVALID_ARGUMENT &&
                        strncmp(message, LIBRARY_URL, strlen(LIBRARY_URL)) == 0;
    snprintf(ret_failure->reason, sizeof(ret_failure->reason), "%s%s", is_url ? "connect" : "",
             is_url ? message + strlen(LIBRARY_URL) : message);
    ret_failure->advice = NULL;
    ret_failure->exit_code = is_url ? DS_EXIT_USAGE : DS_EXIT_ERROR;
}

bool connection_try(struct ds_config *config, struct connection_options *options,
                    struct connection *ret_connection, struct connection_failure *ret_failure)
{
    connection_complete(config, options);
    struct connection connection = {
        .url = options->connect,
        .is_local = strncmp(options->connect, IPC_SCHEME, strlen(IPC_SCHEME)) == 0};
    const int failure =
        connection.is_local ? find_listener(connection.url + strlen(IPC_SCHEME)) : 0;
    if (failure != 0) {
        say_unreachable(&connection, !options->is_by_folder, failure, ret_failure);
        return false;
    }
    const struct deltastream_principal principal = {.struct_size = sizeof principal,
                                                    .subject = "service:command-line"};
    const struct deltastream_client_options client_options = {
        .struct_size = sizeof client_options,
        .url = connection.url,
        .timeout_ms = (uint32_t)options->timeout_ms,
        .tls_ca_file = options->tls.ca_file,
        .tls_server_name = options->tls.server_name,
        .principal = connection.is_local ? &principal : NULL};
    char message[DELTASTREAM_MESSAGE_BYTES_MAX];
    const enum deltastream_code code =
        deltastream_client_open(&client_options, &connection.client, message, sizeof message);
    if (code != DELTASTREAM_OK) {
        say_refused(code, message, ret_failure);
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
    deltastream_client_close(connection->client);
    connection->client = NULL;
}

void connection_tell_failure(const struct connection *connection, const struct answer *answer)
{
    status_print(stderr, answer->code, answer->message, answer->status_details);
    if (answer->is_unreached || answer->code == DS_DEADLINE_EXCEEDED) {
        fprintf(stderr, "  is the service at %s running?\n", connection->url);
    }
}

static void release_reply(void *owner)
{
    deltastream_reply_free(owner);
}

static ds_reason reason_of(const struct deltastream_reply *reply)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(
        &rpc__reason__descriptor, deltastream_reply_reason(reply));
    return value != NULL ? (ds_reason)value->value : DS_REASON(REASON_UNSPECIFIED);
}

void connection_take_reply(const struct ds_method *method, struct deltastream_reply *reply,
                           struct answer *ret_answer)
{
    struct deltastream_reply_info info = {.struct_size = sizeof info};
    const enum deltastream_code described = deltastream_reply_describe(reply, &info);
    assert(described == DELTASTREAM_OK);
    (void)described;
    struct answer answer = {.method = method,
                            .code = (ds_code)deltastream_reply_code(reply),
                            .message = deltastream_reply_message(reply),
                            .reason = reason_of(reply),
                            .retry_after_ms = info.retry_after_ms,
                            .is_unreached = info.is_unreached,
                            .owner = reply,
                            .release = release_reply};
    answer.status_details.data = deltastream_reply_details(reply, &answer.status_details.size);
    answer.response.data = deltastream_reply_wire(reply, &answer.response.size);
    *ret_answer = answer;
}

ds_code connection_ask(const struct connection *connection, const struct ds_method *method,
                       struct ds_bytes payload, struct answer *ret_answer)
{
    struct deltastream_reply *reply = NULL;
    const enum deltastream_code code =
        deltastream_call_raw(connection->client, deltastream_method_find(method->full_name),
                             payload.data, payload.size, NULL, &reply);
    connection_take_reply(method, reply, ret_answer);
    return (ds_code)code;
}

ds_code connection_call(const struct connection *connection, const struct ds_method *method,
                        struct ds_bytes payload, struct answer *ret_answer)
{
    const ds_code code = connection_ask(connection, method, payload, ret_answer);
    if (code != DS_OK) {
        connection_tell_failure(connection, ret_answer);
    }
    return code;
}

void connection_begin(const struct connection *connection, const struct ds_method *method,
                      struct ds_bytes payload,
                      void (*done)(void *context, struct deltastream_reply *reply), void *context)
{
    const struct deltastream_call_options options = {.struct_size = sizeof options,
                                                     .borrow_request = true};
    const enum deltastream_code code =
        deltastream_call_raw_async(connection->client, deltastream_method_find(method->full_name),
                                   payload.data, payload.size, &options, done, context, NULL);
    assert(code == DELTASTREAM_OK);
    (void)code;
}
