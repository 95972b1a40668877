/* docs/http-api.md: the routes for people to read, from the same sources as openapi.json. */
#include "emit.h"
#include "openapi.h"
#include "system_routes.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define FILE_NAME "http-api.md"

struct document {
    FILE *file;
    struct openapi sources; /* its json is not used */
    bool *messages;         /* by place in the model: to be told of */
    bool *enumerations;
};

/* A cell of a table is one line without bars. */
static void cell_write(FILE *file, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '|') {
            fputs("\\|", file);
        } else {
            fputc(*at == '\n' ? ' ' : *at, file);
        }
    }
}

/* Names within the document: of a heading as Markdown readers make them. */
static void anchor_write(FILE *file, const char *heading)
{
    for (const char *at = heading; *at != '\0'; at++) {
        const unsigned char letter = (unsigned char)*at;
        if (isalnum(letter) || letter == '_' || letter == '-') {
            fputc(tolower(letter), file);
        }
    }
}

static void link_write(const struct document *document, const struct file *source,
                       const char *full_name)
{
    const char *name = openapi_short_name(document->sources.model->memory, source, full_name);
    fprintf(document->file, "[%s](#", name);
    anchor_write(document->file, name);
    fputs(")", document->file);
}

static bool is_told(const struct message *message)
{
    return message->wellknown == DS_WELLKNOWN_NONE;
}

static const char *scalar_name(int kind)
{
    switch (kind) {
    case DS_KIND_DOUBLE:
    case DS_KIND_FLOAT:
        return "number";
    case DS_KIND_INT64:
    case DS_KIND_SINT64:
    case DS_KIND_SFIXED64:
        return "int64";
    case DS_KIND_UINT64:
    case DS_KIND_FIXED64:
        return "uint64";
    case DS_KIND_UINT32:
    case DS_KIND_FIXED32:
        return "uint32";
    case DS_KIND_BOOL:
        return "boolean";
    case DS_KIND_STRING:
        return "string";
    case DS_KIND_BYTES:
        return "base64";
    default:
        return "int32";
    }
}

static const char *wellknown_name(const struct message *message)
{
    switch (message->wellknown) {
    case DS_WELLKNOWN_TIMESTAMP:
        return "time";
    case DS_WELLKNOWN_DURATION:
        return "duration (`1.5s`)";
    case DS_WELLKNOWN_FIELD_MASK:
        return "field mask";
    case DS_WELLKNOWN_LIST_VALUE:
        return "list";
    case DS_WELLKNOWN_WRAPPER:
        return scalar_name((int)message->fields[0].descriptor->type);
    case DS_WELLKNOWN_VALUE:
        return "any JSON";
    default:
        return "object";
    }
}

static void type_write(const struct document *document, const struct field *field)
{
    FILE *file = document->file;
    if ((field->flags & DS_FIELD_MAP) != 0) {
        fputs("map of ", file);
        type_write(document, message_field(field->message, "value"));
        return;
    }
    if ((field->flags & DS_FIELD_REPEATED) != 0) {
        fputs("list of ", file);
    }
    if (field->enumeration != NULL) {
        link_write(document, field->enumeration->file, field->enumeration->full_name);
    } else if (field->message == NULL) {
        fputs(scalar_name((int)field->descriptor->type), file);
    } else if (is_told(field->message)) {
        link_write(document, field->message->file, field->message->full_name);
    } else if (field->message->wellknown == DS_WELLKNOWN_LIST_VALUE &&
               field->message->field_count == 1 &&
               strcmp(field->message->file->package, "google.protobuf") != 0) {
        type_write(document, &field->message->fields[0]);
    } else {
        fputs(wellknown_name(field->message), file);
    }
}

/* Notes the message and all that it is made of. */
static void reach(struct document *document, const struct message *message)
{
    const struct model *model = document->sources.model;
    bool *is_reached = &document->messages[message - model->messages];
    if (*is_reached) {
        return;
    }
    *is_reached = true;
    for (size_t i = 0; i < message->field_count; i++) {
        const struct field *field = &message->fields[i];
        if (field->enumeration != NULL) {
            document->enumerations[field->enumeration - model->enumerations] = true;
        } else if (field->message != NULL) {
            reach(document, field->message);
        }
    }
}

static void example_write(const struct document *document, const struct field *field)
{
    const char *example =
        option_example(document->sources.model->memory, field->descriptor->options);
    if (example != NULL) {
        fputc('`', document->file);
        cell_write(document->file, example);
        fputc('`', document->file);
    }
}

static void fields_write(const struct document *document, const struct message *message)
{
    FILE *file = document->file;
    if (message->field_count == 0) {
        fputs("\nNo fields.\n", file);
        return;
    }
    fputs("\n| field | type | | example |\n|---|---|---|---|\n", file);
    for (size_t i = 0; i < message->field_count; i++) {
        const struct field *field = &message->fields[i];
        fprintf(file, "| `%s` | ", field->descriptor->name);
        type_write(document, field);
        fputs(option_required(field->descriptor->options) ? " | Required. " : " | ", file);
        cell_write(file, comment_of(document->sources.comments, field->descriptor));
        fputs(" | ", file);
        example_write(document, field);
        fputs(" |\n", file);
    }
}

static void body_write(FILE *file, const struct binding *binding)
{
    if (binding->body == ROUTE_BODY_WHOLE) {
        fputs("the request", file);
        if (binding->method->rows != NULL) {
            fprintf(file, ", or its `%s` one a line (NDJSON)",
                    binding->method->rows->descriptor->name);
        }
    } else if (binding->body == ROUTE_BODY_FIELD) {
        fprintf(file, "`%s`", binding->body_field->descriptor->name);
    }
}

/* Writes those of the reasons that are common to all routes, or those that are not. */
static void problems_write(const struct document *document, const struct binding *binding,
                           bool common)
{
    struct openapi_problem *problems = NULL;
    const size_t count = openapi_problems(&document->sources, binding, &problems);
    uint32_t status = 0;
    for (size_t i = 0; i < count; i++) {
        if (problems[i].is_common != common) {
            continue;
        }
        if (problems[i].status != status) {
            fprintf(document->file, "%s%" PRIu32 " ", status == 0 ? "" : "; ", problems[i].status);
        } else {
            fputs(", ", document->file);
        }
        status = problems[i].status;
        for (const char *at = problems[i].reason; *at != '\0'; at++) {
            fputc(tolower((unsigned char)*at), document->file);
        }
    }
    fputs(status != 0 ? ".\n" : "none.\n", document->file);
}

static const char *repetition(const struct method *method)
{
    const Google__Protobuf__MethodOptions *options = method->descriptor->options;
    switch (options == NULL ? 0 : (int)options->idempotency_level) {
    case DS_NO_SIDE_EFFECTS:
        return "It changes nothing.";
    case DS_IDEMPOTENT:
        return "Made twice it changes what it changes once.";
    default:
        return "Made twice it may change more than once.";
    }
}

static void routes_write(const struct document *document, const struct method *method)
{
    FILE *file = document->file;
    const struct routes *routes = document->sources.routes;
    const struct binding *fullest = NULL; /* one with a body can be at fault for more */
    fputs("\n| route | profile | body | success |\n|---|---|---|---|\n", file);
    for (size_t i = 0; i < routes->binding_count; i++) {
        const struct binding *binding = &routes->bindings[i];
        if (binding->method != method) {
            continue;
        }
        if (fullest == NULL || binding->body > fullest->body) {
            fullest = binding;
        }
        fprintf(file, "| `%s %s` | %s | ", http_method_name(binding->http_method), binding->path,
                openapi_family(binding));
        body_write(file, binding);
        fprintf(file, " | %" PRIu32 " |\n", binding->success_status);
    }
    fputs("\nRequest: ", file);
    link_write(document, method->request->file, method->request->full_name);
    fputs(". Reply: ", file);
    link_write(document, method->response->file, method->response->full_name);
    fputs(".\n", file);
    fputs("Errors beside the common ones: ", file);
    problems_write(document, fullest, false);
}

static bool has_binding(const struct document *document, const struct method *method)
{
    for (size_t i = 0; i < document->sources.routes->binding_count; i++) {
        if (document->sources.routes->bindings[i].method == method) {
            return true;
        }
    }
    return false;
}

static void method_write(struct document *document, const struct method *method)
{
    FILE *file = document->file;
    const char *comment = comment_of(document->sources.comments, method->descriptor);
    fprintf(file, "\n### %s\n\n%s%s", method->descriptor->name, comment,
            comment[0] == '\0' ? "" : "\n\n");
    fprintf(file, "Permission `%s`. At most %" PRIu32 " ms, and %" PRIu32 " bytes of request. %s\n",
            method->rules->permission, method->rules->timeout_ms, method->rules->request_bytes_max,
            repetition(method));
    routes_write(document, method);
    reach(document, method->request);
    reach(document, method->response);
}

static void service_write(struct document *document, const struct service *service)
{
    bool is_begun = false;
    for (size_t i = 0; i < service->method_count; i++) {
        if (!has_binding(document, &service->methods[i])) {
            continue;
        }
        if (!is_begun) {
            const char *comment = comment_of(document->sources.comments, service->descriptor);
            fprintf(document->file, "\n## %s\n%s%s%s", service->descriptor->name,
                    comment[0] == '\0' ? "" : "\n", comment, comment[0] == '\0' ? "" : "\n");
        }
        is_begun = true;
        method_write(document, &service->methods[i]);
    }
}

static void system_rows_write(FILE *file, bool is_live)
{
    for (size_t i = 0; i < system_route_row_count; i++) {
        const struct system_route_row *row = &system_route_rows[i];
        if (row->is_live == is_live) {
            fprintf(file, "| `GET %s` | %s | %s |\n", row->path, row->media_type, row->summary);
        }
    }
}

static void system_routes_write(FILE *file)
{
    fputs("\n## The gateway's own routes\n\nThey need no permission and have no parameters.\n\n"
          "| route | reply | |\n|---|---|---|\n",
          file);
    system_rows_write(file, false);
    fputs("\nLive data needs the permission `market:read`; [live.md](live.md) tells the parameters "
          "and the messages.\n\n| route | reply | |\n|---|---|---|\n",
          file);
    system_rows_write(file, true);
}

static void messages_write(const struct document *document)
{
    const struct model *model = document->sources.model;
    fputs("\n## Messages\n", document->file);
    for (size_t i = 0; i < model->message_count; i++) {
        const struct message *message = &model->messages[i];
        if (!document->messages[i] || !is_told(message) || message->is_map_entry) {
            continue;
        }
        fprintf(document->file, "\n### %s\n",
                openapi_short_name(model->memory, message->file, message->full_name));
        const char *comment = comment_of(document->sources.comments, message->descriptor);
        fprintf(document->file, "%s%s%s", comment[0] == '\0' ? "" : "\n", comment,
                comment[0] == '\0' ? "" : "\n");
        fields_write(document, message);
    }
}

static void enumerations_write(const struct document *document)
{
    const struct model *model = document->sources.model;
    for (size_t i = 0; i < model->enumeration_count; i++) {
        const struct enumeration *enumeration = &model->enumerations[i];
        if (!document->enumerations[i]) {
            continue;
        }
        const char *comment = comment_of(document->sources.comments, enumeration->descriptor);
        fprintf(document->file, "\n### %s\n\n%s%s| value | |\n|---|---|\n",
                openapi_short_name(model->memory, enumeration->file, enumeration->full_name),
                comment, comment[0] == '\0' ? "" : "\n\n");
        for (size_t j = 0; j < enumeration->descriptor->n_value; j++) {
            const Google__Protobuf__EnumValueDescriptorProto *value =
                enumeration->descriptor->value[j];
            fprintf(document->file, "| `%s` | ", value->name);
            cell_write(document->file, comment_of(document->sources.comments, value));
            fputs(" |\n", document->file);
        }
    }
}

static void profiles_write(const struct document *document)
{
    FILE *file = document->file;
    fputs("\n## Profiles\n\n| profile | body is no JSON or has a wrong type | request is against a "
          "rule | first member of an error | error_code | times |\n|---|---|---|---|---|---|\n",
          file);
    for (unsigned int i = 0; i < ROUTE_PROFILE_COUNT; i++) {
        const struct profile *profile = profile_of(i);
        fprintf(file, "| %s | %d | %d | `%s` | `%s` | %s |\n", profile->name,
                profile->malformed_status, profile->invalid_status,
                openapi_problem_member_name((enum problem_member)profile->members[0]),
                profile->error_code_upper ? "NOT_FOUND" : "not_found",
                profile->style.time == DS_JSON_TIME_ISOFORMAT ? "UTC without a zone"
                                                              : "RFC 3339, `Z`");
    }
}

/* What holds for every route and no .proto file says: gateway/finish.h and cors.h. */
static void http_write(FILE *file)
{
    fputs(
        "\n## Fields of requests and replies\n\n"
        "| request | what comes of it |\n|---|---|\n"
        "| `If-None-Match` | 304 without a body where one of the tags, or `*`, still holds (GET "
        "and "
        "HEAD of methods that change nothing, and the documents) |\n"
        "| `If-Match` | 412, but for `*` on such a GET: tags are weak and this field compares "
        "strongly; what a change would be compared with has no tag, so that it is not made |\n"
        "| `Accept-Encoding` | replies of 1 KiB and more of methods that allow it come compressed "
        "by "
        "gzip where it weighs at least as much as `identity`; 406 where neither is taken |\n"
        "| `Content-Encoding` | `gzip` (`x-gzip`) once, or `identity`; else 415 with "
        "`Accept-Encoding`. What is unpacked counts against the method's size (413) |\n"
        "| neither `Content-Length` nor `Transfer-Encoding` | 411 where the route takes a body |\n"
        "| `Idempotency-Key` | of a request with side effects: 1 to 64 characters, bare or as a "
        "string of RFC 8941, else 400. Made again with the key within ten minutes it gets the "
        "first "
        "reply; another request under it is 422. Keys of callers without credentials are told "
        "apart "
        "by the client's address |\n"
        "| `X-Request-Id` | the reply, logs and errors repeat it |\n"
        "| `traceparent`, `tracestate` | the call goes on in that trace |\n"
        "| `Origin` | see below |\n\n"
        "| reply | |\n|---|---|\n"
        "| `ETag` | weak: a hash of the body before it is compressed. Bodies over 1 MiB have none "
        "|\n"
        "| `Cache-Control` | `private, no-cache` where a client may keep the reply and ask whether "
        "it "
        "still holds, else `no-store` |\n"
        "| `Vary` | `Accept-Encoding` where the coding is the client's choice, `Origin` where "
        "origins "
        "are listed |\n"
        "| `Server-Timing` | `queue` and `call`: milliseconds that the call waited in the service "
        "and "
        "ran there |\n"
        "| `Retry-After` | seconds, on 429 and 503 where the server knows |\n"
        "| `Accept-Post`, `Accept-Patch` | on OPTIONS and 415: the media types of bodies |\n\n"
        "Pages of other origins may call where the gateway's setting `--cors-origin` lists them: a "
        "preflight is answered with the path's methods and those fields asked for that mean "
        "something here, any reply names the origin, errors too. A listed origin may send "
        "credentials; `*` lets all others in without. A preflight from elsewhere is 403 "
        "forbidden_origin, and other requests from there are answered without a word of CORS.\n",
        file);
}

void emit_http_doc(struct output *output, const struct model *model, const struct routes *routes,
                   const Google__Protobuf__FileDescriptorSet *set)
{
    struct comments comments;
    comments_load(&comments, model->memory, set);
    struct document document = {
        .file = output_open_bare(output, FILE_NAME),
        .sources = {.model = model, .routes = routes, .comments = &comments},
        .messages = memory_alloc(model->memory, model->message_count),
        .enumerations = memory_alloc(model->memory, model->enumeration_count),
    };
    if (document.file == NULL) {
        return;
    }
    fprintf(
        document.file,
        "# HTTP API\n\n<!-- Written by ds-proto-compiler from the .proto files (./dev docs); "
        "changes here are lost. -->\n\n%s\n\nThe gateway serves the same as an OpenAPI document "
        "at `/openapi.json` and as an interactive page at `/docs`.\n",
        openapi_conventions);
    http_write(document.file);
    system_routes_write(document.file);
    profiles_write(&document);
    if (routes->binding_count > 0) {
        fputs(
            "\n## Errors of every route\n\nWith the status that the canonical profile gives them: ",
            document.file);
        problems_write(&document, &routes->bindings[0], true);
    }
    for (size_t i = 0; i < model->service_count; i++) {
        service_write(&document, &model->services[i]);
    }
    messages_write(&document);
    enumerations_write(&document);
    output_close(output, document.file, FILE_NAME);
}
