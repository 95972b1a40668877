#include "clients/load/commands.h"
#include "ds/exit_code.h"

/* A settings file may name a setting and leave it empty, as --print-config does. */
static void clear_empty(const struct ds_program *program, void *options)
{
    for (size_t i = 0; i < program->setting_count; i++) {
        const struct ds_setting *setting = &program->settings[i];
        const bool has_default = setting->default_text != NULL || setting->default_of != NULL;
        if (setting->kind != DS_SETTING_TEXT || has_default) {
            continue;
        }
        const char **text = (const char **)(void *)((char *)options + setting->offset);
        if (*text != NULL && (*text)[0] == '\0') {
            *text = NULL;
        }
    }
}

int load_command(const struct ds_program *program, const struct ds_config_sources *sources,
                 void *options, int (*carry_out)(const struct ds_config *config, void *options))
{
    struct ds_config *config = NULL;
    int exit_code = DS_EXIT_OK;
    if (!ds_config_begin(program, sources, options, &config, &exit_code)) {
        return exit_code;
    }
    if (ds_config_wish(config) == DS_CONFIG_PRINT) {
        ds_config_print(config, options, stdout);
    } else {
        clear_empty(program, options);
        exit_code = carry_out(config, options);
    }
    ds_config_destroy(config);
    return exit_code;
}
