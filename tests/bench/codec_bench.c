/*
 * How long the codec takes for a reply of 100 ticks: nanoseconds an operation, the median of
 * several runs. A plain program; it asserts nothing.
 */
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/arena.h"
#include "ds/json.h"
#include "ds/number.h"
#include "ds/wire_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TICKS 100
#define RUNS 25
#define BUFFER_BYTES_MAX (1024 * 1024)

struct bench {
    const char *wanted;
    const struct ds_message *message;
    struct ds_buffer wire;
    struct ds_buffer json;
    struct ds_buffer target;
};

static const struct ds_json_style rest_style = {.proto_names = true, .int64_numbers = true};
static const struct ds_json_read_options read_options = {.lenient_times = true};

static void require(bool condition)
{
    if (!condition) {
        fprintf(stderr, "codec_bench: an operation failed\n");
        exit(1);
    }
}

static void wire_to_json(struct bench *bench)
{
    ds_buffer_clear(&bench->target);
    require(ds_wire_to_json(bench->message, ds_buffer_bytes(&bench->wire), &rest_style,
                            &bench->target) == DS_OK);
}

static void json_to_wire(struct bench *bench)
{
    struct ds_json_error error;
    ds_buffer_clear(&bench->target);
    require(ds_json_to_wire(bench->message, ds_buffer_bytes(&bench->json), &read_options,
                            &bench->target, &error) == DS_OK);
}

static void wire_check(struct bench *bench)
{
    struct ds_wire_error error;
    require(ds_wire_check(bench->message, ds_buffer_bytes(&bench->wire), &error) == DS_OK);
}

static void unpack_into_arena(struct bench *bench)
{
    struct ds_arena *arena = ds_arena_create(BUFFER_BYTES_MAX);
    require(storage__list_ticks_response__unpack(ds_arena_allocator(arena), bench->wire.size,
                                                 bench->wire.data) != NULL);
    ds_arena_destroy(arena);
}

static void arena_of_a_call(struct bench *bench)
{
    (void)bench;
    struct ds_arena *arena = ds_arena_create(BUFFER_BYTES_MAX);
    for (int i = 0; i < 10; i++) {
        require(ds_arena_alloc(arena, 100) != NULL);
    }
    ds_arena_destroy(arena);
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void measure(const char *name, void (*operation)(struct bench *bench), struct bench *bench)
{
    if (bench->wanted != NULL && strstr(name, bench->wanted) == NULL) {
        return;
    }
    const int repeats = 1000;
    double runs[RUNS];
    for (int run = 0; run < RUNS; run++) {
        const double begin = now_ns();
        for (int i = 0; i < repeats; i++) {
            operation(bench);
        }
        runs[run] = (now_ns() - begin) / repeats;
    }
    qsort(runs, RUNS, sizeof runs[0], compare);
    printf("%-34s %9.0f ns, at best %.0f\n", name, runs[RUNS / 2], runs[0]);
}

/* Prices with two decimals, as a feed has them, or with all the digits that a double has. */
static void fill(struct bench *bench, bool long_prices)
{
    ds_buffer_clear(&bench->json);
    ds_buffer_clear(&bench->wire);
    ds_buffer_append_text(&bench->json, "{\"product\":\"NIFTY\",\"count\":100,\"ticks\":[");
    for (int i = 0; i < TICKS; i++) {
        char price[DS_DOUBLE_TEXT_MAX];
        const double value = 21500 + i * (long_prices ? 0.123456789012345 : 0.05);
        const int size = (int)ds_double_format(value, price);
        ds_buffer_printf(&bench->json,
                         "%s{\"price\":%.*s,\"timestamp\":\"2025-01-25T10:%02d:%02d.%03dZ\","
                         "\"tick_id\":%d}",
                         i == 0 ? "" : ",", size, price, i / 60, i % 60, i, 100000 + i);
    }
    ds_buffer_append_text(&bench->json, "]}");
    struct ds_json_error error;
    require(ds_json_to_wire(bench->message, ds_buffer_bytes(&bench->json), &read_options,
                            &bench->wire, &error) == DS_OK);
}

int main(int argument_count, char **arguments)
{
    struct bench bench = {.wanted = argument_count > 1 ? arguments[1] : NULL,
                          .message = ds_message_find("deltastream.storage.v1.ListTicksResponse")};
    require(bench.message != NULL);
    ds_buffer_init(&bench.wire, BUFFER_BYTES_MAX);
    ds_buffer_init(&bench.json, BUFFER_BYTES_MAX);
    ds_buffer_init(&bench.target, BUFFER_BYTES_MAX);

    fill(&bench, false);
    printf("%d ticks: %zu bytes of wire, %zu of JSON\n", TICKS, bench.wire.size, bench.json.size);
    measure("wire to JSON", wire_to_json, &bench);
    measure("JSON to wire", json_to_wire, &bench);
    measure("wire check", wire_check, &bench);
    measure("unpack into an arena", unpack_into_arena, &bench);
    measure("arena of a small call", arena_of_a_call, &bench);
    fill(&bench, true);
    measure("wire to JSON, 15-digit prices", wire_to_json, &bench);
    measure("JSON to wire, 15-digit prices", json_to_wire, &bench);

    ds_buffer_deinit(&bench.wire);
    ds_buffer_deinit(&bench.json);
    ds_buffer_deinit(&bench.target);
    return 0;
}
