/* A request's path, query and body as the wire bytes of a method's request, by the rules of
 * google/api/http.proto. */
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
};

/*
 * Appends the wire form of the request to `wire`; at most the method's request_bytes_max bytes.
 * `scratch` is memory to decode into. False fills ret_problem.
 */
bool transcode_request(const struct transcode_input *input, struct ds_buffer *scratch,
                       struct ds_buffer *wire, struct problem *ret_problem);

/*
 * Appends the reply's JSON: the whole response, or the binding's response_field of it. Codes as
 * ds_wire_to_json().
 */
DS_MUST_USE ds_code transcode_response(const struct route_binding *binding, struct ds_bytes wire,
                                       const struct ds_json_style *style, struct ds_buffer *scratch,
                                       struct ds_buffer *json);

/* Whether the gateway can serve the binding; the generator's output is checked at the start. */
bool transcode_binding_is_served(const struct route_binding *binding);

/* transcode_body.c: the body into the whole request or one field of it. */
bool transcode_body(const struct transcode_input *input, struct ds_buffer *wire,
                    struct problem *ret_problem);

/* Puts tag and length of a nested message in front of the bytes that begin at `start`. */
void transcode_wrap(struct ds_buffer *wire, size_t start, uint32_t field_number);

#endif
