#include "check.h"

#include "ds/frame.h"

#include <string.h>

#define HTTP_STATUS_MIN 100
#define HTTP_STATUS_MAX 599

static void stream_check(const struct model *model, const struct method *method)
{
    const char *path = method->service->file->path;
    if (method->descriptor->client_streaming) {
        complain(model->complaints, path, method->full_name,
                 "client streaming is not supported: a call is one request and one reply; take a "
                 "message with a repeated field");
    }
    if (method->descriptor->server_streaming) {
        complain(model->complaints, path, method->full_name,
                 "server streaming is not supported: a call is one request and one reply; return "
                 "pages with a next_page_token");
    }
}

static void rows_check(const struct model *model, const struct method *method)
{
    const char *path = method->service->file->path;
    const char *rows = method->rules->rows;
    if (rows[0] == '\0') {
        return;
    }
    if (method->rows == NULL) {
        complain(model->complaints, path, method->full_name,
                 "rows: \"%s\" is no field of %s; name one of its repeated message fields", rows,
                 method->request->full_name);
        return;
    }
    const unsigned int flags = method->rows->flags;
    const bool is_list = (flags & DS_FIELD_REPEATED) != 0 && (flags & DS_FIELD_MAP) == 0;
    if (!is_list || method->rows->message == NULL) {
        complain(model->complaints, path, method->full_name,
                 "rows: \"%s\" is not a repeated message field of %s; name one that is", rows,
                 method->request->full_name);
    }
}

static void rules_check(const struct model *model, const struct method *method)
{
    static const Deltastream__MethodRules nothing = DELTASTREAM__METHOD_RULES__INIT;
    const Deltastream__MethodRules *rules = method->rules == NULL ? &nothing : method->rules;
    struct complaints *complaints = model->complaints;
    const char *path = method->service->file->path;

    if (rules->permission[0] == '\0') {
        complain(complaints, path, method->full_name,
                 "has no permission; add permission: \"...\" to option (deltastream.method), "
                 "\"public\" where none is needed");
    }
    if (rules->pool < DELTASTREAM__POOL__POOL_INLINE ||
        rules->pool > DELTASTREAM__POOL__POOL_CONTROL) {
        complain(complaints, path, method->full_name,
                 "has no pool; add pool: POOL_INLINE, POOL_READ, POOL_WRITE or POOL_CONTROL to "
                 "option (deltastream.method)");
    }
    if (rules->request_bytes_max == 0 || rules->request_bytes_max > DS_FRAME_PAYLOAD_BYTES_MAX) {
        complain(complaints, path, method->full_name,
                 "has no limit of its request's size; add request_bytes_max: 1 to %d to option "
                 "(deltastream.method)",
                 DS_FRAME_PAYLOAD_BYTES_MAX);
    }
    if (rules->timeout_ms == 0) {
        complain(complaints, path, method->full_name,
                 "has no time limit; add timeout_ms: ... to option (deltastream.method)");
    }
    if (method->rules != NULL) {
        rows_check(model, method);
    }
}

static void service_check(const struct model *model, const struct service *service)
{
    for (size_t i = 0; i < service->method_count; i++) {
        const struct method *method = &service->methods[i];
        stream_check(model, method);
        rules_check(model, method);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(method->symbol, service->methods[j].symbol) == 0) {
                complain(model->complaints, service->file->path, method->full_name,
                         "is %s in C, as %s is; rename one of them", method->symbol,
                         service->methods[j].full_name);
            }
        }
    }
}

static void services_check(const struct model *model)
{
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service *service = &model->services[i];
        service_check(model, service);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(service->symbol, model->services[j].symbol) == 0) {
                complain(model->complaints, service->file->path, service->full_name,
                         "is %s in C, as %s is; rename one of them", service->symbol,
                         model->services[j].full_name);
            }
        }
    }
}

/* Types of two packages, or of a message and of a name nested in another, may meet in C. */
static void types_check(const struct model *model)
{
    for (size_t i = 0; i < model->message_count; i++) {
        const struct message *message = &model->messages[i];
        for (size_t j = 0; j < i; j++) {
            if (strcmp(message->symbol, model->messages[j].symbol) == 0) {
                complain(model->complaints, message->file->path, message->full_name,
                         "is %s in C, as %s is; rename one of them", message->symbol,
                         model->messages[j].full_name);
            }
        }
    }
    for (size_t i = 0; i < model->enumeration_count; i++) {
        const struct enumeration *enumeration = &model->enumerations[i];
        for (size_t j = 0; j < i; j++) {
            if (strcmp(enumeration->symbol, model->enumerations[j].symbol) == 0) {
                complain(model->complaints, enumeration->file->path, enumeration->full_name,
                         "is %s in C, as %s is; rename one of them", enumeration->symbol,
                         model->enumerations[j].full_name);
            }
        }
    }
}

/* The JSON writer puts names between quotes as they are. */
static bool needs_escapes(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == '"' || *at == '\\') {
            return true;
        }
    }
    return false;
}

static void json_names_check(const struct model *model, const struct message *message)
{
    for (size_t i = 0; i < message->field_count; i++) {
        const Google__Protobuf__FieldDescriptorProto *field = message->fields[i].descriptor;
        if (needs_escapes(field->json_name)) {
            complain(model->complaints, message->file->path, message->full_name,
                     "the json_name of %s has a quote, a backslash or a control character; write "
                     "one without",
                     field->name);
        }
    }
}

/* The JSON codec takes the one field of a list for its array. */
static void list_check(const struct model *model, const struct message *message)
{
    if (!option_list(message->descriptor->options)) {
        return;
    }
    const unsigned int flags = message->field_count == 1 ? message->fields[0].flags : 0;
    if ((flags & DS_FIELD_REPEATED) == 0 || (flags & DS_FIELD_MAP) != 0) {
        complain(model->complaints, message->file->path, message->full_name,
                 "has option (deltastream.list) but not one repeated field and no other; give it "
                 "that or take the option away");
    }
}

static void statuses_check(const struct model *model, const struct enumeration *enumeration)
{
    for (size_t i = 0; i < enumeration->descriptor->n_value; i++) {
        const Google__Protobuf__EnumValueDescriptorProto *value = enumeration->descriptor->value[i];
        const uint32_t status = option_http_status(value->options);
        if (status != 0 && (status < HTTP_STATUS_MIN || status > HTTP_STATUS_MAX)) {
            complain(model->complaints, enumeration->file->path, enumeration->full_name,
                     "%s: %u is no HTTP status; write %d to %d", value->name, status,
                     HTTP_STATUS_MIN, HTTP_STATUS_MAX);
        }
    }
}

void check_model(const struct model *model)
{
    for (size_t i = 0; i < model->enumeration_count; i++) {
        statuses_check(model, &model->enumerations[i]);
    }
    for (size_t i = 0; i < model->message_count; i++) {
        json_names_check(model, &model->messages[i]);
        list_check(model, &model->messages[i]);
    }
    services_check(model);
    types_check(model);
}
