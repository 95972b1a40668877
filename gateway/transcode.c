#include "gateway/transcode_parameters.h"

static bool is_given(const struct transcode_parameters *parameters, const struct ds_field *field)
{
    for (size_t i = 0; i < parameters->count; i++) {
        if (parameters->list[i].path[0] == field) {
            return true;
        }
    }
    return false;
}

static bool take_body(const struct transcode_input *input, struct transcode_parameters *parameters,
                      struct ds_buffer *wire, struct problem *ret_problem)
{
    if (input->form == BODY_FORM_NDJSON) {
        return transcode_rows(input, wire, ret_problem);
    }
    const struct ds_field *mask = input->binding->mask_field;
    if (mask == NULL || is_given(parameters, mask)) {
        return transcode_body(input, NULL, wire, ret_problem) &&
               transcode_agree(input, parameters, wire, ret_problem);
    }
    struct ds_buffer paths;
    ds_buffer_init(&paths, wire->limit);
    const bool taken = transcode_body(input, &paths, wire, ret_problem) &&
                       transcode_agree(input, parameters, wire, ret_problem);
    if (taken) {
        transcode_mask_write(input->binding, ds_buffer_bytes(&paths), wire);
    }
    ds_buffer_deinit(&paths);
    return taken;
}

bool transcode_request(const struct transcode_input *input, struct ds_buffer *scratch,
                       struct ds_buffer *wire, bool *ret_enum_numbers, struct problem *ret_problem)
{
    const struct ds_method *method = input->binding->method;
    struct transcode_parameters parameters;
    ds_buffer_clear(scratch);
    ds_buffer_clear(wire);
    wire->limit =
        method->request_bytes_max > wire->capacity ? method->request_bytes_max : wire->capacity;
    if (!transcode_parameters_read(input, scratch, &parameters, ret_problem)) {
        return false;
    }
    if (input->binding->body != ROUTE_BODY_NONE &&
        !take_body(input, &parameters, wire, ret_problem)) {
        return false;
    }
    if (!transcode_parameters_write(&parameters, wire, ret_problem)) {
        return false;
    }
    if (wire->overflow || wire->size > method->request_bytes_max) {
        problem_set(ret_problem, DS_REASON(REQUEST_TOO_LARGE),
                    "the request is larger than this method takes");
        return false;
    }
    *ret_enum_numbers = parameters.enum_numbers;
    return true;
}

ds_code transcode_response(const struct route_binding *binding, struct ds_bytes wire,
                           const struct ds_json_style *style, struct ds_buffer *json)
{
    const struct ds_message *response = binding->method->response;
    return binding->response_field == NULL
               ? ds_wire_to_json(response, wire, style, json)
               : ds_wire_field_to_json(response, binding->response_field, wire, style, json);
}
