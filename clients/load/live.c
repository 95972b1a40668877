#include "clients/load/live.h"

#include "clients/cli/plain_text.h"
#include "clients/cli/progress.h"
#include "clients/cli/table.h"
#include "clients/load/memory.h"
#include "clients/load/report_values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINES 4
#define LINE_BYTES_MAX 256
#define WIDTH_DEFAULT 80
#define BAR_CELLS 24
/* Where the stream is no terminal: a line in so many seconds. */
#define LINE_EVERY_SECONDS 10
#define NS_PER_SECOND 1000000000

struct load_live {
    struct load_live_options options;
    int64_t planned_ns; /* how long the stages take */
    int64_t shown_second;
    size_t drawn_lines; /* above the cursor */
};

static int64_t duration_of(const struct load_plan *plan)
{
    int64_t sum = 0;
    for (size_t i = 0; i < plan->stage_count; i++) {
        sum += plan->stages[i].duration_ns;
    }
    return sum;
}

struct load_live *load_live_create(const struct load_live_options *options)
{
    struct load_live *live = load_allocate(1, sizeof(*live));
    live->options = *options;
    live->planned_ns = duration_of(options->plan);
    live->shown_second = -1;
    if (!options->is_terminal_known) {
        live->options.is_terminal = progress_is_drawn(options->stream);
        live->options.is_bold = table_terminal_is_bold(options->stream);
    }
    return live;
}

/* The last column stays free: some terminals wrap when it is written. */
static size_t width_of(const struct load_live *live)
{
    const size_t width = live->options.is_terminal_known
                             ? live->options.width
                             : table_terminal_width(live->options.stream);
    const size_t bounded = width < LINE_BYTES_MAX ? width : LINE_BYTES_MAX;
    return bounded > 1 ? bounded - 1 : WIDTH_DEFAULT - 1;
}

/* What has happened within the last whole second; NULL before there is one. */
static const struct load_second *last_second(const struct load_result *result, int64_t elapsed_ns)
{
    const int64_t now = elapsed_ns / NS_PER_SECOND;
    for (size_t i = result->second_count; i-- > 0;) {
        if ((int64_t)result->seconds[i].second < now) {
            return &result->seconds[i];
        }
    }
    return NULL;
}

static void clock_text(int64_t ns, char target[REPORT_TEXT_BYTES_MAX])
{
    const int64_t seconds = ns / NS_PER_SECOND;
    if (seconds >= 3600) {
        snprintf(target, REPORT_TEXT_BYTES_MAX, "%" PRId64 ":%02d:%02d", seconds / 3600,
                 (int)(seconds / 60 % 60), (int)(seconds % 60));
    } else {
        snprintf(target, REPORT_TEXT_BYTES_MAX, "%d:%02d", (int)(seconds / 60),
                 (int)(seconds % 60));
    }
}

static const char *phase_of(const struct load_live *live, int64_t elapsed_ns)
{
    if (elapsed_ns < live->options.plan->warm_up_ns) {
        return "warm-up";
    }
    return elapsed_ns < live->planned_ns ? "running" : "waiting for answers";
}

static void format_bar(const struct load_live *live, int64_t elapsed_ns, char line[LINE_BYTES_MAX])
{
    char cells[BAR_CELLS + 1];
    char passed[REPORT_TEXT_BYTES_MAX];
    char left[REPORT_TEXT_BYTES_MAX];
    const int64_t total_ns = live->planned_ns > 0 ? live->planned_ns : 1;
    const int64_t bounded_ns = elapsed_ns < total_ns ? elapsed_ns : total_ns;
    const size_t full = (size_t)((double)bounded_ns / (double)total_ns * BAR_CELLS);
    memset(cells, '.', BAR_CELLS);
    memset(cells, '#', full);
    cells[BAR_CELLS] = '\0';
    clock_text(elapsed_ns, passed);
    clock_text(total_ns - bounded_ns, left);
    snprintf(line, LINE_BYTES_MAX, "%.64s [%s] %3d %%  %s, %s left, %s", live->options.plan->name,
             cells, (int)(bounded_ns * 100 / total_ns), passed, left, phase_of(live, elapsed_ns));
}

static void format_second(const struct load_second *second, char line[LINE_BYTES_MAX])
{
    char ok[REPORT_TEXT_BYTES_MAX];
    char errors[REPORT_TEXT_BYTES_MAX];
    char p50[REPORT_TEXT_BYTES_MAX];
    char p99[REPORT_TEXT_BYTES_MAX];
    char under_way[REPORT_TEXT_BYTES_MAX];
    if (second == NULL) {
        snprintf(line, LINE_BYTES_MAX, "last second  -");
        return;
    }
    report_count_text((double)second->ok, ok);
    report_count_text((double)(second->failed + second->timed_out + second->unsent), errors);
    report_count_text((double)second->under_way, under_way);
    const bool has_times = second->ok > 0;
    snprintf(
        line, LINE_BYTES_MAX, "last second  %6s ok/s  %6s errors/s  p50 %8s  p99 %8s  %s under way",
        ok, errors, has_times ? report_duration_text((double)second->latency_p50_ns, p50) : "-",
        has_times ? report_duration_text((double)second->latency_p99_ns, p99) : "-", under_way);
}

static void format_total(const struct load_result *result, char line[LINE_BYTES_MAX])
{
    char ok[REPORT_TEXT_BYTES_MAX];
    char errors[REPORT_TEXT_BYTES_MAX];
    char p50[REPORT_TEXT_BYTES_MAX];
    char p99[REPORT_TEXT_BYTES_MAX];
    const struct load_operation_result *total = &result->total;
    const bool has_times = load_histogram_count(total->latency) > 0;
    const int64_t p50_ns = load_histogram_percentile_ns(total->latency, 50);
    const int64_t p99_ns = load_histogram_percentile_ns(total->latency, 99);
    snprintf(line, LINE_BYTES_MAX, "so far       %6s ok    %6s errors    p50 %8s  p99 %8s",
             report_count_text((double)total->ok, ok),
             report_count_text((double)report_error_count(total), errors),
             has_times ? report_duration_text((double)p50_ns, p50) : "-",
             has_times ? report_duration_text((double)p99_ns, p99) : "-");
}

static void format_servers(const struct load_result *result, char line[LINE_BYTES_MAX])
{
    char memory[REPORT_TEXT_BYTES_MAX];
    size_t size = (size_t)snprintf(line, LINE_BYTES_MAX, "servers     ");
    for (size_t i = 0; i < result->plan->watched_count && size < LINE_BYTES_MAX; i++) {
        const struct load_watched_result *watched = &result->watched[i];
        if (watched->sample_count == 0) {
            continue;
        }
        const struct load_sample *last = &watched->samples[watched->sample_count - 1];
        size += (size_t)snprintf(line + size, LINE_BYTES_MAX - size, " %.32s %.2f cores %s",
                                 watched->name, last->cpu_seconds,
                                 report_bytes_text((double)last->memory_bytes, memory));
    }
}

/* At most `width` characters, which may have several bytes each. */
static void write_line(FILE *stream, const char *line, size_t width)
{
    size_t bytes = 0;
    for (size_t characters = 0; line[bytes] != '\0'; bytes++) {
        characters += ((unsigned char)line[bytes] & 0xC0) != 0x80;
        if (characters > width) {
            break;
        }
    }
    plain_text_write(stream, ds_bytes_of(line, bytes));
}

static void move_to_first_line(struct load_live *live)
{
    if (live->drawn_lines > 0) {
        fprintf(live->options.stream, "\r\x1B[%zuA", live->drawn_lines);
    }
}

static void draw(struct load_live *live, const struct load_result *result, int64_t elapsed_ns)
{
    char lines[LINES][LINE_BYTES_MAX];
    const size_t count = result->plan->watched_count > 0 ? LINES : LINES - 1;
    const size_t width = width_of(live);
    FILE *stream = live->options.stream;
    format_bar(live, elapsed_ns, lines[0]);
    format_second(last_second(result, elapsed_ns), lines[1]);
    format_total(result, lines[2]);
    format_servers(result, lines[3]);
    move_to_first_line(live);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 && live->options.is_bold ? "\x1B[1m" : "", stream);
        write_line(stream, lines[i], width);
        fputs(i == 0 && live->options.is_bold ? "\x1B[0m\x1B[K\n" : "\x1B[K\n", stream);
    }
    fflush(stream);
    live->drawn_lines = count;
}

static void tell(struct load_live *live, const struct load_result *result, int64_t elapsed_ns)
{
    char line[LINE_BYTES_MAX];
    char passed[REPORT_TEXT_BYTES_MAX];
    format_second(last_second(result, elapsed_ns), line);
    clock_text(elapsed_ns, passed);
    fprintf(live->options.stream, "%s  ", passed);
    write_line(live->options.stream, line, LINE_BYTES_MAX);
    fputc('\n', live->options.stream);
    fflush(live->options.stream);
}

bool load_live_is_due(const struct load_live *live, int64_t elapsed_ns)
{
    const int64_t second = elapsed_ns / NS_PER_SECOND;
    if (live->options.is_off) {
        return false;
    }
    if (live->options.is_terminal) {
        return second != live->shown_second;
    }
    return live->options.tells_all && second >= LINE_EVERY_SECONDS &&
           second / LINE_EVERY_SECONDS > live->shown_second / LINE_EVERY_SECONDS;
}

void load_live_update(struct load_live *live, const struct load_result *result, int64_t elapsed_ns)
{
    if (!load_live_is_due(live, elapsed_ns)) {
        return;
    }
    if (live->options.is_terminal) {
        draw(live, result, elapsed_ns);
    } else {
        tell(live, result, elapsed_ns);
    }
    live->shown_second = elapsed_ns / NS_PER_SECOND;
}

void load_live_hide(struct load_live *live)
{
    if (live->drawn_lines > 0) {
        move_to_first_line(live);
        fputs("\x1B[J", live->options.stream);
        fflush(live->options.stream);
        live->drawn_lines = 0;
    }
}

void load_live_destroy(struct load_live *live)
{
    if (live == NULL) {
        return;
    }
    load_live_hide(live);
    free(live);
}
