#include "ds/config.h"

#include <string.h>

#define HELP_COLUMN 30
#define HELP_WIDTH 100
/* For the defaults that depend on the machine. */
#define HELP_ARENA_BYTES_MAX (64 * 1024)

/* Writes `text` from HELP_COLUMN on, broken between words. */
static void print_wrapped(const char *text, FILE *stream)
{
    size_t column = HELP_COLUMN;
    while (*text != '\0') {
        const size_t word_bytes = strcspn(text, " ");
        if (column + word_bytes > HELP_WIDTH && column > HELP_COLUMN) {
            fprintf(stream, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        fprintf(stream, "%s%.*s", column > HELP_COLUMN ? " " : "", (int)word_bytes, text);
        column += word_bytes + 1;
        text += word_bytes;
        text += strspn(text, " ");
    }
    fputc('\n', stream);
}

static void print_label(const char *label, FILE *stream)
{
    fputs(label, stream);
    const size_t bytes = strlen(label);
    if (bytes + 2 > HELP_COLUMN) {
        fprintf(stream, "\n%*s", HELP_COLUMN, "");
    } else {
        fprintf(stream, "%*s", (int)(HELP_COLUMN - bytes), "");
    }
}

static const char *value_name(const struct ds_setting *setting)
{
    if (setting->argument != NULL) {
        return setting->argument;
    }
    return setting->kind == DS_SETTING_BOOLEAN ? "" : "VALUE";
}

static void print_setting(const struct ds_setting *setting, struct ds_arena *arena, FILE *stream)
{
    char label[128];
    char text[1024];
    const char *value = value_name(setting);
    const char short_flag[] = {'-', setting->short_flag, ',', ' ', '\0'};
    snprintf(label, sizeof(label), "  %s%s%s%s%s", setting->short_flag == 0 ? "" : short_flag,
             setting->is_secret ? "" : "--", setting->is_secret ? "" : setting->name,
             value[0] == '\0' || setting->is_secret ? "" : " ", setting->is_secret ? "" : value);
    print_label(label, stream);

    size_t used = (size_t)snprintf(text, sizeof(text), "%s", setting->help);
    const char *default_text =
        setting->default_of != NULL ? setting->default_of(arena) : setting->default_text;
    if (default_text != NULL && default_text[0] != '\0' && setting->kind != DS_SETTING_BOOLEAN &&
        used < sizeof(text)) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, " [%s]", default_text);
    }
    for (size_t i = 0;
         i < DS_SETTING_ALIASES_MAX && setting->environment[i] != NULL && used < sizeof(text);
         i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i == 0 ? " ($" : ", $",
                                 setting->environment[i]);
        if (i + 1 == DS_SETTING_ALIASES_MAX || setting->environment[i + 1] == NULL) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, ")");
        }
    }
    print_wrapped(text, stream);
}

void ds_config_help(const struct ds_program *program, FILE *stream)
{
    fprintf(stream, "%s\n\n", program->summary);
    if (program->examples != NULL) {
        fprintf(stream, "Examples:\n%s\n", program->examples);
    }
    fprintf(stream, "Usage: %s%s%s [flags]\n\nFlags:\n", program->name,
            program->operands == NULL ? "" : " ",
            program->operands == NULL ? "" : program->operands);
    struct ds_arena *arena = ds_arena_create(HELP_ARENA_BYTES_MAX);
    for (size_t i = 0; i < program->setting_count; i++) {
        print_setting(&program->settings[i], arena, stream);
    }
    ds_arena_destroy(arena);
    print_label("  --config FILE", stream);
    print_wrapped("read settings from lines of the form name = value ($DS_CONFIG)", stream);
    print_label("  --print-config", stream);
    print_wrapped("show every setting with its value and where it came from, then end", stream);
    print_label("  -h, --help", stream);
    print_wrapped("show this help", stream);
    print_label("  --version", stream);
    print_wrapped("show the version", stream);
}
