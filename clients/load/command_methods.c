/* deltastream-load methods: what --method and a scenario's "method" may say. */
#include "clients/cli/output.h"
#include "clients/cli/records.h"
#include "clients/load/commands.h"
#include "ds/config.h"
#include "ds/exit_code.h"
#include "ds/schema.h"

#include <stdio.h>

struct methods_options {
    int format;
};

static const struct ds_setting settings[] = {ROWS_FORMAT_SETTING(methods_options)};

static const struct ds_program program = {
    .name = "deltastream-load methods",
    .summary = "List the methods that can be called, with what they take.",
    .examples = "  deltastream-load methods\n"
                "  deltastream-load methods -o json\n",
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

static void list_methods(enum rows_format format)
{
    static const struct table_column columns[] = {
        {.name = "method"}, {.name = "request"}, {.name = "permission"}};
    struct records *records = records_create(stdout, format, columns, 3);
    for (size_t i = 0; i < ds_service_count; i++) {
        for (size_t k = 0; k < ds_services[i]->method_count; k++) {
            const struct ds_method *method = &ds_services[i]->methods[k];
            const char *const values[] = {method->full_name, method->request->full_name,
                                          method->permission};
            records_add(records, values);
        }
    }
    records_destroy(records);
}

int load_methods_command(size_t argument_count, char *const *arguments, char *const *environment)
{
    const struct ds_config_sources sources = {
        .argument_count = argument_count, .arguments = arguments, .environment = environment};
    struct methods_options options = {0};
    struct ds_config *config = NULL;
    int exit_code = DS_EXIT_OK;
    if (!ds_config_begin(&program, &sources, &options, &config, &exit_code)) {
        return exit_code;
    }
    if (ds_config_wish(config) == DS_CONFIG_PRINT) {
        ds_config_print(config, &options, stdout);
    } else {
        list_methods((enum rows_format)options.format);
    }
    ds_config_destroy(config);
    return DS_EXIT_OK;
}
