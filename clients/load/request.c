#include "clients/load/request.h"

#include "ds/json.h"

#include <stdio.h>
#include <strings.h>

void load_request_init(struct load_request *request)
{
    *request = (struct load_request){.authorization = NULL};
    ds_buffer_init(&request->buffer, LOAD_PAYLOAD_BYTES_MAX + LOAD_REQUEST_HEAD_BYTES_MAX);
    ds_buffer_init(&request->body, LOAD_PAYLOAD_BYTES_MAX);
    ds_buffer_init(&request->authorization_text, LOAD_REQUEST_HEAD_BYTES_MAX);
}

void load_request_deinit(struct load_request *request)
{
    ds_buffer_deinit(&request->buffer);
    ds_buffer_deinit(&request->body);
    ds_buffer_deinit(&request->authorization_text);
}

static bool is_constant(const struct load_template *template)
{
    return template == NULL || load_template_is_constant(template);
}

static bool step_is_constant(const struct load_step *step)
{
    bool all = is_constant(step->body) && is_constant(step->authorization);
    if (step->protocol == LOAD_REST) {
        all = all && is_constant(step->path);
        for (size_t i = 0; i < step->header_count; i++) {
            all = all && is_constant(step->headers[i].value);
        }
    }
    return all;
}

static bool has_header(const struct load_step *step, const char *name)
{
    for (size_t i = 0; i < step->header_count; i++) {
        if (strcasecmp(step->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static ds_code body_fill(const struct load_step *step, const struct load_draw *draw,
                         struct ds_buffer *body)
{
    ds_buffer_clear(body);
    return step->body == NULL ? DS_OK : load_template_fill(step->body, draw, body);
}

static ds_code field_fill(const char *name, const struct load_template *value,
                          const struct load_draw *draw, struct ds_buffer *target)
{
    ds_buffer_append_text(target, name);
    ds_buffer_append_text(target, ": ");
    DS_TRY(load_template_fill(value, draw, target));
    ds_buffer_append_text(target, "\r\n");
    return DS_OK;
}

static ds_code rest_fill(const struct load_request_form *form, const struct load_draw *draw,
                         struct load_request *request)
{
    const struct load_step *step = form->step;
    struct ds_buffer *target = &request->buffer;
    ds_buffer_clear(target);
    DS_TRY(body_fill(step, draw, &request->body));
    ds_buffer_append(target, form->opening.data, form->opening.size);
    DS_TRY(load_template_fill(step->path, draw, target));
    ds_buffer_append(target, form->fields.data, form->fields.size);
    for (size_t i = 0; i < step->header_count; i++) {
        DS_TRY(field_fill(step->headers[i].name, step->headers[i].value, draw, target));
    }
    if (step->authorization != NULL) {
        DS_TRY(field_fill("Authorization", step->authorization, draw, target));
    }
    if (step->body != NULL) {
        ds_buffer_printf(target, "Content-Length: %zu\r\n", request->body.size);
    }
    ds_buffer_append_text(target, "\r\n");
    ds_buffer_append(target, request->body.data, request->body.size);
    request->bytes = ds_buffer_bytes(target);
    return target->overflow ? DS_RESOURCE_EXHAUSTED : DS_OK;
}

static ds_code native_fill(const struct load_request_form *form, const struct load_draw *draw,
                           struct load_request *request, struct ds_json_error *ret_error)
{
    static const struct ds_json_read_options options = {.lenient_times = true};
    const struct load_step *step = form->step;
    struct ds_buffer *target = &request->buffer;
    ds_buffer_clear(target);
    if (step->body != NULL) {
        DS_TRY(body_fill(step, draw, &request->body));
        DS_TRY(ds_json_to_wire(step->method->request, ds_buffer_bytes(&request->body), &options,
                               target, ret_error));
    }
    request->bytes = ds_buffer_bytes(target);
    request->authorization = NULL;
    if (step->authorization != NULL) {
        ds_buffer_clear(&request->authorization_text);
        DS_TRY(load_template_fill(step->authorization, draw, &request->authorization_text));
        ds_buffer_append_byte(&request->authorization_text, '\0');
        request->authorization = (const char *)request->authorization_text.data;
    }
    return request->authorization_text.overflow ? DS_RESOURCE_EXHAUSTED : DS_OK;
}

ds_code load_request_fill(const struct load_request_form *form, const struct load_draw *draw,
                          struct load_request *request)
{
    struct ds_json_error error;
    if (form->is_constant) {
        request->bytes = ds_buffer_bytes(&form->constant);
        request->authorization = (const char *)form->constant_authorization.data;
        return DS_OK;
    }
    return form->step->protocol == LOAD_REST ? rest_fill(form, draw, request)
                                             : native_fill(form, draw, request, &error);
}

/* What every flow of the step sends before and behind the path. */
static void rest_form_fill(struct load_request_form *form, const struct load_rest_address *address)
{
    const struct load_step *step = form->step;
    ds_buffer_printf(&form->opening, "%s %s", step->http_method, address->prefix);
    ds_buffer_append_text(&form->fields, " HTTP/1.1\r\n");
    if (!has_header(step, "Host")) {
        ds_buffer_printf(&form->fields, "Host: %s\r\n", address->host);
    }
    if (step->body != NULL && !has_header(step, "Content-Type")) {
        ds_buffer_append_text(&form->fields, "Content-Type: application/json\r\n");
    }
}

/* Fills a step without places, once for all flows. */
static ds_code constant_fill(struct load_request_form *form, char *ret_reason,
                             size_t reason_bytes_max)
{
    struct load_request request;
    struct ds_json_error error = {.message = "it is too large"};
    const struct load_draw draw = {.flow = 0};
    load_request_init(&request);
    const ds_code code = form->step->protocol == LOAD_REST
                             ? rest_fill(form, &draw, &request)
                             : native_fill(form, &draw, &request, &error);
    if (code == DS_OK) {
        ds_buffer_append(&form->constant, request.bytes.data, request.bytes.size);
        if (request.authorization != NULL) {
            ds_buffer_append(&form->constant_authorization, request.authorization,
                             strlen(request.authorization) + 1);
        }
    } else {
        (void)snprintf(ret_reason, reason_bytes_max, "%s: body%s: %s", form->step->name,
                       error.pointer, error.message);
    }
    load_request_deinit(&request);
    return code;
}

ds_code load_request_form_init(struct load_request_form *form, const struct load_step *step,
                               const struct load_rest_address *address, char *ret_reason,
                               size_t reason_bytes_max)
{
    *form = (struct load_request_form){.step = step, .is_constant = step_is_constant(step)};
    ds_buffer_init(&form->opening, LOAD_REQUEST_HEAD_BYTES_MAX);
    ds_buffer_init(&form->fields, LOAD_REQUEST_HEAD_BYTES_MAX);
    ds_buffer_init(&form->constant, LOAD_PAYLOAD_BYTES_MAX + LOAD_REQUEST_HEAD_BYTES_MAX);
    ds_buffer_init(&form->constant_authorization, LOAD_REQUEST_HEAD_BYTES_MAX);
    if (step->protocol == LOAD_REST) {
        rest_form_fill(form, address);
    }
    return form->is_constant ? constant_fill(form, ret_reason, reason_bytes_max) : DS_OK;
}

void load_request_form_deinit(struct load_request_form *form)
{
    ds_buffer_deinit(&form->opening);
    ds_buffer_deinit(&form->fields);
    ds_buffer_deinit(&form->constant);
    ds_buffer_deinit(&form->constant_authorization);
}
