#include "ds/config_internal.h"

#include <assert.h>
#include <string.h>

/* The arguments with a place in them. */
struct arguments {
    const struct ds_config_sources *sources;
    size_t next;
};

struct flag {
    const char *shown; /* "--data-dir", for messages */
    const struct ds_setting *setting;
    const char *value; /* NULL: none was attached with = */
};

/* Flags that every program has; true when `name` is one of them. */
static bool take_common_flag(struct ds_config *config, const char *name)
{
    static const struct {
        const char *name;
        enum ds_config_wish wish;
    } common[] = {{"--help", DS_CONFIG_HELP},
                  {"-h", DS_CONFIG_HELP},
                  {"--version", DS_CONFIG_VERSION},
                  {"--print-config", DS_CONFIG_PRINT}};
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        if (strcmp(name, common[i].name) == 0) {
            config->wish = common[i].wish;
            return true;
        }
    }
    return false;
}

static const struct ds_setting *find_short_flag(const struct ds_program *program, char flag)
{
    for (size_t i = 0; i < program->setting_count; i++) {
        if (flag != '\0' && program->settings[i].short_flag == flag) {
            return &program->settings[i];
        }
    }
    return NULL;
}

static ds_code refuse_unknown_flag(struct ds_config *config, const char *shown)
{
    const char *word = shown + strspn(shown, "-");
    const char *nearest = config_nearest(config->program, word);
    if (nearest != NULL) {
        return config_refuse(config, "there is no flag \"%s\"; did you mean \"--%s\"?", shown,
                             nearest);
    }
    return config_refuse(config, "there is no flag \"%s\"; %s --help lists them", shown,
                         config->program->name);
}

static ds_code find_flag(struct ds_config *config, const char *argument, struct flag *ret_flag)
{
    struct flag flag = {.shown = argument};
    if (argument[1] != '-') {
        flag.setting = find_short_flag(config->program, argument[1]);
        flag.value = argument[1] != '\0' && argument[2] != '\0' ? argument + 2 : NULL;
        flag.shown = ds_arena_printf(config->arena, "%.2s", argument);
    } else {
        const size_t name_bytes = strcspn(argument, "=");
        flag.setting = config_find_setting(config->program, argument + 2, name_bytes - 2);
        flag.value = argument[name_bytes] == '=' ? argument + name_bytes + 1 : NULL;
        flag.shown = ds_arena_printf(config->arena, "%.*s", (int)name_bytes, argument);
    }
    if (flag.setting == NULL) {
        return refuse_unknown_flag(config, flag.shown);
    }
    *ret_flag = flag;
    return DS_OK;
}

/* The next argument as the value of a flag; NULL where there is none left. */
static const char *take_next(struct arguments *arguments)
{
    if (arguments->next == arguments->sources->argument_count) {
        return NULL;
    }
    return arguments->sources->arguments[arguments->next++];
}

static ds_code give_flag(struct ds_config *config, struct arguments *arguments,
                         const char *argument)
{
    struct flag flag = {0};
    DS_TRY(find_flag(config, argument, &flag));
    if (flag.setting->is_secret) {
        return config_refuse(
            config,
            "%s: a secret on the command line is seen by every user of the machine; set "
            "%s instead",
            flag.shown, flag.setting->environment[0]);
    }
    if (flag.value == NULL && flag.setting->kind == DS_SETTING_BOOLEAN) {
        flag.value = "true";
    }
    if (flag.value == NULL) {
        flag.value = take_next(arguments);
    }
    if (flag.value == NULL) {
        return config_refuse(config, "%s needs a value: %s %s", flag.shown, flag.shown,
                             flag.setting->argument == NULL ? "VALUE" : flag.setting->argument);
    }
    return config_give(config, flag.setting, flag.value, RANK_FLAG, flag.shown);
}

static ds_code take_operand(struct ds_config *config, const char *text)
{
    if (config->operand_count >= config->program->operand_max) {
        return config_refuse(config, "unexpected argument \"%s\"; usage: %s%s%s [flags]", text,
                             config->program->name, config->program->operands == NULL ? "" : " ",
                             config->program->operands == NULL ? "" : config->program->operands);
    }
    assert(config->operand_count < DS_CONFIG_OPERANDS_MAX);
    config->operands[config->operand_count++] = text;
    return DS_OK;
}

/* A lone "-" is an operand: standard input. */
static bool is_flag(const char *argument)
{
    return argument[0] == '-' && argument[1] != '\0';
}

ds_code config_give_arguments(struct ds_config *config, const struct ds_config_sources *sources)
{
    struct arguments arguments = {.sources = sources};
    bool flags_ended = false;
    while (arguments.next < sources->argument_count) {
        const char *argument = sources->arguments[arguments.next++];
        if (flags_ended || !is_flag(argument)) {
            DS_TRY(take_operand(config, argument));
        } else if (strcmp(argument, "--") == 0) {
            flags_ended = true;
        } else if (strcmp(argument, "--config") == 0) {
            arguments.next++;
        } else if (strncmp(argument, "--config=", strlen("--config=")) != 0 &&
                   !take_common_flag(config, argument)) {
            DS_TRY(give_flag(config, &arguments, argument));
        }
    }
    return DS_OK;
}
