/* deltastream describe: what a service, method, message or enum is made of. */
#include "clients/cli/command.h"
#include "clients/cli/message_print.h"
#include "clients/cli/method_find.h"
#include "ds/exit_code.h"
#include "ds/suggest.h"

#include <string.h>

static void print_enum(const struct ds_enum *enumeration)
{
    printf("enum %s\n", enumeration->full_name);
    for (size_t i = 0; i < enumeration->value_count; i++) {
        printf("  %4d  %s\n", enumeration->values[i].number, enumeration->values[i].name);
    }
}

static void print_route(void *context, const char *verb, const char *path, const char *profile)
{
    (void)context;
    printf("  route        %s %s%s%s%s\n", verb, path, profile[0] == '\0' ? "" : " (profile ",
           profile, profile[0] == '\0' ? "" : ")");
}

static void print_method(const struct ds_method *method)
{
    static const char *const repetitions[] = {"a second call may do it twice",
                                              "reads only, may be repeated", "may be repeated"};
    printf("method %s\n", method->full_name);
    printf("  request      %s, at most %u bytes\n", method->request->full_name,
           method->request_bytes_max);
    printf("  response     %s\n", method->response->full_name);
    printf("  permission   %s\n", method->permission);
    printf("  time limit   %u ms\n", method->timeout_ms);
    printf("  repetition   %s\n", repetitions[method->idempotency]);
    if (method->rows != NULL) {
        printf("  NDJSON rows  %s\n", method->rows->name);
    }
    method_routes_each(method, print_route, NULL);
}

static void print_service(const struct ds_service *service)
{
    printf("service %s\n", service->full_name);
    for (size_t i = 0; i < service->method_count; i++) {
        const struct ds_method *method = &service->methods[i];
        printf("  %-22s(%s) returns (%s)\n", method->name, method->request->full_name,
               method->response->full_name);
    }
}

/* "Tick" and "deltastream.storage.v1.Tick" both mean the latter. */
static bool is_name_of(const char *full_name, const char *name)
{
    const char *dot = strrchr(full_name, '.');
    return strcmp(full_name, name) == 0 || (dot != NULL && strcmp(dot + 1, name) == 0);
}

/* What is looked for; the candidates of a mistyped name are collected on the way. */
struct search {
    const char *name;
    struct ds_suggestion suggestion;
    const struct ds_enum *last_enum; /* printed already */
    size_t count;
};

static bool is_meant(struct search *search, const char *full_name)
{
    const char *dot = strrchr(full_name, '.');
    ds_suggest_offer(&search->suggestion, full_name);
    ds_suggest_offer(&search->suggestion, dot == NULL ? full_name : dot + 1);
    if (!is_name_of(full_name, search->name)) {
        return false;
    }
    fputs(search->count++ == 0 ? "" : "\n", stdout);
    return true;
}

static void describe_services(struct search *search)
{
    for (size_t i = 0; i < ds_service_count; i++) {
        if (is_meant(search, ds_services[i]->full_name)) {
            print_service(ds_services[i]);
        }
        for (size_t k = 0; k < ds_services[i]->method_count; k++) {
            const struct ds_method *method = &ds_services[i]->methods[k];
            ds_suggest_offer(&search->suggestion, method->name);
            if (strcmp(method->name, search->name) == 0 ||
                strcmp(method->full_name, search->name) == 0) {
                fputs(search->count++ == 0 ? "" : "\n", stdout);
                print_method(method);
                putchar('\n');
                message_print(method->request, stdout);
                putchar('\n');
                message_print(method->response, stdout);
            }
        }
    }
}

/* Enums have no list of their own: they are found where a field has one. */
static void describe_enums(struct search *search, const struct ds_message *message)
{
    for (size_t i = 0; i < message->field_count; i++) {
        const struct ds_enum *enumeration = message->fields[i].enumeration;
        if (enumeration != NULL && enumeration != search->last_enum &&
            is_meant(search, enumeration->full_name)) {
            print_enum(enumeration);
            search->last_enum = enumeration;
        }
    }
}

static void describe_messages(struct search *search)
{
    for (size_t i = 0; i < ds_message_count; i++) {
        if (is_meant(search, ds_messages[i]->full_name)) {
            message_print(ds_messages[i], stdout);
        }
        describe_enums(search, ds_messages[i]);
    }
}

static int run(struct ds_config *config, void *options)
{
    (void)options;
    struct search search = {.name = ds_config_operand(config, 0)};
    ds_suggest_begin(&search.suggestion, search.name);
    describe_services(&search);
    describe_messages(&search);
    if (search.count > 0) {
        return DS_EXIT_OK;
    }
    fprintf(stderr, "deltastream describe: there is no service, method, message or enum \"%s\"",
            search.name);
    if (search.suggestion.best != NULL) {
        fprintf(stderr, "; did you mean \"%s\"?\n", search.suggestion.best);
    } else {
        fprintf(stderr, "; deltastream list shows the methods\n");
    }
    return DS_EXIT_USAGE;
}

static const struct ds_program program = {
    .name = "deltastream describe",
    .summary = "Show what a service, method, message or enum is made of.",
    .examples = "  deltastream describe ListTicks\n"
                "  deltastream describe deltastream.storage.v1.Tick\n"
                "  deltastream describe Storage\n",
    .operands = "NAME",
    .operand_min = 1,
    .operand_max = 1,
};

const struct cli_command command_describe = {
    .program = &program, .run = run, .operand = CLI_OPERAND_DESCRIBED, .is_local = true};
