#include "clients/load/plan_read_flags_internal.h"
#include "clients/load/plan_read_units.h"
#include "ds/exit_code.h"

#include <math.h>
#include <string.h>

static int refuse(const struct flags *flags, const char *name, const char *what)
{
    return ds_config_refuse(flags->config, flags->options, name, "%s", what);
}

/* Stages of a scenario that can't be read are left for its reader to tell about. */
static int64_t stages_ns(const json_t *stages)
{
    int64_t whole_ns = 0;
    for (size_t i = 0; i < json_array_size(stages); i++) {
        const char *text = json_string_value(json_array_get(stages, i));
        int64_t ns = 0;
        double level = 0;
        if (text != NULL && load_stage_parse(text, &ns, &level)) {
            whole_ns += ns;
        }
    }
    return whole_ns;
}

static void scale_stages(struct flags *flags, json_t *stages, int64_t duration_ns)
{
    const int64_t whole_ns = stages_ns(stages);
    for (size_t i = 0; i < json_array_size(stages); i++) {
        const char *text = json_string_value(json_array_get(stages, i));
        int64_t ns = 0;
        double level = 0;
        if (text != NULL && whole_ns > 0 && load_stage_parse(text, &ns, &level)) {
            const double scaled = (double)ns * (double)duration_ns / (double)whole_ns;
            json_array_set_new(stages, i,
                               json_string(ds_arena_printf(flags->arena, "%lldns:%.12g",
                                                           (long long)llround(scaled), level)));
        }
    }
}

static int set_duration(struct flags *flags)
{
    const char *text = flags->options->duration;
    int64_t ns = 0;
    if (text == NULL) {
        return DS_EXIT_OK;
    }
    if (!load_duration_parse(text, &ns) || ns == 0) {
        return refuse(flags, "duration", "takes a duration: 500ms, 10s, 2m or 1h");
    }
    json_t *stages = json_object_get(flags->scenario, "stages");
    if (stages != NULL && flags->options->stage.count > 0) {
        return refuse(flags, "duration", "is that of the stages together, where --stage says them");
    }
    if (stages != NULL) {
        scale_stages(flags, stages, ns);
    } else {
        json_object_set_new(flags->scenario, "duration", json_string(text));
    }
    return DS_EXIT_OK;
}

/* Forgets how users come in the scenario, but keeps how long. */
static void clear_levels(struct flags *flags)
{
    const json_t *stages = json_object_get(flags->scenario, "stages");
    const int64_t whole_ns = stages_ns(stages);
    if (whole_ns > 0) {
        json_object_set_new(
            flags->scenario, "duration",
            json_string(ds_arena_printf(flags->arena, "%lldns", (long long)whole_ns)));
    }
    json_object_del(flags->scenario, "stages");
    json_object_del(flags->scenario, "rate");
    json_object_del(flags->scenario, "users");
}

static int set_level(struct flags *flags, const char *flag, const char *text)
{
    double level = 0;
    if (!load_rate_parse(text, &level) || level <= 0) {
        return refuse(flags, flag, "takes a number above 0, such as 1000 or 60/m");
    }
    clear_levels(flags);
    json_object_set_new(flags->scenario, flag, json_real(level));
    return DS_EXIT_OK;
}

static int set_stages(struct flags *flags)
{
    const struct ds_text_list *list = &flags->options->stage;
    clear_levels(flags);
    json_object_del(flags->scenario, "duration");
    json_t *stages = json_array();
    json_object_set_new(flags->scenario, "stages", stages);
    for (size_t i = 0; i < list->count; i++) {
        int64_t ns = 0;
        double level = 0;
        if (!load_stage_parse(list->items[i], &ns, &level)) {
            return refuse(flags, "stage", "takes TIME:LEVEL, such as 30s:1000 or 0:1000");
        }
        json_array_append_new(stages, json_string(list->items[i]));
    }
    return DS_EXIT_OK;
}

static void set_pace(struct flags *flags)
{
    const struct load_options *options = flags->options;
    const bool replaces =
        options->rate != NULL || options->users != NULL || options->stage.count > 0;
    const char *before = json_string_value(json_object_get(flags->scenario, "pace"));
    const bool was_closed = before != NULL && strcmp(before, "closed") == 0;
    if (options->poisson) {
        json_object_set_new(flags->scenario, "pace", json_string("poisson"));
    } else if (options->users != NULL || options->closed) {
        json_object_set_new(flags->scenario, "pace", json_string("closed"));
    } else if (replaces && was_closed) {
        json_object_set_new(flags->scenario, "pace", json_string("constant"));
    }
}

static int check_pace(const struct flags *flags)
{
    const struct load_options *options = flags->options;
    if ((options->rate != NULL) + (options->users != NULL) + (options->stage.count > 0) > 1) {
        return refuse(flags, options->users != NULL ? "users" : "stage",
                      "only one of --rate, --users and --stage may be given");
    }
    if (options->poisson && (options->users != NULL || options->closed)) {
        return refuse(flags, "poisson", "goes with a rate; users come when they are done");
    }
    if (options->closed && options->stage.count == 0) {
        return refuse(flags, "closed", "goes with --stage");
    }
    return DS_EXIT_OK;
}

int flags_set_pace(struct flags *flags)
{
    const struct load_options *options = flags->options;
    int exit_code = check_pace(flags);
    if (exit_code == DS_EXIT_OK && options->rate != NULL) {
        exit_code = set_level(flags, "rate", options->rate);
    }
    if (exit_code == DS_EXIT_OK && options->users != NULL) {
        exit_code = set_level(flags, "users", options->users);
    }
    if (exit_code == DS_EXIT_OK && options->stage.count > 0) {
        exit_code = set_stages(flags);
    }
    if (exit_code != DS_EXIT_OK) {
        return exit_code;
    }
    set_pace(flags);
    return set_duration(flags);
}
