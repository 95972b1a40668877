/*
 * The bytes that a step sends. What is the same for every flow is made once, when the run starts;
 * where a step has no places at all, sending it copies nothing.
 */
#ifndef LOAD_REQUEST_H
#define LOAD_REQUEST_H

#include "clients/load/plan.h"
#include "clients/load/rest.h"
#include "clients/load/template.h"

#define LOAD_PAYLOAD_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define LOAD_REQUEST_HEAD_BYTES_MAX 65536

/* Of one step; made once, then read by every thread. */
struct load_request_form {
    const struct load_step *step;
    struct ds_buffer opening;  /* REST: method and the prefix of the path */
    struct ds_buffer fields;   /* REST: from behind the path to the constant headers */
    bool is_constant;          /* then `constant` is what every flow sends */
    struct ds_buffer constant; /* REST: the whole request; native: the payload */
    struct ds_buffer constant_authorization; /* native: terminated */
};

/* What one flow sends: views of its own buffers or of the form. */
struct load_request {
    struct ds_bytes bytes;
    const char *authorization; /* native; NULL: none */
    struct ds_buffer buffer;
    struct ds_buffer body; /* JSON on its way into the buffer */
    struct ds_buffer authorization_text;
};

/* `address` is NULL for native steps. DS_INVALID_ARGUMENT: `ret_reason` says what is wrong with a
 * body that is the same for every flow. */
DS_MUST_USE ds_code load_request_form_init(struct load_request_form *form,
                                           const struct load_step *step,
                                           const struct load_rest_address *address,
                                           char *ret_reason, size_t reason_bytes_max);
void load_request_form_deinit(struct load_request_form *form);

void load_request_init(struct load_request *request);
void load_request_deinit(struct load_request *request);

/* `draw` is not looked at where the form is constant. Codes of load_template_fill() and of
 * ds_json_to_wire(). */
DS_MUST_USE ds_code load_request_fill(const struct load_request_form *form,
                                      const struct load_draw *draw, struct load_request *request);

#endif
