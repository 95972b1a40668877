#include "ds/config_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

ds_code config_find_file(struct ds_config *config, const struct ds_config_sources *sources)
{
    config->file = ds_environment_value(sources->environment, "DS_CONFIG");
    for (size_t i = 0; i < sources->argument_count; i++) {
        const char *argument = sources->arguments[i];
        if (strcmp(argument, "--") == 0) {
            break;
        }
        if (strncmp(argument, "--config=", strlen("--config=")) == 0) {
            config->file = argument + strlen("--config=");
        } else if (strcmp(argument, "--config") == 0) {
            if (i + 1 == sources->argument_count) {
                return config_refuse(config, "--config needs a value: --config FILE");
            }
            config->file = sources->arguments[i + 1];
        }
    }
    if (config->file != NULL && config->file[0] == '\0') {
        config->file = NULL;
    }
    return DS_OK;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t bytes = strlen(text);
    while (bytes > 0 && strchr(" \t\r", text[bytes - 1]) != NULL) {
        bytes--;
    }
    text[bytes] = '\0';
    return text;
}

static void cut_comment(char *line)
{
    for (char *next = strchr(line, '#'); next != NULL; next = strchr(next + 1, '#')) {
        if (next == line || next[-1] == ' ' || next[-1] == '\t') {
            *next = '\0';
            return;
        }
    }
}

static ds_code give_line(struct ds_config *config, char *line, size_t line_number)
{
    cut_comment(line);
    line = trim(line);
    if (line[0] == '\0') {
        return DS_OK;
    }
    const char *origin = ds_arena_printf(config->arena, "%s:%zu", config->file, line_number);
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        return config_refuse(config, "%s: \"%s\" is no line of the form name = value", origin,
                             line);
    }
    *equals = '\0';
    const char *name = trim(line);
    const char *value = trim(equals + 1);
    const struct ds_setting *setting = config_find_setting(config->program, name, strlen(name));
    if (setting == NULL && config->is_for_others != NULL && config->is_for_others(name, NULL)) {
        return DS_OK;
    }
    if (setting == NULL) {
        const char *nearest = config_nearest(config->program, name);
        return config_refuse(config, "%s: there is no setting \"%s\"%s%s%s", origin, name,
                             nearest == NULL ? "" : "; did you mean \"",
                             nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
    }
    return config_give(config, setting, value, RANK_FILE, origin);
}

static ds_code read_file(struct ds_config *config, char **ret_text)
{
    FILE *stream = fopen(config->file, "re");
    if (stream == NULL) {
        return config_refuse(config, "config: can't read \"%s\": %s", config->file,
                             strerror(errno));
    }
    char *text = ds_arena_alloc(config->arena, DS_CONFIG_FILE_BYTES_MAX + 1);
    const size_t bytes = fread(text, 1, DS_CONFIG_FILE_BYTES_MAX + 1, stream);
    const bool failed = ferror(stream) != 0;
    fclose(stream);
    if (failed) {
        return config_refuse(config, "config: can't read \"%s\"", config->file);
    }
    if (bytes > DS_CONFIG_FILE_BYTES_MAX) {
        return config_refuse(config, "config: \"%s\" is larger than %d KiB", config->file,
                             DS_CONFIG_FILE_BYTES_MAX / 1024);
    }
    if (memchr(text, '\0', bytes) != NULL) {
        return config_refuse(config, "config: \"%s\" holds a NUL byte; is it a text file?",
                             config->file);
    }
    text[bytes] = '\0';
    *ret_text = text;
    return DS_OK;
}

ds_code config_give_file(struct ds_config *config)
{
    if (config->file == NULL) {
        return DS_OK;
    }
    char *text = NULL;
    DS_TRY(read_file(config, &text));
    size_t line_number = 0;
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        line_number++;
        DS_TRY(give_line(config, line, line_number));
        line = end == NULL ? NULL : end + 1;
    }
    return DS_OK;
}
