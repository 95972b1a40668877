/* A request's path, query and body as the wire bytes of a method's request, by the rules of
 * google/api/http.proto. docs/conformance.md tells what is decided where these leave it open. */
#ifndef GATEWAY_TRANSCODE_H
#define GATEWAY_TRANSCODE_H

#include "gateway/negotiate.h"

#define TRANSCODE_PARAMETERS_MAX 64 /* in a query */

struct transcode_input {
    const struct route_binding *binding;
    const struct route_match *match;
    struct ds_bytes query; /* raw */
    struct ds_bytes body;
    enum body_form form;
    const struct ds_json_types
        *types; /* that a google.protobuf.Any of the body may hold; or NULL */
};

/*
 * Appends the wire form of the request to `wire`; at most the method's request_bytes_max bytes.
 * `scratch` is memory to decode into. ret_enum_numbers: the reply is to have enums as numbers.
 * False fills ret_problem.
 */
bool transcode_request(const struct transcode_input *input, struct ds_buffer *scratch,
                       struct ds_buffer *wire, bool *ret_enum_numbers, struct problem *ret_problem);

/*
 * Appends the reply's JSON: the whole response, or the binding's response_field of it. Codes as
 * ds_wire_to_json().
 */
DS_MUST_USE ds_code transcode_response(const struct route_binding *binding, struct ds_bytes wire,
                                       const struct ds_json_style *style, struct ds_buffer *json);

/* transcode_body.c: the body into the whole request or one field of it. The names of what it gives
 * go to `paths`, if that isn't NULL, as ds_json_read_options.given_paths has them. */
bool transcode_body(const struct transcode_input *input, struct ds_buffer *paths,
                    struct ds_buffer *wire, struct problem *ret_problem);

/* A body of rows, one a line. */
bool transcode_rows(const struct transcode_input *input, struct ds_buffer *wire,
                    struct problem *ret_problem);

/* Appends the binding's mask_field, made of what the body gives, unless the body in `wire` has it:
 * all of `paths` but what the path binds. */
void transcode_mask_write(const struct route_binding *binding, struct ds_bytes paths,
                          struct ds_buffer *wire);

/* Puts tag and length of a nested message in front of the bytes that begin at `start`. */
void transcode_wrap(struct ds_buffer *wire, size_t start, uint32_t field_number);

#endif
