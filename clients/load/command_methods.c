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

const struct ds_program load_methods_program = {
    .name = "deltastream-load methods",
    .summary = "List the methods that can be called, with what they take.",
    .examples = "  deltastream-load methods\n"
                "  deltastream-load methods -o json\n",
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

static int list_methods(const struct ds_config *config, void *options)
{
    (void)config;
    static const struct table_column columns[] = {
        {.name = "method"}, {.name = "request"}, {.name = "permission"}};
    const enum rows_format format = (enum rows_format)((struct methods_options *)options)->format;
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
    return DS_EXIT_OK;
}

int load_methods_command(const struct ds_config_sources *sources)
{
    struct methods_options options = {0};
    return load_command(&load_methods_program, sources, &options, list_methods);
}
