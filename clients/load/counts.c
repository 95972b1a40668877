#include "clients/load/counts.h"

#include "clients/load/memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void load_operation_init(struct load_operation_result *operation)
{
    *operation = (struct load_operation_result){
        .latency = load_histogram_create(),
        .service = load_histogram_create(),
        .lag = load_histogram_create(),
    };
}

void load_operation_deinit(struct load_operation_result *operation)
{
    load_histogram_destroy(operation->latency);
    load_histogram_destroy(operation->service);
    load_histogram_destroy(operation->lag);
    for (size_t i = 0; i < operation->code_count; i++) {
        load_histogram_destroy(operation->codes[i].latency);
    }
}

static void histogram_empty(struct load_histogram *histogram)
{
    if (load_histogram_count(histogram) > 0) {
        load_histogram_clear(histogram);
    }
}

/* Codes keep their places: what happened once happens again. */
static void operation_clear(struct load_operation_result *operation)
{
    operation->planned = 0;
    operation->ok = 0;
    operation->ok_in_window = 0;
    operation->failed = 0;
    operation->refused = 0;
    operation->timed_out = 0;
    operation->unsent = 0;
    operation->bytes_sent = 0;
    operation->bytes_received = 0;
    histogram_empty(operation->latency);
    histogram_empty(operation->service);
    histogram_empty(operation->lag);
    for (size_t i = 0; i < operation->code_count; i++) {
        operation->codes[i].count = 0;
        histogram_empty(operation->codes[i].latency);
    }
}

struct load_counts *load_counts_create(size_t operation_count)
{
    struct load_counts *counts = load_allocate(1, sizeof *counts);
    counts->operation_count = operation_count;
    counts->operations = load_allocate(operation_count, sizeof *counts->operations);
    for (size_t i = 0; i < operation_count; i++) {
        load_operation_init(&counts->operations[i]);
    }
    counts->windows = load_allocate(operation_count, sizeof *counts->windows);
    counts->lateness = load_histogram_create();
    return counts;
}

void load_counts_destroy(struct load_counts *counts)
{
    if (counts == NULL) {
        return;
    }
    for (size_t i = 0; i < counts->operation_count; i++) {
        load_operation_deinit(&counts->operations[i]);
        load_window_deinit(&counts->windows[i]);
    }
    load_histogram_destroy(counts->lateness);
    free(counts->windows);
    free(counts->operations);
    free(counts);
}

void load_counts_clear(struct load_counts *counts)
{
    for (size_t i = 0; i < counts->operation_count; i++) {
        operation_clear(&counts->operations[i]);
        load_window_clear(&counts->windows[i]);
    }
    histogram_empty(counts->lateness);
}

void load_counts_plan(struct load_counts *counts, size_t operation, int64_t planned_ns)
{
    counts->operations[operation].planned++;
    load_window_at(&counts->windows[operation], planned_ns)->planned++;
}

void load_counts_unsend(struct load_counts *counts, size_t operation, int64_t at_ns)
{
    counts->operations[operation].unsent++;
    load_window_at(&counts->windows[operation], at_ns)->unsent++;
}

void load_counts_note_lateness(struct load_counts *counts, int64_t late_ns)
{
    load_histogram_record(counts->lateness, late_ns);
}

/* Of most calls these are "OK" and "200": not worth a call of strncmp(). */
static bool code_is(const struct load_code_result *known, const char *code)
{
    size_t i = 0;
    while (i < LOAD_CODE_BYTES_MAX - 1 && known->code[i] == code[i]) {
        if (code[i] == '\0') {
            return true;
        }
        i++;
    }
    return i == LOAD_CODE_BYTES_MAX - 1;
}

/* The entry of that code; what finds no place any more is counted with the last. */
static struct load_code_result *code_of(struct load_operation_result *operation, const char *code)
{
    for (size_t i = 0; i < operation->code_count; i++) {
        if (code_is(&operation->codes[i], code)) {
            return &operation->codes[i];
        }
    }
    if (operation->code_count == LOAD_CODES_MAX) {
        return &operation->codes[LOAD_CODES_MAX - 1];
    }
    struct load_code_result *added = &operation->codes[operation->code_count++];
    *added = (struct load_code_result){.latency = load_histogram_create()};
    (void)snprintf(added->code, sizeof added->code, "%s", code);
    return added;
}

void load_counts_end(struct load_counts *counts, size_t operation, const struct load_ending *ending)
{
    struct load_operation_result *result = &counts->operations[operation];
    struct load_second_counts *second =
        load_window_at(&counts->windows[operation], ending->ended_ns);
    const int64_t latency_ns = ending->ended_ns - ending->planned_ns;
    struct load_code_result *code = code_of(result, ending->code);
    /* Those of calls that ended well are in all three. */
    struct load_histogram *const latencies[] = {code->latency, result->latency, second->latency};
    load_histogram_record_in_all(latencies, ending->outcome == LOAD_OUTCOME_OK ? 3 : 1, latency_ns);
    code->count++;
    result->bytes_sent += ending->bytes_sent;
    result->bytes_received += ending->bytes_received;
    if (ending->sent_ns >= 0) {
        load_histogram_record(result->lag, ending->sent_ns - ending->planned_ns);
    }
    switch (ending->outcome) {
    case LOAD_OUTCOME_OK:
        assert(ending->sent_ns >= 0);
        result->ok++;
        result->ok_in_window += ending->is_in_window;
        second->ok++;
        load_histogram_record(result->service, ending->ended_ns - ending->sent_ns);
        break;
    case LOAD_OUTCOME_REFUSED:
        result->refused++;
        result->failed++;
        second->failed++;
        break;
    case LOAD_OUTCOME_FAILED:
        result->failed++;
        second->failed++;
        break;
    case LOAD_OUTCOME_TIMED_OUT:
        result->timed_out++;
        second->timed_out++;
        break;
    }
}

static void histogram_merge(struct load_histogram *target, const struct load_histogram *source)
{
    if (load_histogram_count(source) > 0) {
        load_histogram_add(target, source);
    }
}

void load_operation_add(struct load_operation_result *target,
                        const struct load_operation_result *source)
{
    target->planned += source->planned;
    target->ok += source->ok;
    target->ok_in_window += source->ok_in_window;
    target->failed += source->failed;
    target->refused += source->refused;
    target->timed_out += source->timed_out;
    target->unsent += source->unsent;
    target->bytes_sent += source->bytes_sent;
    target->bytes_received += source->bytes_received;
    histogram_merge(target->latency, source->latency);
    histogram_merge(target->service, source->service);
    histogram_merge(target->lag, source->lag);
    for (size_t i = 0; i < source->code_count; i++) {
        if (source->codes[i].count > 0) {
            struct load_code_result *code = code_of(target, source->codes[i].code);
            code->count += source->codes[i].count;
            histogram_merge(code->latency, source->codes[i].latency);
        }
    }
}
