#include "clients/cli/storage_call.h"

#include "clients/cli/status.h"
#include "clients/cli/storage_reply.h"
#include "clients/common/reply.h"
#include "ds/exit_code.h"

#include <stdlib.h>

#define TEXT_BYTES_MAX (32 * 1024 * 1024)
#define REPLY_ARENA_BYTES_MAX (64 * 1024 * 1024)

const char *const storage_format_choices[] = {"auto", "table", "json", "ndjson", NULL};

static int show_json(const struct ds_message *type, struct ds_bytes response)
{
    struct ds_json_style style = rows_json_style;
    style.defaults = true;
    struct ds_buffer text;
    ds_buffer_init(&text, TEXT_BYTES_MAX);
    const ds_code code = ds_wire_to_json(type, response, &style, &text);
    if (code == DS_OK) {
        fwrite(text.data, 1, text.size, stdout);
        fputc('\n', stdout);
    }
    ds_buffer_deinit(&text);
    return code == DS_OK ? DS_EXIT_OK : DS_EXIT_ERROR;
}

static int show_reply(const struct storage_call *call, struct answer *answer)
{
    if (rows_format_for(stdout, call->format) != ROWS_TABLE) {
        return show_json(answer->method->response, answer->response);
    }
    struct ds_arena *arena = ds_arena_create(REPLY_ARENA_BYTES_MAX);
    const ProtobufCMessage *message = NULL;
    const ds_code code = reply_unpack(answer, arena, &message);
    if (code == DS_OK) {
        call->show(message);
    }
    ds_arena_destroy(arena);
    return code == DS_OK ? DS_EXIT_OK : DS_EXIT_ERROR;
}

static int make_call(const struct connection *connection, const struct storage_call *call,
                     struct ds_bytes payload)
{
    const struct ds_method *method = storage_method(call->method);
    struct answer answer;
    const ds_code code = connection_call(connection, method, payload, &answer);
    int exit_code = status_exit_code(&answer);
    if (code == DS_OK) {
        exit_code = show_reply(call, &answer);
        if (exit_code != DS_EXIT_OK) {
            fprintf(stderr, "deltastream: the reply is damaged\n");
        }
    }
    answer_release(&answer);
    return exit_code;
}

int storage_call_run(struct ds_config *config, struct connection_options *options,
                     const struct storage_call *call)
{
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    if (!connection_open(config, options, &connection, &exit_code)) {
        return exit_code;
    }
    uint8_t *payload = malloc(protobuf_c_message_get_packed_size(call->request) + 1);
    if (payload == NULL) {
        abort();
    }
    const size_t bytes = protobuf_c_message_pack(call->request, payload);
    exit_code = make_call(&connection, call, ds_bytes_of(payload, bytes));
    free(payload);
    connection_close(&connection);
    return exit_code;
}
