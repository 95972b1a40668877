#include "clients/load/plan_read_flags.h"

#include "clients/cli/input.h"
#include "clients/load/objective.h"
#include "clients/load/plan_read.h"
#include "clients/load/plan_read_flags_internal.h"
#include "clients/load/plan_read_units.h"
#include "ds/exit_code.h"
#include "ds/number.h"
#include "ds/paths.h"

#include <assert.h>
#include <string.h>

#define PROGRAM "deltastream-load"
#define REST_DEFAULT "http://127.0.0.1:8080"

static bool read_file(const char *path, size_t limit, struct ds_buffer *text)
{
    FILE *stream = input_open(path);
    if (stream == NULL) {
        return false;
    }
    ds_buffer_init(text, limit);
    const ds_code code = input_read_all(stream, text);
    input_close(stream);
    if (code != DS_OK) {
        fprintf(stderr, PROGRAM ": \"%s\" %s\n", path,
                code == DS_RESOURCE_EXHAUSTED ? "is too large" : "can't be read");
        ds_buffer_deinit(text);
    }
    return code == DS_OK;
}

static int refuse(const struct flags *flags, const char *name, const char *what)
{
    return ds_config_refuse(flags->config, flags->options, name, "%s", what);
}

static int read_scenario(struct flags *flags)
{
    struct ds_buffer text;
    if (!read_file(flags->options->scenario, LOAD_SCENARIO_BYTES_MAX, &text)) {
        return DS_EXIT_USAGE;
    }
    char reason[LOAD_PLAN_REASON_BYTES_MAX];
    const ds_code code = load_scenario_parse(ds_buffer_bytes(&text), &flags->scenario, reason);
    ds_buffer_deinit(&text);
    if (code == DS_OK && !json_is_object(flags->scenario)) {
        snprintf(reason, sizeof(reason), "takes an object {…}");
    } else if (code == DS_OK) {
        return DS_EXIT_OK;
    }
    fprintf(stderr, PROGRAM ": %s: %s\n", flags->options->scenario, reason);
    return DS_EXIT_USAGE;
}

/* --data as text: its own, or that of a file. */
static int read_data(struct flags *flags, struct ds_buffer *text)
{
    const char *data = flags->options->data;
    if (data[0] == '@') {
        return read_file(data + 1, INPUT_DOCUMENT_BYTES_MAX, text) ? DS_EXIT_OK : DS_EXIT_USAGE;
    }
    ds_buffer_init(text, strlen(data));
    ds_buffer_append_text(text, data);
    return DS_EXIT_OK;
}

static int add_data(struct flags *flags, json_t *step)
{
    struct ds_buffer text;
    const int exit_code = read_data(flags, &text);
    if (exit_code != DS_EXIT_OK) {
        return exit_code;
    }
    json_error_t error;
    json_t *body = json_loadb((const char *)text.data, text.size,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    ds_buffer_deinit(&text);
    if (body == NULL) {
        return ds_config_refuse(flags->config, flags->options, "data",
                                "takes JSON or @FILE; line %d, column %d: %s", error.line,
                                error.column, error.text);
    }
    json_object_set_new(step, "body", body);
    return DS_EXIT_OK;
}

static int add_headers(struct flags *flags, json_t *step)
{
    json_t *headers = json_object();
    json_object_set_new(step, "headers", headers);
    for (size_t i = 0; i < flags->options->header.count; i++) {
        const char *text = flags->options->header.items[i];
        const char *colon = strchr(text, ':');
        if (colon == NULL || colon == text) {
            return refuse(flags, "header", "takes NAME: VALUE");
        }
        const char *name = ds_arena_copy_text(flags->arena, text, (size_t)(colon - text));
        json_object_set_new(headers, name, json_string(colon + 1 + strspn(colon + 1, " ")));
    }
    return DS_EXIT_OK;
}

/* A native call without --data takes {} only where there is nothing to be said. */
static int check_method(const struct flags *flags, const json_t *step)
{
    const char *name = flags->options->method;
    const struct ds_method *method = method_find_quietly(name, NULL);
    if (method == NULL) {
        return method_find(name) == NULL ? DS_EXIT_USAGE : DS_EXIT_ERROR;
    }
    if (json_object_get(step, "body") != NULL || method->request->field_count == 0) {
        return DS_EXIT_OK;
    }
    fprintf(stderr, PROGRAM ": --data is missing: %s takes a\n", method->name);
    message_print(method->request, stderr);
    fprintf(stderr, "--data '{}' sends an empty one\n");
    return DS_EXIT_USAGE;
}

/* The one step that --method, --get or --request says. */
static int make_scenario(struct flags *flags)
{
    const struct load_options *options = flags->options;
    json_t *step = json_object();
    flags->scenario = json_pack("{s:s, s:[{s:[o]}]}", "name", "flags", "flows", "steps", step);
    assert(flags->scenario != NULL);
    int exit_code = options->data == NULL ? DS_EXIT_OK : add_data(flags, step);
    if (exit_code == DS_EXIT_OK && options->header.count > 0) {
        exit_code = add_headers(flags, step);
    }
    if (exit_code != DS_EXIT_OK) {
        return exit_code;
    }
    if (options->method != NULL) {
        json_object_set_new(step, "method", json_string(options->method));
        return check_method(flags, step);
    }
    const char *request = options->get == NULL
                              ? options->request
                              : ds_arena_printf(flags->arena, "GET %s", options->get);
    json_object_set_new(step, "request", json_string(request));
    return DS_EXIT_OK;
}

static int choose_scenario(struct flags *flags)
{
    const struct load_options *options = flags->options;
    const int count = (options->scenario != NULL) + (options->method != NULL) +
                      (options->get != NULL) + (options->request != NULL);
    if (count != 1) {
        fprintf(stderr, PROGRAM ": say what to do by one of --scenario FILE, --method METHOD, "
                                "--get PATH and --request 'POST PATH'\n");
        return DS_EXIT_USAGE;
    }
    if (options->scenario == NULL) {
        return make_scenario(flags);
    }
    if (options->data != NULL || options->header.count > 0) {
        return refuse(flags, options->data != NULL ? "data" : "header",
                      "goes with --method, --get or --request; a scenario has it in its steps");
    }
    return read_scenario(flags);
}

/* A target's URL from the highest source that has one. */
static void set_target(json_t *targets, const char *name, const char *url, bool is_given)
{
    if (is_given || json_object_get(targets, name) == NULL) {
        json_object_set_new(targets, name, json_string(url));
    }
}

static void set_targets(struct flags *flags)
{
    const struct load_options *options = flags->options;
    json_t *targets = json_object_get(flags->scenario, "targets");
    if (targets == NULL) {
        targets = json_object();
        json_object_set_new(flags->scenario, "targets", targets);
    }
    const bool is_folder_given = ds_config_is_given(flags->config, "data-dir");
    set_target(targets, "native", ds_storage_url(flags->arena, options->data_dir), is_folder_given);
    set_target(targets, "rest", options->rest == NULL ? REST_DEFAULT : options->rest,
               options->rest != NULL);
    for (size_t i = 0; i < options->url.count; i++) {
        const char *text = options->url.items[i];
        const char *equals = strchr(text, '=');
        const char *name = equals == NULL
                               ? "native"
                               : ds_arena_copy_text(flags->arena, text, (size_t)(equals - text));
        set_target(targets, name, equals == NULL ? text : equals + 1, true);
    }
}

static void set_number(struct flags *flags, const char *flag, const char *name, int64_t number)
{
    if (ds_config_is_given(flags->config, flag) && (number > 0 || strcmp(flag, "seed") == 0)) {
        json_object_set_new(flags->scenario, name, json_integer(number));
    }
}

/* A duration of a flag, checked here so that the complaint names the flag. */
static int set_duration(struct flags *flags, const char *flag, const char *name, const char *text)
{
    int64_t ns = 0;
    if (text == NULL) {
        return DS_EXIT_OK;
    }
    if (!load_duration_parse(text, &ns)) {
        return refuse(flags, flag, "takes a duration: 500ms, 10s, 2m or 1h");
    }
    json_object_set_new(flags->scenario, name, json_string(text));
    return DS_EXIT_OK;
}

/* What stands before a place in a template must not become one in a secret. */
static const char *escape(struct ds_arena *arena, const char *text)
{
    char *escaped = ds_arena_alloc(arena, 2 * strlen(text) + 1);
    char *next = escaped;
    for (; *text != '\0'; text++) {
        if (text[0] == '$' && text[1] == '{') {
            *next++ = '$';
        }
        *next++ = *text;
    }
    *next = '\0';
    return escaped;
}

static int set_objectives(struct flags *flags)
{
    const struct ds_text_list *slo = &flags->options->slo;
    json_t *list = json_object_get(flags->scenario, "objectives");
    if (list == NULL && slo->count > 0) {
        list = json_array();
        json_object_set_new(flags->scenario, "objectives", list);
    }
    for (size_t i = 0; i < slo->count; i++) {
        char reason[LOAD_OBJECTIVE_REASON_BYTES_MAX];
        struct load_objective objective;
        if (load_objective_parse(flags->arena, slo->items[i], &objective, reason) != DS_OK) {
            return refuse(flags, "slo", reason);
        }
        json_array_append_new(list, json_string(slo->items[i]));
    }
    return DS_EXIT_OK;
}

static int set_rest(struct flags *flags)
{
    const struct load_options *options = flags->options;
    set_targets(flags);
    set_number(flags, "threads", "threads", options->threads);
    set_number(flags, "connections", "connections", options->connections);
    set_number(flags, "in-flight-max", "in_flight_max", options->in_flight_max);
    set_number(flags, "seed", "seed", options->seed);
    if (options->alone) {
        json_object_set_new(flags->scenario, "messages", json_string("alone"));
    }
    if (options->tls_ca != NULL) {
        json_object_set_new(flags->scenario, "tls_ca", json_string(options->tls_ca));
    }
    if (options->authorization != NULL) {
        json_object_set_new(flags->scenario, "authorization",
                            json_string(escape(flags->arena, options->authorization)));
    }
    int exit_code = set_duration(flags, "warm-up", "warm_up", options->warm_up);
    if (exit_code == DS_EXIT_OK) {
        exit_code = set_duration(flags, "timeout", "timeout", options->timeout);
    }
    return exit_code == DS_EXIT_OK ? set_objectives(flags) : exit_code;
}

/* What the reader says about a scenario that flags made, by the flag's name. */
static const char *name_flag(struct ds_arena *arena, const char *reason)
{
    static const char step[] = "flows[0].steps[0].";
    if (strncmp(reason, step, strlen(step)) != 0) {
        return reason;
    }
    const char *rest = reason + strlen(step);
    const bool is_body = strncmp(rest, "body", strlen("body")) == 0;
    return ds_arena_printf(arena, "--%s",
                           is_body ? ds_arena_printf(arena, "data%s", rest + 4) : rest);
}

static int read_plan(struct flags *flags, struct load_plan *ret_plan)
{
    const char *path = flags->options->scenario;
    const bool is_file = path != NULL && strcmp(path, "-") != 0;
    const char *slash = is_file ? strrchr(path, '/') : NULL;
    const char *folder = slash == NULL ? NULL
                         : slash == path
                             ? "/"
                             : ds_arena_copy_text(flags->arena, path, (size_t)(slash - path));
    char reason[LOAD_PLAN_REASON_BYTES_MAX];
    const struct load_plan *plan = NULL;
    if (load_plan_read(flags->arena, flags->scenario, folder, &plan, reason) != DS_OK) {
        fprintf(stderr, PROGRAM ": %s%s%s\n", path == NULL ? "" : path, path == NULL ? "" : ": ",
                path == NULL ? name_flag(flags->arena, reason) : reason);
        return DS_EXIT_USAGE;
    }
    *ret_plan = *plan;
    return DS_EXIT_OK;
}

static int set_watched(struct flags *flags, struct load_plan *plan)
{
    const struct ds_text_list *list = &flags->options->watch;
    struct load_watched *watched =
        ds_arena_zalloc(flags->arena, (list->count + 1) * sizeof(*watched));
    for (size_t i = 0; i < list->count; i++) {
        const char *equals = strchr(list->items[i], '=');
        if (equals == NULL || equals == list->items[i] ||
            !ds_int64_parse(ds_bytes_of_text(equals + 1), &watched[i].process_id) ||
            watched[i].process_id < 1) {
            return refuse(flags, "watch", "takes NAME=PID, such as gateway=4711");
        }
        watched[i].name =
            ds_arena_copy_text(flags->arena, list->items[i], (size_t)(equals - list->items[i]));
    }
    plan->watched = watched;
    plan->watched_count = list->count;
    plan->aborts_on_miss = flags->options->abort_on_fail;
    return DS_EXIT_OK;
}

int load_plan_of_options(struct ds_arena *arena, const struct ds_config *config,
                         const struct load_options *options, struct load_plan *ret_plan)
{
    struct flags flags = {.arena = arena, .config = config, .options = options};
    int exit_code = choose_scenario(&flags);
    if (exit_code == DS_EXIT_OK) {
        exit_code = flags_set_pace(&flags);
    }
    if (exit_code == DS_EXIT_OK) {
        exit_code = set_rest(&flags);
    }
    if (exit_code == DS_EXIT_OK) {
        exit_code = read_plan(&flags, ret_plan);
    }
    json_decref(flags.scenario);
    return exit_code == DS_EXIT_OK ? set_watched(&flags, ret_plan) : exit_code;
}
