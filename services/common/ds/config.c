#include "ds/config.h"

#include "ds/config_internal.h"
#include "ds/config_value.h"
#include "ds/exit_code.h"
#include "ds/suggest.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

/* Everything kept is bounded by the file's size and the number of settings; arguments are not
 * copied. */
#define CONFIG_ARENA_BYTES_MAX (4 * 1024 * 1024)

ds_code config_refuse(struct ds_config *config, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(config->reason, DS_CONFIG_REASON_BYTES_MAX, format, arguments);
    va_end(arguments);
    return DS_INVALID_ARGUMENT;
}

const struct ds_setting *config_find_setting(const struct ds_program *program, const char *name,
                                             size_t name_bytes)
{
    for (size_t i = 0; i < program->setting_count; i++) {
        const struct ds_setting *setting = &program->settings[i];
        if (strlen(setting->name) == name_bytes && memcmp(setting->name, name, name_bytes) == 0) {
            return setting;
        }
    }
    return NULL;
}

static bool has_choice(const struct ds_setting *setting, const char *choice)
{
    for (size_t i = 0; setting->choices != NULL && setting->choices[i] != NULL; i++) {
        if (strcasecmp(setting->choices[i], choice) == 0) {
            return true;
        }
    }
    return false;
}

bool ds_program_has_setting(const struct ds_program *program, const char *name, const char *choice)
{
    const struct ds_setting *setting = config_find_setting(program, name, strlen(name));
    return setting != NULL && (choice == NULL || has_choice(setting, choice));
}

static struct given *given_of(const struct ds_config *config, const struct ds_setting *setting)
{
    return &config->given[setting - config->program->settings];
}

static ds_code append_item(struct ds_config *config, const struct ds_setting *setting,
                           const char *text, const char *origin)
{
    struct ds_text_list *list = (struct ds_text_list *)((char *)config->options + setting->offset);
    struct given *given = given_of(config, setting);
    if (list->count == DS_CONFIG_LIST_MAX) {
        return config_refuse(config, "%s: more than %d values (%s)", setting->name,
                             DS_CONFIG_LIST_MAX, origin);
    }
    if (given->items == NULL) {
        given->items = ds_arena_alloc(config->arena, DS_CONFIG_LIST_MAX * sizeof(given->items[0]));
    }
    given->items[list->count] = text;
    list->items = given->items;
    list->count++;
    return DS_OK;
}

/* NULL where none is near, and for settings without choices. */
static const char *nearest_choice(const struct ds_setting *setting, const char *text)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, text);
    for (size_t i = 0; setting->choices != NULL && setting->choices[i] != NULL; i++) {
        ds_suggest_offer(&suggestion, setting->choices[i]);
    }
    return suggestion.best;
}

static bool is_choice_of_others(const struct ds_config *config, const struct ds_setting *setting,
                                const char *text)
{
    return setting->kind == DS_SETTING_CHOICE && config->is_for_others != NULL &&
           config->is_for_others(setting->name, text);
}

ds_code config_give(struct ds_config *config, const struct ds_setting *setting, const char *text,
                    enum rank rank, const char *origin)
{
    struct given *given = given_of(config, setting);
    if (setting->kind == DS_SETTING_LIST) {
        const bool is_first_of_source = given->rank != rank;
        given->rank = rank;
        given->origin = origin;
        if (is_first_of_source) {
            ((struct ds_text_list *)((char *)config->options + setting->offset))->count = 0;
        }
        return append_item(config, setting, text, origin);
    }

    char wanted[DS_SETTING_WANTED_BYTES_MAX];
    const bool is_parsed = ds_setting_parse(setting, text, config->options, wanted);
    if (!is_parsed && rank < RANK_FLAG && is_choice_of_others(config, setting, text)) {
        return DS_OK;
    }
    given->rank = rank;
    given->origin = origin;
    if (!is_parsed) {
        const char *nearest = nearest_choice(setting, text);
        return config_refuse(config, "%s: \"%s\" (from %s) is not %s%s%s%s", setting->name,
                             ds_setting_mask(setting, text, config->arena), origin, wanted,
                             nearest == NULL ? "" : "; did you mean \"",
                             nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
    }
    return DS_OK;
}

static ds_code give_defaults(struct ds_config *config)
{
    for (size_t i = 0; i < config->program->setting_count; i++) {
        const struct ds_setting *setting = &config->program->settings[i];
        const char *text = setting->default_text;
        if (setting->default_of != NULL) {
            text = setting->default_of(config->arena);
        }
        if (text != NULL) {
            DS_TRY(config_give(config, setting, text, RANK_DEFAULT, "default"));
        }
    }
    return DS_OK;
}

static ds_code give_presets(struct ds_config *config, const struct ds_config_sources *sources)
{
    const enum rank rank = sources->presets_outrank_environment ? RANK_WISHED_PRESET : RANK_PRESET;
    for (size_t i = 0; i < sources->preset_count; i++) {
        const struct ds_config_preset *preset = &sources->presets[i];
        const struct ds_setting *setting =
            config_find_setting(config->program, preset->name, strlen(preset->name));
        if (setting != NULL) {
            DS_TRY(config_give(config, setting, preset->text, rank, preset->origin));
        }
    }
    return DS_OK;
}

const char *ds_environment_value(char *const *environment, const char *name)
{
    const size_t name_bytes = strlen(name);
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        const char *entry = environment[i];
        if (strncmp(entry, name, name_bytes) == 0 && entry[name_bytes] == '=') {
            return entry + name_bytes + 1;
        }
    }
    return NULL;
}

static ds_code give_environment(struct ds_config *config, const struct ds_config_sources *sources)
{
    for (size_t i = 0; i < config->program->setting_count; i++) {
        const struct ds_setting *setting = &config->program->settings[i];
        for (size_t k = 0; k < DS_SETTING_ALIASES_MAX && setting->environment[k] != NULL; k++) {
            const char *value = ds_environment_value(sources->environment, setting->environment[k]);
            if (value != NULL && value[0] != '\0') {
                DS_TRY(
                    config_give(config, setting, value, RANK_ENVIRONMENT, setting->environment[k]));
                break;
            }
        }
    }
    return DS_OK;
}

const char *config_nearest(const struct ds_program *program, const char *word)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, word);
    for (size_t i = 0; i < program->setting_count; i++) {
        ds_suggest_offer(&suggestion, program->settings[i].name);
    }
    ds_suggest_offer(&suggestion, "config");
    ds_suggest_offer(&suggestion, "print-config");
    ds_suggest_offer(&suggestion, "version");
    ds_suggest_offer(&suggestion, "help");
    return suggestion.best;
}

static ds_code load(struct ds_config *config, const struct ds_config_sources *sources)
{
    DS_TRY(give_defaults(config));
    DS_TRY(config_find_file(config, sources));
    DS_TRY(config_give_file(config));
    if (sources->presets_outrank_environment) {
        DS_TRY(give_environment(config, sources));
        DS_TRY(give_presets(config, sources));
    } else {
        DS_TRY(give_presets(config, sources));
        DS_TRY(give_environment(config, sources));
    }
    DS_TRY(config_give_arguments(config, sources));
    if (config->wish == DS_CONFIG_RUN && config->operand_count < config->program->operand_min) {
        return config_refuse(config, "an argument is missing; usage: %s %s [flags]",
                             config->program->name, config->program->operands);
    }
    return DS_OK;
}

ds_code ds_config_load(const struct ds_program *program, const struct ds_config_sources *sources,
                       void *options, struct ds_config **ret_config,
                       char ret_reason[DS_CONFIG_REASON_BYTES_MAX])
{
    struct ds_arena *arena = ds_arena_create(CONFIG_ARENA_BYTES_MAX);
    struct ds_config *config = ds_arena_zalloc(arena, sizeof(*config));
    config->program = program;
    config->arena = arena;
    config->given = ds_arena_zalloc(arena, (program->setting_count + 1) * sizeof(config->given[0]));
    config->options = options;
    config->reason = ret_reason;
    config->is_for_others = sources->is_for_others;
    const ds_code code = load(config, sources);
    /* --help is answered also beside flags that are wrong. */
    if (code != DS_OK && config->wish != DS_CONFIG_HELP) {
        ds_config_destroy(config);
        return code;
    }
    config->options = NULL;
    config->reason = NULL;
    *ret_config = config;
    return DS_OK;
}

void ds_config_destroy(struct ds_config *config)
{
    if (config != NULL) {
        ds_arena_destroy(config->arena);
    }
}

const struct ds_program *ds_config_program(const struct ds_config *config)
{
    return config->program;
}

enum ds_config_wish ds_config_wish(const struct ds_config *config)
{
    return config->wish;
}

size_t ds_config_operand_count(const struct ds_config *config)
{
    return config->operand_count;
}

const char *ds_config_operand(const struct ds_config *config, size_t index)
{
    assert(index < config->operand_count);
    return config->operands[index];
}

static const struct given *given_by_name(const struct ds_config *config, const char *name)
{
    const struct ds_setting *setting = config_find_setting(config->program, name, strlen(name));
    assert(setting != NULL);
    return given_of(config, setting);
}

bool ds_config_is_given(const struct ds_config *config, const char *name)
{
    return given_by_name(config, name)->rank != RANK_DEFAULT;
}

bool ds_config_outranks(const struct ds_config *config, const char *name, const char *other)
{
    return given_by_name(config, name)->rank > given_by_name(config, other)->rank;
}

void ds_config_derive(struct ds_config *config, const char *name, const char *from)
{
    const struct ds_setting *setting = config_find_setting(config->program, name, strlen(name));
    assert(setting != NULL);
    const struct given *source = given_by_name(config, from);
    given_of(config, setting)->rank = source->rank;
    given_of(config, setting)->origin = source->origin;
}

struct ds_arena *ds_config_arena(struct ds_config *config)
{
    return config->arena;
}

static const char *origin_of(const struct given *given)
{
    return given->rank == RANK_DEFAULT ? "default" : given->origin;
}

static size_t value_count_of(const struct ds_setting *setting, const void *options)
{
    if (setting->kind != DS_SETTING_LIST) {
        return 1;
    }
    return ((const struct ds_text_list *)((const char *)options + setting->offset))->count;
}

void ds_config_visit(const struct ds_config *config, const void *options,
                     void (*visit)(void *context, const struct ds_config_view *view), void *context)
{
    const char *values[DS_CONFIG_LIST_MAX];
    struct ds_arena *scratch = ds_arena_create(CONFIG_ARENA_BYTES_MAX);
    for (size_t i = 0; i < config->program->setting_count; i++) {
        const struct ds_setting *setting = &config->program->settings[i];
        const struct ds_config_view view = {
            .name = setting->name,
            .values = values,
            .value_count = value_count_of(setting, options),
            .is_list = setting->kind == DS_SETTING_LIST,
            .origin = origin_of(given_of(config, setting)),
        };
        assert(view.value_count <= DS_CONFIG_LIST_MAX);
        for (size_t k = 0; k < view.value_count; k++) {
            values[k] = ds_setting_show(setting, options, k, scratch);
        }
        visit(context, &view);
    }
    ds_arena_destroy(scratch);
}

static size_t value_bytes(const struct ds_setting *setting)
{
    switch (setting->kind) {
    case DS_SETTING_BOOLEAN:
        return sizeof(bool);
    case DS_SETTING_CHOICE:
        return sizeof(int);
    default:
        assert(setting->kind != DS_SETTING_TEXT && setting->kind != DS_SETTING_LIST);
        return sizeof(int64_t);
    }
}

void ds_config_take_over(struct ds_config *config, void *options, const char *name,
                         const struct ds_config *other, const void *other_options)
{
    const struct ds_setting *setting = config_find_setting(config->program, name, strlen(name));
    assert(setting != NULL && config->program == other->program);
    const struct given *source = given_of(other, setting);
    struct given *target = given_of(config, setting);
    memcpy((char *)options + setting->offset, (const char *)other_options + setting->offset,
           value_bytes(setting));
    /* Kept where it is the same, so that however many takings-over need no more memory. */
    if (target->origin == NULL || strcmp(target->origin, source->origin) != 0) {
        target->origin = ds_arena_copy_text(config->arena, source->origin, strlen(source->origin));
    }
    target->rank = source->rank;
}

static void print_setting(void *context, const struct ds_config_view *view)
{
    FILE *stream = context;
    if (view->value_count == 0) {
        fprintf(stream, "# %s has no value\n", view->name);
    }
    for (size_t i = 0; i < view->value_count; i++) {
        fprintf(stream, "%s = %s  # %s\n", view->name, view->values[i], view->origin);
    }
}

void ds_config_print(const struct ds_config *config, const void *options, FILE *stream)
{
    ds_config_visit(config, options, print_setting, stream);
}

bool ds_config_begin(const struct ds_program *program, const struct ds_config_sources *sources,
                     void *options, struct ds_config **ret_config, int *ret_exit_code)
{
    struct ds_config *config = NULL;
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    if (ds_config_load(program, sources, options, &config, reason) != DS_OK) {
        fprintf(stderr, "%s: %s\n", program->name, reason);
        *ret_exit_code = DS_EXIT_USAGE;
        return false;
    }
    if (config->wish == DS_CONFIG_HELP || config->wish == DS_CONFIG_VERSION) {
        if (config->wish == DS_CONFIG_HELP) {
            ds_config_help(program, stdout);
        } else {
            printf("%s %s\n", program->name, DS_VERSION);
        }
        ds_config_destroy(config);
        *ret_exit_code = DS_EXIT_OK;
        return false;
    }
    *ret_config = config;
    return true;
}

int ds_config_refuse(const struct ds_config *config, const void *options, const char *name,
                     const char *format, ...)
{
    const struct ds_setting *setting = config_find_setting(config->program, name, strlen(name));
    assert(setting != NULL);
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);

    const char *origin = origin_of(given_of(config, setting));
    if (setting->kind == DS_SETTING_LIST) {
        fprintf(stderr, "%s: %s (from %s): %s\n", config->program->name, name, origin, reason);
        return DS_EXIT_USAGE;
    }
    const char *shown = ds_setting_show(setting, options, 0, config->arena);
    if (given_of(config, setting)->rank == RANK_DEFAULT && shown[0] == '\0') {
        /* Nobody gave it: there is no value to quote. */
        fprintf(stderr, "%s: %s: %s\n", config->program->name, name, reason);
    } else {
        fprintf(stderr, "%s: %s: \"%s\" (from %s): %s\n", config->program->name, name, shown,
                origin, reason);
    }
    return DS_EXIT_USAGE;
}
