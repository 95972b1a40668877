/* Values of replies that later steps need. */
#ifndef LOAD_CAPTURE_H
#define LOAD_CAPTURE_H

#include "clients/load/plan.h"
#include "ds/buffer.h"
#include "ds/code.h"

#define LOAD_CAPTURE_BYTES_MAX 65536 /* of a value */

/* One flow's variables. */
struct load_variables {
    size_t count;
    struct ds_bytes *values; /* data NULL: not known yet */
    struct ds_buffer *texts; /* what they point into */
};

void load_variables_init(struct load_variables *variables, size_t count);
void load_variables_deinit(struct load_variables *variables);
void load_variables_forget(struct load_variables *variables);

/*
 * Takes what the captures name out of a JSON text: of strings what is between the quotes, of
 * numbers, true and false their text. DS_INVALID_ARGUMENT: the text is no JSON; DS_NOT_FOUND: it
 * has no such value; DS_RESOURCE_EXHAUSTED: one is too large.
 */
DS_MUST_USE ds_code load_capture_json(struct load_variables *variables,
                                      const struct load_capture *captures, size_t capture_count,
                                      struct ds_bytes json);

/* The same for a reply on the wire, in the names of the .proto. */
DS_MUST_USE ds_code load_capture_wire(struct load_variables *variables,
                                      const struct load_capture *captures, size_t capture_count,
                                      const struct ds_message *message, struct ds_bytes wire);

#endif
