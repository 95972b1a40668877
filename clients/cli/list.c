/* deltastream list: the services and their methods. */
#include "clients/cli/command.h"
#include "clients/cli/method_find.h"
#include "clients/cli/records.h"
#include "ds/arena.h"
#include "ds/exit_code.h"
#include "ds/suggest.h"

#include <stddef.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LIST_ROUTE_BYTES_MAX 256

struct list_options {
    int format;
};

static const struct ds_setting settings[] = {ROWS_FORMAT_SETTING(list_options)};

static const struct table_column columns[] = {
    {.name = "method"}, {.name = "permission"}, {.name = "route"}, {.name = "service"}};

/* The first route is the one to learn. */
static void take_first_route(void *context, const char *verb, const char *path, const char *profile)
{
    char *route = context;
    (void)profile;
    if (route[0] == '\0') {
        snprintf(route, LIST_ROUTE_BYTES_MAX, "%s %s", verb, path);
    }
}

static void add_service(struct records *records, const struct ds_service *service)
{
    for (size_t i = 0; i < service->method_count; i++) {
        const struct ds_method *method = &service->methods[i];
        char route[LIST_ROUTE_BYTES_MAX] = "";
        method_routes_each(method, take_first_route, route);
        const char *const values[COUNT_OF(columns)] = {
            method->name, method->permission, route[0] == '\0' ? NULL : route, service->full_name};
        records_add(records, values);
    }
}

static bool is_meant(const struct ds_service *service, const char *name)
{
    const char *dot = strrchr(service->full_name, '.');
    return name == NULL || strcmp(service->full_name, name) == 0 ||
           (dot != NULL && strcmp(dot + 1, name) == 0);
}

static int refuse_service(const char *name)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, name);
    for (size_t i = 0; i < ds_service_count; i++) {
        ds_suggest_offer(&suggestion, ds_services[i]->full_name);
        const char *dot = strrchr(ds_services[i]->full_name, '.');
        ds_suggest_offer(&suggestion, dot == NULL ? ds_services[i]->full_name : dot + 1);
    }
    fprintf(stderr, "deltastream list: there is no service \"%s\"%s%s%s\n", name,
            suggestion.best == NULL ? "" : "; did you mean \"",
            suggestion.best == NULL ? "" : suggestion.best, suggestion.best == NULL ? "" : "\"?");
    return DS_EXIT_USAGE;
}

static int run(struct ds_config *config, void *context)
{
    const struct list_options *options = context;
    const char *name = ds_config_operand_count(config) > 0 ? ds_config_operand(config, 0) : NULL;
    size_t count = 0;
    for (size_t i = 0; i < ds_service_count; i++) {
        count += is_meant(ds_services[i], name);
    }
    if (count == 0) {
        return refuse_service(name);
    }
    struct records *records =
        records_create(stdout, (enum rows_format)options->format, columns, COUNT_OF(columns));
    for (size_t i = 0; i < ds_service_count; i++) {
        if (is_meant(ds_services[i], name)) {
            add_service(records, ds_services[i]);
        }
    }
    records_destroy(records);
    return DS_EXIT_OK;
}

static const struct ds_program program = {
    .name = "deltastream list",
    .summary = "List the services' methods, their permissions and their REST routes.",
    .examples = "  deltastream list\n"
                "  deltastream list Storage -o json\n",
    .operands = "[SERVICE]",
    .operand_max = 1,
    .settings = settings,
    .setting_count = COUNT_OF(settings),
};

const struct cli_command command_list = {.program = &program,
                                         .options_bytes = sizeof(struct list_options),
                                         .run = run,
                                         .operand = CLI_OPERAND_DESCRIBED,
                                         .is_local = true};
