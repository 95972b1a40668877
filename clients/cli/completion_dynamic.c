#include "clients/cli/completion_dynamic.h"

#include "clients/cli/connection.h"
#include "clients/cli/context.h"
#include "clients/cli/context_presets.h"
#include "clients/cli/fields.h"

#include <stdlib.h>
#include <string.h>

#define COMPLETION_ARENA_BYTES_MAX (1024 * 1024)
/* A person who pressed the tab key waits. */
#define COMPLETION_TIMEOUT_MS 300
#define LIST_PRODUCTS "deltastream.storage.v1.Storage/ListProducts"
#define PRODUCTS_FIELD 1

void completion_names(bool is_described, candidate_fn take, void *context)
{
    for (size_t i = 0; i < ds_service_count; i++) {
        const struct ds_service *service = ds_services[i];
        if (is_described) {
            take(context, service->full_name, "service");
        }
        for (size_t k = 0; k < service->method_count; k++) {
            take(context, service->methods[k].name, service->full_name);
        }
    }
    for (size_t i = 0; i < ds_message_count && is_described; i++) {
        take(context, ds_messages[i]->full_name, "message");
    }
}

void completion_contexts(char *const *environment, candidate_fn take, void *context)
{
    struct ds_arena *arena = ds_arena_create(COMPLETION_ARENA_BYTES_MAX);
    const char *names[CONTEXT_COUNT_MAX];
    const char *folder = context_folder(arena, environment);
    const size_t count = folder == NULL ? 0 : context_list(folder, arena, names);
    for (size_t i = 0; i < count; i++) {
        take(context, names[i], "context");
    }
    take(context, CONTEXT_NONE, "no context");
    ds_arena_destroy(arena);
}

struct products {
    candidate_fn take;
    void *context;
};

static ds_code take_product(void *context, uint32_t number, struct ds_bytes name)
{
    const struct products *products = context;
    char text[256];
    if (number == PRODUCTS_FIELD && name.size < sizeof(text)) {
        snprintf(text, sizeof(text), "%.*s", (int)name.size, (const char *)name.data);
        products->take(products->context, text, "product");
    }
    return DS_OK;
}

static void ask_products(struct ds_config *config, struct connection_options *options,
                         struct products *products)
{
    struct connection connection;
    int exit_code = 0;
    options->timeout_ms = COMPLETION_TIMEOUT_MS;
    if (!connection_open(config, options, &connection, &exit_code)) {
        return;
    }
    struct answer answer;
    const struct ds_method *method = ds_method_find(LIST_PRODUCTS, strlen(LIST_PRODUCTS));
    /* What can't be read offers nothing, as what can't be reached. */
    if (connection_call(&connection, method, (struct ds_bytes){0}, &answer) == DS_OK &&
        fields_each(answer.response, take_product, products) != DS_OK) {
        products->take = NULL;
    }
    answer_release(&answer);
    connection_close(&connection);
}

static bool makes_calls(const struct ds_program *program)
{
    for (size_t i = 0; i < program->setting_count; i++) {
        if (strcmp(program->settings[i].name, "connect") == 0) {
            return true;
        }
    }
    return false;
}

void completion_products(const struct cli_command *command, struct ds_config_sources sources,
                         candidate_fn take, void *context)
{
    if (!makes_calls(command->program)) {
        return;
    }
    /* The line is not finished: how many operands it has does not matter yet. */
    struct ds_program program = *command->program;
    program.operand_min = 0;
    program.operand_max = DS_CONFIG_OPERANDS_MAX;
    void *options = calloc(1, command->options_bytes);
    struct ds_arena *arena = ds_arena_create(COMPLETION_ARENA_BYTES_MAX);
    struct ds_config *config = NULL;
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    int exit_code = 0;
    struct products products = {.take = take, .context = context};
    if (options == NULL) {
        abort();
    }
    if (context_presets_find(&program, arena, &sources, &exit_code) &&
        ds_config_load(&program, &sources, options, &config, reason) == DS_OK) {
        if (ds_config_wish(config) == DS_CONFIG_RUN) {
            ask_products(config, options, &products);
        }
        ds_config_destroy(config);
    }
    ds_arena_destroy(arena);
    free(options);
}
