/* What Connect adds to a request: the query of a GET on the first line, then fields that are
 * metadata, one "name: value" a line. What metadata was taken is also written as a reply's. */
#include "fuzz/fuzz.h"
#include "fuzz/http_fields.h"
#include "gateway/connect_metadata.h"
#include "gateway/connect_query.h"
#include "http/target.h"

#include <stdlib.h>

#define FIELDS_MAX 100
#define INPUT_BYTES_MAX 32768
#define REQUEST_BYTES_MAX 256

/* Each line that is written is one of the entries'. */
static void check_written(const struct ds_client_call *call, struct http_request *request)
{
    const struct ds_client_call answered = {.response_metadata = call->metadata,
                                            .response_metadata_count = call->metadata_count};
    connect_metadata_write(&answered, request);
    struct ds_bytes lines = ds_buffer_bytes(&request->reply_head);
    struct ds_bytes line;
    size_t count = 0;
    while (http_list_next(&lines, '\n', &line)) {
        count++;
        fuzz_require(memchr(line.data, '\r', line.size) == line.data + line.size - 1,
                     "nothing of a value becomes a line of its own");
    }
    fuzz_require(count == call->metadata_count, "what is taken is written");
}

static void check_metadata(struct http_request *request)
{
    struct ds_client_call call = {.metadata = NULL};
    struct problem problem;
    struct ds_buffer room;
    ds_buffer_init(&room, CONNECT_METADATA_ROOM_BYTES);
    if (connect_metadata_take(request, &room, &call, &problem)) {
        fuzz_require(ds_client_metadata_refusal(call.metadata, call.metadata_count) == NULL,
                     "what is taken may travel");
        check_written(&call, request);
    } else {
        fuzz_require(problem.reason == DS_REASON(HEADERS_TOO_LARGE) ||
                         problem.reason == DS_REASON(INVALID_REQUEST),
                     "what is refused has a reason");
    }
    ds_buffer_deinit(&room);
}

static void check_query(struct http_request *request, struct ds_bytes query)
{
    static struct gateway gateway; /* Without gzip, which has a target of its own. */
    static const struct ds_method method = {.request_bytes_max = REQUEST_BYTES_MAX};
    struct exchange exchange = {.gateway = &gateway, .request = request, .method = &method};
    struct problem problem;
    struct ds_bytes message;
    struct ds_buffer target;
    ds_buffer_init(&target, SIZE_MAX);
    ds_buffer_append_text(&target, "/a.B/C?");
    ds_buffer_append(&target, query.data, query.size);
    request->method = HTTP_METHOD_GET;
    ds_buffer_init(&exchange.scratch, SIZE_MAX);
    if (http_target_read(request, ds_buffer_bytes(&target)) == NULL) {
        if (connect_query_read(&exchange, &message, &problem)) {
            const uint8_t *scratch = exchange.scratch.data;
            fuzz_require(message.size <= REQUEST_BYTES_MAX, "a message is within its limit");
            fuzz_require(message.size == 0 ||
                             (message.data >= scratch &&
                              message.data + message.size <= scratch + exchange.scratch.size),
                         "and lies where it was decoded");
        } else {
            fuzz_require(problem.detail[0] != '\0', "what is refused is told");
        }
    }
    ds_buffer_deinit(&exchange.scratch);
    ds_buffer_deinit(&target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_BYTES_MAX) {
        return 0;
    }
    struct http_request *request = http_request_create(FIELDS_MAX);
    struct ds_bytes lines = ds_bytes_of(data, size);
    struct ds_bytes query = {0};
    struct ds_bytes line;
    (void)http_list_next(&lines, '\n', &query);
    while (http_list_next(&lines, '\n', &line)) {
        fuzz_add_field(request, line);
    }
    check_metadata(request);
    check_query(request, query);
    http_request_destroy(request);
    return 0;
}
