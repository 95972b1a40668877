#include "clients/cli/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PROGRESS_DRAW_EVERY_US 100000
#define PROGRESS_WIDTH_DEFAULT 80
/* A rate of the first moments says nothing about the time left. */
#define PROGRESS_ESTIMATE_AFTER_US 500000
#define PROGRESS_BAR_CELLS 20
/* On a narrow terminal, so that the time left is seen. */
#define PROGRESS_BAR_CELLS_NARROW 8
#define PROGRESS_HOURS_MAX 99

struct progress {
    struct progress_options options;
    bool is_drawn_at_all;
    bool is_shown;
    int64_t begun_us;
    int64_t drawn_us;
};

bool progress_is_drawn(FILE *stream)
{
    const char *terminal = getenv("TERM");
    return isatty(fileno(stream)) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

struct progress *progress_create(const struct progress_options *options)
{
    struct progress *progress = calloc(1, sizeof(*progress));
    if (progress == NULL) {
        abort();
    }
    progress->options = *options;
    if (options->clock == NULL) {
        progress->options.clock = ds_clock_system();
    }
    progress->is_drawn_at_all = !options->is_off && progress_is_drawn(options->stream);
    progress->begun_us = ds_clock_monotonic_us(progress->options.clock);
    progress->drawn_us = progress->begun_us;
    return progress;
}

void progress_destroy(struct progress *progress)
{
    if (progress == NULL) {
        return;
    }
    progress_hide(progress);
    free(progress);
}

/* Text that is put together piece by piece and never passes its room. */
struct line {
    char *target;
    size_t size;
};

static void append(struct line *line, const char *text)
{
    const size_t room = PROGRESS_LINE_BYTES_MAX - 1 - line->size;
    const size_t bytes = strlen(text) < room ? strlen(text) : room;
    memcpy(line->target + line->size, text, bytes);
    line->size += bytes;
    line->target[line->size] = '\0';
}

static void append_scaled(struct line *line, double value, double step, const char *const *units)
{
    char text[48];
    while (value >= step && units[1] != NULL) {
        value /= step;
        units++;
    }
    const int decimals = value < 10 && units[0][0] != '\0' ? 1 : 0;
    snprintf(text, sizeof(text), "%.*f%s", decimals, value, units[0]);
    append(line, text);
}

static void append_bytes(struct line *line, uint64_t bytes)
{
    static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", NULL};
    append_scaled(line, (double)bytes, 1024, units);
}

static void append_count(struct line *line, double count)
{
    static const char *const units[] = {"", "k", "M", "G", NULL};
    append_scaled(line, count, 1000, units);
}

static void append_bar(struct line *line, double share, size_t cell_count)
{
    char text[PROGRESS_BAR_CELLS + 16];
    const size_t full = (size_t)(share * (double)cell_count);
    char cells[PROGRESS_BAR_CELLS + 1];
    memset(cells, '.', cell_count);
    memset(cells, '#', full);
    cells[cell_count] = '\0';
    snprintf(text, sizeof(text), " [%s] %3d %%", cells, (int)(share * 100));
    append(line, text);
}

static void append_time_left(struct line *line, double seconds)
{
    char text[64];
    if (seconds >= PROGRESS_HOURS_MAX * 3600.0) {
        append(line, ", days left");
        return;
    }
    const int64_t whole = (int64_t)(seconds + 0.5);
    if (whole >= 3600) {
        snprintf(text, sizeof(text), ", %" PRId64 ":%02d:%02d left", whole / 3600,
                 (int)(whole / 60 % 60), (int)(whole % 60));
    } else {
        snprintf(text, sizeof(text), ", %d:%02d left", (int)(whole / 60), (int)(whole % 60));
    }
    append(line, text);
}

static void append_amounts(struct line *line, const struct progress_options *options,
                           const struct progress_state *state)
{
    const double seconds = (double)state->elapsed_us / 1e6;
    append(line, " ");
    if (options->unit == NULL || state->done_bytes > 0) {
        append_bytes(line, state->done_bytes);
        if (options->total_bytes > 0) {
            append(line, " of ");
            append_bytes(line, options->total_bytes);
        }
        append(line, ", ");
    }
    if (options->unit == NULL) {
        const double moved = (double)(state->done_bytes - options->begin_bytes);
        append_bytes(line, (uint64_t)(seconds > 0 ? moved / seconds : 0));
        append(line, "/s");
        return;
    }
    append_count(line, (double)state->count);
    append(line, " ");
    append(line, options->unit);
    append(line, ", ");
    append_count(line, seconds > 0 ? (double)state->count / seconds : 0);
    append(line, " ");
    append(line, options->unit);
    append(line, "/s");
}

static size_t format_with_bar(const struct progress_options *options,
                              const struct progress_state *state, size_t cell_count,
                              char target[PROGRESS_LINE_BYTES_MAX])
{
    struct line line = {.target = target};
    const double share = state->share > 1 ? 1 : state->share;
    const double moved = share - state->share_begun;
    target[0] = '\0';
    append(&line, options->label);
    if (share >= 0) {
        append_bar(&line, share, cell_count);
    }
    append_amounts(&line, options, state);
    if (share >= 0 && share < 1 && moved > 0 && state->elapsed_us >= PROGRESS_ESTIMATE_AFTER_US) {
        append_time_left(&line, (double)state->elapsed_us / 1e6 * (1 - share) / moved);
    }
    return line.size;
}

size_t progress_format(const struct progress_options *options, const struct progress_state *state,
                       size_t width, char target[PROGRESS_LINE_BYTES_MAX])
{
    size_t size = format_with_bar(options, state, PROGRESS_BAR_CELLS, target);
    if (size > width) {
        size = format_with_bar(options, state, PROGRESS_BAR_CELLS_NARROW, target);
    }
    if (size > width) {
        size = width;
        target[width] = '\0';
    }
    return size;
}

static size_t terminal_width(FILE *stream)
{
    struct winsize size = {0};
    const bool is_known = ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    /* The last column stays free: some terminals wrap when it is written. */
    return is_known ? size.ws_col - 1U : PROGRESS_WIDTH_DEFAULT - 1U;
}

static void draw(struct progress *progress, struct progress_state *state)
{
    if (!progress->is_drawn_at_all) {
        return;
    }
    const int64_t now_us = ds_clock_monotonic_us(progress->options.clock);
    if (now_us - progress->drawn_us < PROGRESS_DRAW_EVERY_US) {
        return;
    }
    char line[PROGRESS_LINE_BYTES_MAX];
    state->elapsed_us = now_us - progress->begun_us;
    progress_format(&progress->options, state, terminal_width(progress->options.stream), line);
    fprintf(progress->options.stream, "\r%s\x1B[K", line);
    fflush(progress->options.stream);
    progress->drawn_us = now_us;
    progress->is_shown = true;
}

void progress_update(struct progress *progress, uint64_t done_bytes, uint64_t count)
{
    const double total = (double)progress->options.total_bytes;
    const double begun = (double)progress->options.begin_bytes;
    struct progress_state state = {.done_bytes = done_bytes,
                                   .count = count,
                                   .share = total > 0 ? (double)done_bytes / total : -1,
                                   .share_begun = total > 0 ? begun / total : 0};
    draw(progress, &state);
}

void progress_update_share(struct progress *progress, double share, uint64_t done_bytes,
                           uint64_t count)
{
    struct progress_state state = {.done_bytes = done_bytes, .count = count, .share = share};
    draw(progress, &state);
}

void progress_hide(struct progress *progress)
{
    if (progress->is_shown) {
        fputs("\r\x1B[K", progress->options.stream);
        fflush(progress->options.stream);
        progress->is_shown = false;
    }
}
