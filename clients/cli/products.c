/* deltastream products list. */
#include "clients/cli/command.h"
#include "clients/cli/connection.h"
#include "clients/cli/fields.h"
#include "ds/exit_code.h"

#include <string.h>

#define LIST_PRODUCTS "deltastream.storage.v1.Storage/ListProducts"
#define PRODUCTS_FIELD 1

struct products_options {
    struct connection_options connection;
};

static const struct ds_setting settings[] = {CONNECTION_SETTINGS};

static const struct ds_program program = {
    .name = "deltastream products list",
    .summary = "List the products that have ticks, one a line.",
    .examples = "  deltastream products list\n"
                "  deltastream products list | wc -l\n",
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

static ds_code print_product(void *context, uint32_t number, struct ds_bytes name)
{
    (void)context;
    if (number == PRODUCTS_FIELD) {
        fwrite(name.data, 1, name.size, stdout);
        fputc('\n', stdout);
    }
    return DS_OK;
}

static int run(struct ds_config *config, void *options)
{
    struct products_options *products = options;
    struct connection connection;
    int exit_code = DS_EXIT_OK;
    if (!connection_open(config, &products->connection, &connection, &exit_code)) {
        return exit_code;
    }
    struct ds_client_call call;
    ds_code code =
        connection_call(&connection, ds_method_find(LIST_PRODUCTS, strlen(LIST_PRODUCTS)),
                        (struct ds_bytes){0}, &call);
    if (code == DS_OK) {
        code = fields_each(call.response, print_product, NULL);
    }
    ds_client_call_release(&call);
    connection_close(&connection);
    return ds_exit_code_of(code);
}

const struct cli_command command_products_list = {
    .program = &program, .options_bytes = sizeof(struct products_options), .run = run};
