/* One step of a flow: where it goes, what it asks and what it keeps of the reply. */
#include "clients/cli/method_find.h"
#include "clients/load/plan_read_internal.h"
#include "clients/load/template_read.h"
#include "ds/json.h"

#include <string.h>

#define REST_METHOD_BYTES_MAX 16

static const char *const members[] = {"name",    "target",  "method", "request",
                                      "body",    "headers", "expect", "authorization",
                                      "capture", "timeout", "think",  NULL};

struct step_reading {
    struct plan_draft *draft;
    const struct member_place *place;
    const json_t *object;
    struct load_names names;
    struct load_step *step;
};

static bool read_text_template(const struct step_reading *reading, enum load_template_form form,
                               const struct member_place *place, const char *text,
                               const struct load_template **ret_template)
{
    char reason[LOAD_TEMPLATE_REASON_BYTES_MAX];
    const struct load_template *template =
        load_template_of_text(reading->draft->reader.arena, form, text, &reading->names, reason);
    if (template == NULL) {
        return place_fail(&reading->draft->reader, place, "%s", reason);
    }
    *ret_template = template;
    return true;
}

static bool read_target(const struct step_reading *reading)
{
    struct member_reader *reader = &reading->draft->reader;
    const bool is_rest = reading->step->protocol == LOAD_REST;
    const char *target = is_rest ? "rest" : "native";
    if (!member_text(reader, reading->place, reading->object, "target", &target)) {
        return false;
    }
    const json_t *targets = json_object_get(reading->draft->scenario, "targets");
    const char *url = json_string_value(json_object_get(targets, target));
    if (url == NULL) {
        return member_fail(reader, reading->place, "target",
                           "\"targets\" has no \"%s\"; --%s URL gives it", target,
                           is_rest ? "rest" : "url");
    }
    if ((strncmp(url, "http://", strlen("http://")) == 0) != is_rest) {
        return member_fail(reader, reading->place, "target",
                           is_rest ? "\"%s\" is %s, and a \"request\" goes to http://"
                                   : "\"%s\" is %s, and a \"method\" goes to ipc://, tcp:// "
                                     "or tls+tcp://",
                           target, url);
    }
    reading->step->url = reader_copy(reader, url);
    return true;
}

static bool read_method(const struct step_reading *reading)
{
    struct member_reader *reader = &reading->draft->reader;
    const char *name = NULL;
    if (!member_text(reader, reading->place, reading->object, "method", &name)) {
        return false;
    }
    const char *nearest = NULL;
    reading->step->method = method_find_quietly(name, &nearest);
    if (reading->step->method != NULL) {
        return true;
    }
    if (nearest == NULL) {
        return member_fail(reader, reading->place, "method",
                           "no method \"%s\"; deltastream-load methods lists them", name);
    }
    return member_fail(reader, reading->place, "method",
                       strcmp(nearest, name) == 0
                           ? "several services have a \"%s\"; say PACKAGE.SERVICE/%s"
                           : "no method \"%s\"; did you mean \"%s\"?",
                       name, nearest);
}

/* "GET /v1/ticks?product=${symbol}" */
static bool read_request(const struct step_reading *reading)
{
    struct member_reader *reader = &reading->draft->reader;
    const char *text = NULL;
    if (!member_text(reader, reading->place, reading->object, "request", &text)) {
        return false;
    }
    static const char *const verbs[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};
    const char *path = strchr(text, ' ');
    const size_t verb_bytes = path == NULL ? 0 : (size_t)(path - text);
    const char *verb = NULL;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strlen(verbs[i]) == verb_bytes && strncmp(text, verbs[i], verb_bytes) == 0) {
            verb = verbs[i];
        }
    }
    if (verb == NULL || path[1] != '/') {
        return member_fail(reader, reading->place, "request",
                           "takes a method, a blank and a path: \"GET /v1/products\"");
    }
    reading->step->http_method = verb;
    const struct member_place member = {.parent = reading->place, .name = "request"};
    return read_text_template(reading, LOAD_FORM_PATH, &member, path + 1, &reading->step->path);
}

static bool read_protocol(const struct step_reading *reading)
{
    const bool has_method = json_object_get(reading->object, "method") != NULL;
    const bool has_request = json_object_get(reading->object, "request") != NULL;
    if (has_method == has_request) {
        return place_fail(&reading->draft->reader, reading->place,
                          "takes either \"method\", a native call, or \"request\", such as "
                          "\"GET /v1/products\"");
    }
    reading->step->protocol = has_method ? LOAD_NATIVE : LOAD_REST;
    return has_method ? read_method(reading) : read_request(reading);
}

static bool read_body(const struct step_reading *reading)
{
    const json_t *body = json_object_get(reading->object, "body");
    if (body == NULL) {
        return true;
    }
    char reason[LOAD_TEMPLATE_REASON_BYTES_MAX];
    reading->step->body =
        load_template_of_json(reading->draft->reader.arena, body, &reading->names, reason);
    return reading->step->body != NULL ||
           member_fail(&reading->draft->reader, reading->place, "body", "%s", reason);
}

static bool is_token(const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    return text[0] != '\0' && text[strspn(text, letters)] == '\0';
}

/* Those that the client writes itself. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {"host",       "content-length", "transfer-encoding",
                                        "connection", "authorization",  "expect",
                                        "te",         "upgrade",        "trailer"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_header(const struct step_reading *reading, const struct member_place *place,
                        const char *name, const json_t *value, struct load_header *header)
{
    struct member_reader *reader = &reading->draft->reader;
    const struct member_place member = {.parent = place, .name = name};
    if (!is_token(name) || is_reserved(name)) {
        return place_fail(reader, &member,
                          is_token(name) ? "is the client's own; \"authorization\" is a member of "
                                           "the step"
                                         : "is no name of a header");
    }
    if (!json_is_string(value)) {
        return place_fail(reader, &member, "takes a text in quotes");
    }
    header->name = reader_copy(reader, name);
    return read_text_template(reading, LOAD_FORM_HEADER, &member, json_string_value(value),
                              &header->value);
}

static bool read_headers(const struct step_reading *reading)
{
    struct member_reader *reader = &reading->draft->reader;
    const json_t *object = json_object_get(reading->object, "headers");
    const struct member_place place = {.parent = reading->place, .name = "headers"};
    if (object == NULL) {
        return true;
    }
    if (reading->step->protocol == LOAD_NATIVE) {
        return place_fail(reader, &place, "goes with \"request\" only");
    }
    if (!json_is_object(object) || json_object_size(object) > PLAN_HEADERS_MAX) {
        return place_fail(reader, &place, "takes an object with at most %d members",
                          PLAN_HEADERS_MAX);
    }
    struct load_header *headers = reader_memory(reader, json_object_size(object), sizeof(*headers));
    const char *name = NULL;
    const json_t *value = NULL;
    json_object_foreach((json_t *)object, name, value)
    {
        if (!read_header(reading, &place, name, value, &headers[reading->step->header_count])) {
            return false;
        }
        reading->step->header_count++;
    }
    reading->step->headers = headers;
    return true;
}

/* "" says that there is none, whatever the scenario says for all steps. */
static bool read_authorization(const struct step_reading *reading)
{
    const char *text = reading->draft->authorization;
    if (!member_text(&reading->draft->reader, reading->place, reading->object, "authorization",
                     &text)) {
        return false;
    }
    const struct member_place member = {.parent = reading->place, .name = "authorization"};
    return text == NULL || text[0] == '\0' ||
           read_text_template(reading, LOAD_FORM_HEADER, &member, text,
                              &reading->step->authorization);
}

static bool read_limits(const struct step_reading *reading)
{
    struct member_reader *reader = &reading->draft->reader;
    struct load_step *step = reading->step;
    int64_t expected = 0;
    step->timeout_ns = reading->draft->timeout_ns;
    if (!member_duration(reader, reading->place, reading->object, "timeout", 1000,
                         &step->timeout_ns) ||
        !member_duration(reader, reading->place, reading->object, "think", 0, &step->think_ns) ||
        !member_integer(reader, reading->place, reading->object, "expect", 100, 599, &expected)) {
        return false;
    }
    if (expected != 0 && step->protocol == LOAD_NATIVE) {
        return member_fail(reader, reading->place, "expect",
                           "is a status of HTTP and goes with \"request\" only");
    }
    step->expected_status = (uint16_t)expected;
    return true;
}

bool plan_read_step(struct plan_draft *draft, const struct member_place *place,
                    const json_t *object, struct plan_variables *variables,
                    struct load_step *ret_step)
{
    const struct step_reading reading = {.draft = draft,
                                         .place = place,
                                         .object = object,
                                         .names = {.variables = variables->names,
                                                   .variable_count = variables->count,
                                                   .generators = &draft->generators},
                                         .step = ret_step};
    return place_object(&draft->reader, place, object, members) && read_protocol(&reading) &&
           read_target(&reading) && plan_name_step(draft, place, object, ret_step) &&
           read_limits(&reading) && read_body(&reading) && read_headers(&reading) &&
           read_authorization(&reading) && plan_check_request(draft, place, ret_step) &&
           plan_read_captures(draft, place, object, variables, ret_step);
}
