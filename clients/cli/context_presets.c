#include "clients/cli/context_presets.h"

#include "clients/cli/context.h"
#include "ds/exit_code.h"

#include <string.h>

#define CONTEXT_FLAG "--context"

static bool has_context_setting(const struct ds_program *program)
{
    for (size_t i = 0; i < program->setting_count; i++) {
        if (strcmp(program->settings[i].name, "context") == 0) {
            return true;
        }
    }
    return false;
}

/* The flag's value; it is needed before the other flags, because they outrank what it says. A
 * missing value is told when the flags are read. */
static const char *find_flag(const struct ds_config_sources *sources)
{
    const char *name = NULL;
    for (size_t i = 0; i < sources->argument_count; i++) {
        const char *argument = sources->arguments[i];
        if (strcmp(argument, "--") == 0) {
            break;
        }
        if (strncmp(argument, CONTEXT_FLAG "=", strlen(CONTEXT_FLAG "=")) == 0) {
            name = argument + strlen(CONTEXT_FLAG "=");
        } else if (strcmp(argument, CONTEXT_FLAG) == 0 && i + 1 < sources->argument_count) {
            name = sources->arguments[i + 1];
        }
    }
    return name;
}

static ds_code read_context(const char *name, const char *folder, struct ds_arena *arena,
                            struct ds_config_sources *sources, char *reason)
{
    struct context context = {0};
    DS_TRY(context_read(folder, name, arena, &context, reason));
    struct ds_config_preset *presets =
        ds_arena_alloc(arena, CONTEXT_VALUES_MAX * sizeof(presets[0]));
    const char *origin = ds_arena_printf(arena, "context %s", name);
    for (size_t i = 0; i < CONTEXT_VALUES_MAX; i++) {
        if (context.values[i] != NULL) {
            presets[sources->preset_count++] = (struct ds_config_preset){
                .name = context_value_names[i], .text = context.values[i], .origin = origin};
        }
    }
    sources->presets = presets;
    return DS_OK;
}

bool context_presets_find(const struct ds_program *program, struct ds_arena *arena,
                          struct ds_config_sources *sources, int *ret_exit_code)
{
    if (!has_context_setting(program)) {
        return true;
    }
    char reason[CONTEXT_REASON_BYTES_MAX];
    const char *folder = context_folder(arena, sources->environment);
    const char *name = find_flag(sources);
    sources->presets_outrank_environment = name != NULL;
    if (name == NULL) {
        name = ds_environment_value(sources->environment, "DS_CONTEXT");
    }
    ds_code code = DS_OK;
    if (name == NULL || name[0] == '\0') {
        code = context_current(folder, arena, &name, reason);
    }
    if (code == DS_OK && strcmp(name, CONTEXT_NONE) != 0) {
        code = read_context(name, folder, arena, sources, reason);
    }
    if (code == DS_OK) {
        return true;
    }
    fprintf(stderr, "deltastream: %s\n", reason);
    *ret_exit_code =
        code == DS_NOT_FOUND || code == DS_INVALID_ARGUMENT ? DS_EXIT_USAGE : DS_EXIT_ERROR;
    return false;
}
