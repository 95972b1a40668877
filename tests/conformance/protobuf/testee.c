/*
 * What protobuf's conformance suite tests: reads requests on stdin and answers each on stdout, both
 * with their length in front as 32 bits, low byte first (conformance/conformance.proto in
 * protobuf's source). Takes the proto3 messages from JSON and from the wire and writes the other,
 * or JSON again; all else is skipped.
 */
#include "conformance_schema.gen.h"
#include "ds/json.h"
#include "ds/wire.h"
#include "ds/wire_check.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES_MAX (64U * 1024 * 1024)

/* Fields of ConformanceRequest. */
enum {
    REQUEST_PROTOBUF = 1,
    REQUEST_JSON = 2,
    REQUEST_FORMAT = 3,
    REQUEST_MESSAGE = 4,
    REQUEST_CATEGORY = 5,
};

/* Fields of ConformanceResponse. */
enum {
    RESPONSE_PARSE_ERROR = 1,
    RESPONSE_PROTOBUF = 3,
    RESPONSE_JSON = 4,
    RESPONSE_SKIPPED = 5,
    RESPONSE_SERIALIZE_ERROR = 6,
};

/* Values of WireFormat and TestCategory. */
enum { FORMAT_PROTOBUF = 1, FORMAT_JSON = 2 };
enum { CATEGORY_JSON_IGNORE_UNKNOWN = 3 };

struct request {
    struct ds_bytes protobuf;
    struct ds_bytes json;
    bool has_protobuf;
    bool has_json;
    struct ds_bytes message_name;
    uint64_t format;
    uint64_t category;
};

static const struct ds_message *find_message(const void *context, struct ds_bytes full_name)
{
    (void)context;
    return ds_message_find_among(conformance_ds_messages, conformance_ds_message_count,
                                 (const char *)full_name.data, full_name.size);
}

static const struct ds_json_types types = {.find = find_message};
static const struct ds_json_style style = {.types = &types};

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "testee: %s\n", what);
        exit(1);
    }
}

static bool take_field(struct ds_wire_reader *reader, uint32_t number, enum ds_wire_type type,
                       struct request *request)
{
    switch (number) {
    case REQUEST_PROTOBUF:
        request->has_protobuf = true;
        return ds_wire_read_bytes(reader, &request->protobuf);
    case REQUEST_JSON:
        request->has_json = true;
        return ds_wire_read_bytes(reader, &request->json);
    case REQUEST_MESSAGE:
        return ds_wire_read_bytes(reader, &request->message_name);
    case REQUEST_FORMAT:
        return ds_wire_read_varint(reader, &request->format);
    case REQUEST_CATEGORY:
        return ds_wire_read_varint(reader, &request->category);
    default:
        return ds_wire_skip(reader, type);
    }
}

static struct request request_of(struct ds_bytes wire)
{
    struct request request = {.has_json = false};
    struct ds_wire_reader reader = ds_wire_reader_of(wire);
    while (!ds_wire_at_end(&reader)) {
        uint32_t number;
        enum ds_wire_type type;
        require(ds_wire_read_tag(&reader, &number, &type) &&
                    take_field(&reader, number, type, &request),
                "the request is malformed");
    }
    return request;
}

static void answer_text(struct ds_buffer *response, uint32_t field, const char *text)
{
    ds_wire_write_bytes_field(response, field, ds_bytes_of_text(text));
}

/* The message's wire, whatever the request has; false where the answer is written already. */
static bool parse(const struct request *request, const struct ds_message *message,
                  struct ds_buffer *wire, struct ds_buffer *response)
{
    if (request->has_protobuf) {
        struct ds_wire_error error;
        if (ds_wire_check(message, request->protobuf, &error) != DS_OK) {
            answer_text(response, RESPONSE_PARSE_ERROR, error.message);
            return false;
        }
        ds_buffer_append(wire, request->protobuf.data, request->protobuf.size);
        return true;
    }
    const struct ds_json_read_options options = {
        .ignore_unknown = request->category == CATEGORY_JSON_IGNORE_UNKNOWN, .types = &types};
    struct ds_json_error error;
    if (ds_json_to_wire(message, request->json, &options, wire, &error) != DS_OK) {
        answer_text(response, RESPONSE_PARSE_ERROR, error.message);
        return false;
    }
    return true;
}

static void answer(const struct request *request, struct ds_buffer *response)
{
    struct ds_buffer wire;
    struct ds_buffer text;
    const struct ds_message *message = find_message(NULL, request->message_name);
    if (message == NULL) {
        answer_text(response, RESPONSE_SKIPPED, "only proto3 is tested");
        return;
    }
    if (!(request->has_json && request->format == FORMAT_PROTOBUF) &&
        request->format != FORMAT_JSON) {
        answer_text(response, RESPONSE_SKIPPED, "only JSON is tested");
        return;
    }
    ds_buffer_init(&wire, BYTES_MAX);
    ds_buffer_init(&text, BYTES_MAX);
    if (!parse(request, message, &wire, response)) {
        goto done;
    }
    if (request->format == FORMAT_PROTOBUF) {
        ds_wire_write_bytes_field(response, RESPONSE_PROTOBUF, ds_buffer_bytes(&wire));
    } else if (ds_wire_to_json(message, ds_buffer_bytes(&wire), &style, &text) == DS_OK) {
        ds_wire_write_bytes_field(response, RESPONSE_JSON, ds_buffer_bytes(&text));
    } else {
        answer_text(response, RESPONSE_SERIALIZE_ERROR, "the message has no JSON form");
    }
done:
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&text);
}

/* False at the end of the requests. */
static bool read_request(struct ds_buffer *wire)
{
    uint8_t length[4];
    ds_buffer_clear(wire);
    if (fread(length, 1, sizeof length, stdin) != sizeof length) {
        return false;
    }
    const size_t size = ds_load_fixed32(length);
    uint8_t *room = ds_buffer_reserve(wire, size);
    require(room != NULL && fread(room, 1, size, stdin) == size, "the request is cut or too long");
    ds_buffer_commit(wire, size);
    return true;
}

int main(void)
{
    struct ds_buffer wire;
    struct ds_buffer response;
    ds_buffer_init(&wire, BYTES_MAX);
    ds_buffer_init(&response, BYTES_MAX);
    while (read_request(&wire)) {
        ds_buffer_clear(&response);
        const struct request request = request_of(ds_buffer_bytes(&wire));
        if (ds_bytes_equal_text(request.message_name, "conformance.FailureSet")) {
            /* The suite's first question: what we expect to fail. It has a list for that. */
            ds_wire_write_bytes_field(&response, RESPONSE_PROTOBUF, (struct ds_bytes){0});
        } else {
            answer(&request, &response);
        }
        uint8_t length[4];
        ds_store_fixed32(length, (uint32_t)response.size);
        require(fwrite(length, 1, sizeof length, stdout) == sizeof length &&
                    fwrite(response.data, 1, response.size, stdout) == response.size &&
                    fflush(stdout) == 0,
                "the answer can't be written");
    }
    ds_buffer_deinit(&wire);
    ds_buffer_deinit(&response);
    return 0;
}
