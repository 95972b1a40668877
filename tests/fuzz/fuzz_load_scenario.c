/*
 * A scenario of deltastream-load. Whatever is taken can be filled: bodies are JSON, paths and
 * headers are one line, and the same flow asks the same each time.
 */
#include "clients/load/plan_read.h"
#include "clients/load/template.h"
#include "fuzz/fuzz.h"

#include <string.h>

#define FLOWS 3

static const struct ds_bytes odd = {.data = (const uint8_t *)"a\"\\\r\n\xFF/é ", .size = 10};

static ds_code fill(const struct load_template *template, uint64_t flow, struct ds_buffer *text)
{
    struct ds_bytes variables[LOAD_VARIABLES_MAX];
    for (size_t i = 0; i < LOAD_VARIABLES_MAX; i++) {
        variables[i] = odd;
    }
    const struct load_draw draw = {
        .flow = flow, .seed = 5, .wall_us = 1737795600000000, .variables = variables};
    ds_buffer_clear(text);
    return load_template_fill(template, &draw, text);
}

static void check_body(const struct load_template *body, uint64_t flow, struct ds_buffer *text)
{
    const ds_code code = fill(body, flow, text);
    fuzz_require(code == DS_OK || code == DS_RESOURCE_EXHAUSTED, "a body is filled or too large");
    if (code == DS_OK) {
        json_t *value = json_loadb((const char *)text->data, text->size, JSON_DECODE_ANY, NULL);
        fuzz_require(value != NULL, "a body is JSON");
        json_decref(value);
    }
}

/* Neither a line's end nor, in a path, a blank. */
static void check_line(const struct load_template *template, bool is_path, uint64_t flow,
                       struct ds_buffer *text)
{
    const ds_code code = fill(template, flow, text);
    fuzz_require(code == DS_OK || code == DS_RESOURCE_EXHAUSTED ||
                     (code == DS_INVALID_ARGUMENT && !is_path),
                 "only a header refuses a value");
    for (size_t i = 0; i < text->size; i++) {
        const uint8_t byte = text->data[i];
        fuzz_require(byte >= ' ' && byte != 0x7F && !(is_path && byte == ' '), "one line");
    }
}

static void check_repeats(const struct load_template *template, uint64_t flow,
                          struct ds_buffer *text)
{
    struct ds_buffer again;
    ds_buffer_init(&again, text->limit);
    fuzz_require(fill(template, flow, text) == fill(template, flow, &again), "the same outcome");
    fuzz_require(ds_bytes_equal(ds_buffer_bytes(text), ds_buffer_bytes(&again)), "the same text");
    ds_buffer_deinit(&again);
}

static void check_step(const struct load_step *step, struct ds_buffer *text)
{
    for (uint64_t flow = 0; flow < FLOWS; flow++) {
        if (step->body != NULL) {
            check_body(step->body, flow, text);
            check_repeats(step->body, flow, text);
        }
        if (step->path != NULL) {
            check_line(step->path, true, flow, text);
            fuzz_require(text->size > 0 && text->data[0] == '/', "a path begins with a slash");
        }
        if (step->authorization != NULL) {
            check_line(step->authorization, false, flow, text);
        }
        for (size_t i = 0; i < step->header_count; i++) {
            check_line(step->headers[i].value, false, flow, text);
        }
    }
}

static void check_plan(const struct load_plan *plan)
{
    struct ds_buffer text;
    ds_buffer_init(&text, 1024 * 1024);
    size_t step_count = 0;
    for (size_t i = 0; i < plan->flow_count; i++) {
        for (size_t k = 0; k < plan->flows[i].step_count; k++) {
            const struct load_step *step = &plan->flows[i].steps[k];
            fuzz_require(step->operation == step_count++, "operations are numbered in order");
            fuzz_require(step->timeout_ns > 0 && step->url != NULL, "a step is whole");
            check_step(step, &text);
        }
    }
    fuzz_require(step_count == plan->operation_count, "each step is an operation");
    ds_buffer_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *scenario = NULL;
    const struct load_plan *plan = NULL;
    char reason[LOAD_PLAN_REASON_BYTES_MAX] = "";
    if (load_scenario_parse(ds_bytes_of(data, size), &scenario, reason) != DS_OK) {
        fuzz_require(reason[0] != '\0', "a refusal says why");
        return 0;
    }
    struct ds_arena *arena = load_plan_arena_create();
    if (load_plan_read(arena, scenario, "/nowhere", &plan, reason) == DS_OK) {
        check_plan(plan);
    } else {
        fuzz_require(reason[0] != '\0', "a refusal says why");
    }
    json_decref(scenario);
    ds_arena_destroy(arena);
    return 0;
}
