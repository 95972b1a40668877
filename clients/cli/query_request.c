#include "clients/cli/query_request.h"

#include "ds/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define FIELD_NAME_BYTES_MAX 64

/* The field of the request that a flag fills: the name with _ for -; NULL where it has none. */
static const struct ds_field *field_of_flag(const struct ds_method *method, const char *flag)
{
    char name[FIELD_NAME_BYTES_MAX];
    const size_t bytes = strlen(flag);
    if (bytes >= sizeof(name)) {
        return NULL;
    }
    for (size_t i = 0; i < bytes; i++) {
        name[i] = flag[i] == '-' ? '_' : flag[i];
    }
    return ds_field_by_name(method->request, name, bytes);
}

static bool add_field(const struct ds_field *field, const char *label, const char *text,
                      struct ds_buffer *request)
{
    const struct ds_json_read_options read_options = {.lenient_times = true};
    struct ds_json_error error = {0};
    if (ds_json_scalar_to_wire(field, ds_bytes_of_text(text), &read_options, request, &error) ==
        DS_OK) {
        return true;
    }
    fprintf(stderr, "deltastream: %s: \"%s\": %s\n", label, text,
            request->overflow ? "too long" : error.message);
    return false;
}

/* The flag's value as the request takes it; NULL where the request does without. */
static const char *text_of(const struct ds_setting *setting, const void *options, char number[32])
{
    const void *place = (const char *)options + setting->offset;
    const char *text = NULL;
    int64_t value = 0;
    switch (setting->kind) {
    case DS_SETTING_TEXT:
        memcpy(&text, place, sizeof(text));
        return text == NULL || text[0] == '\0' ? NULL : text;
    case DS_SETTING_CHOICE:
        return setting->choices[*(const int *)place];
    case DS_SETTING_BOOLEAN:
        return *(const bool *)place ? "true" : NULL;
    case DS_SETTING_DURATION:
        memcpy(&value, place, sizeof(value));
        snprintf(number, 32, "%" PRId64 ".%03" PRId64 "s", value / 1000, value % 1000);
        return value == 0 ? NULL : number;
    default:
        memcpy(&value, place, sizeof(value));
        snprintf(number, 32, "%" PRId64, value);
        return value == 0 ? NULL : number;
    }
}

static bool add_flags(const struct ds_config *config, const struct query_options *options,
                      const struct ds_method *method, struct ds_buffer *request)
{
    const struct ds_program *program = ds_config_program(config);
    for (size_t i = 0; i < program->setting_count; i++) {
        const struct ds_setting *setting = &program->settings[i];
        const struct ds_field *field = field_of_flag(method, setting->name);
        char number[32];
        const char *text = field == NULL ? NULL : text_of(setting, options, number);
        if (text != NULL && strcmp(setting->name, "page-token") != 0 &&
            !add_field(field, setting->name, text, request)) {
            return false;
        }
    }
    return true;
}

static bool add_operands(const struct query *query, const struct ds_config *config,
                         const struct ds_method *method, struct ds_buffer *request)
{
    size_t target = 0;
    for (size_t i = 0; i < ds_config_operand_count(config); i++) {
        const char *name = query->operands[target];
        const struct ds_field *field = ds_field_by_name(method->request, name, strlen(name));
        assert(field != NULL);
        if (!add_field(field, name, ds_config_operand(config, i), request)) {
            return false;
        }
        target += (field->flags & DS_FIELD_REPEATED) == 0;
    }
    return true;
}

bool query_request_write(const struct query *query, const struct ds_config *config,
                         const struct query_options *options, const char *page_token,
                         struct ds_buffer *request)
{
    const struct ds_method *method = ds_method_find(query->method, strlen(query->method));
    assert(method != NULL);
    const struct ds_field *field = field_of_flag(method, "page-token");
    return add_operands(query, config, method, request) &&
           add_flags(config, options, method, request) &&
           (field == NULL || page_token[0] == '\0' ||
            add_field(field, "page-token", page_token, request));
}
