/* The values that a request's path and query give. Parts of gateway/transcode.h only. */
#ifndef GATEWAY_TRANSCODE_PARAMETERS_H
#define GATEWAY_TRANSCODE_PARAMETERS_H

#include "gateway/transcode.h"

/* A value for a field somewhere below the request. */
struct transcode_parameter {
    const struct ds_field *path[ROUTE_FIELD_DEPTH_MAX];
    uint8_t depth;
    struct ds_bytes name; /* as the query has it; "" of the path's */
    struct ds_bytes value;
};

struct transcode_parameters {
    struct transcode_parameter list[TRANSCODE_PARAMETERS_MAX + ROUTE_VARIABLES_MAX];
    size_t count;
    size_t path_count; /* the first ones, which the path binds */
    bool nested;       /* some are deeper than the request itself */
    bool alt_given;
    bool enum_numbers; /* $alt asks for them */
};

/* Takes the path and the query apart; texts without their encoding are in `scratch`, whose bytes
 * must stay where they are. False fills ret_problem. */
bool transcode_parameters_read(const struct transcode_input *input, struct ds_buffer *scratch,
                               struct transcode_parameters *ret_parameters,
                               struct problem *ret_problem);

/* Appends all values; sorts the list where fields of one submessage are apart. */
bool transcode_parameters_write(struct transcode_parameters *parameters, struct ds_buffer *wire,
                                struct problem *ret_problem);

/* Appends one occurrence of the field itself, with its tag. */
bool transcode_parameter_write(const struct transcode_parameter *parameter, struct ds_buffer *wire,
                               struct problem *ret_problem);

#define TRANSCODE_NAME_BYTES 128

/* The name of a field below the request: "order", "filter.since". Cut where it is too long. */
void transcode_name_write(const struct ds_field *const *path, uint8_t depth,
                          char ret_name[TRANSCODE_NAME_BYTES]);

/* transcode_agree.c: the parameters beside the body, whose wire is all of `wire`. Those that belong
 * into a message of it are put there and taken off the list. False fills ret_problem: they and the
 * body say different things. */
bool transcode_agree(const struct transcode_input *input, struct transcode_parameters *parameters,
                     struct ds_buffer *wire, struct problem *ret_problem);

#endif
