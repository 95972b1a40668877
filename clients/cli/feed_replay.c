#include "clients/cli/feed_replay.h"

#include "clients/cli/row_reader.h"
#include "clients/cli/row_shift.h"
#include "ds/clock.h"

#include <inttypes.h>
#include <stdlib.h>

#define PLACE_BYTES 48

/* A file and the row that comes next in it. */
struct source {
    const char *path;
    struct row_reader *reader;
    struct row row;
    int64_t time_us;
    bool has_row;
};

struct replay {
    struct feed_run *run;
    uint32_t kinds;
    bool shifts_to_now;
    bool has_begun;
    int64_t shift_us;
    int64_t last_us; /* time of the row before */
    struct ds_buffer shifted;
    size_t source_count;
    struct source sources[DS_CONFIG_LIST_MAX];
};

static void tell_fault(const struct replay *replay, const struct source *source,
                       struct row_place place, const char *field, const char *reason)
{
    char text[PLACE_BYTES];
    snprintf(text, sizeof(text), "%s %" PRIu64, place.line > 0 ? "line" : "byte",
             place.line > 0 ? place.line : place.offset);
    feed_run_tell_damaged(replay->run, source->path, text, field, reason);
}

/* Whether the row that was read is one to send. */
static bool take_row(struct replay *replay, struct source *source)
{
    const enum row_kind kind = row_reader_kind(source->reader);
    if ((replay->kinds & 1U << kind) == 0) {
        return false;
    }
    if (!row_kind_time(kind, source->row.wire, &source->time_us)) {
        tell_fault(replay, source, source->row.place, "timestamp", "a recorded row needs one");
        return false;
    }
    return true;
}

/* Reads on until a row or the end. DS_DATA_LOSS, told, where the file can't be read on. */
static ds_code advance(struct replay *replay, struct source *source)
{
    struct row_fault fault;
    source->has_row = false;
    for (;;) {
        switch (row_reader_next(source->reader, &source->row, &fault)) {
        case ROW_READ:
            if (take_row(replay, source)) {
                source->has_row = true;
                return DS_OK;
            }
            break;
        case ROW_DAMAGED:
            tell_fault(replay, source, fault.place, fault.field, fault.reason);
            break;
        case ROW_END:
            return DS_OK;
        case ROW_FAILED:
            tell_fault(replay, source, fault.place, fault.field, fault.reason);
            return DS_DATA_LOSS;
        }
    }
}

static ds_code open_sources(struct replay *replay, const struct ds_text_list *paths)
{
    char reason[ROW_READER_REASON_BYTES_MAX];
    for (size_t i = 0; i < paths->count; i++) {
        struct source *source = &replay->sources[i];
        source->path = paths->items[i];
        const struct row_reader_options options = {.path = source->path};
        const ds_code code = row_reader_open(&options, &source->reader, reason);
        if (code != DS_OK) {
            fprintf(stderr, "deltastream: --replay %s: %s\n", source->path, reason);
            return code;
        }
        replay->source_count++;
        DS_TRY(advance(replay, source));
    }
    return DS_OK;
}

/* Of files that have rows of the same time the first one named; NULL at the end of all. */
static struct source *find_oldest(struct replay *replay)
{
    struct source *oldest = NULL;
    for (size_t i = 0; i < replay->source_count; i++) {
        struct source *source = &replay->sources[i];
        if (source->has_row && (oldest == NULL || source->time_us < oldest->time_us)) {
            oldest = source;
        }
    }
    return oldest;
}

static void begin_at(struct replay *replay, int64_t first_us)
{
    replay->has_begun = true;
    replay->last_us = first_us - 1;
    if (replay->shifts_to_now) {
        replay->shift_us = ds_clock_wall_us(ds_clock_system()) / 1000 * 1000 - first_us;
    }
    feed_run_set_first(replay->run, first_us);
}

static ds_code send_row(struct replay *replay, const struct source *source)
{
    const enum row_kind kind = row_reader_kind(source->reader);
    struct ds_bytes wire = source->row.wire;
    if (replay->shift_us != 0) {
        ds_buffer_clear(&replay->shifted);
        if (row_shift(kind, wire, replay->shift_us, &replay->shifted) != DS_OK) {
            tell_fault(replay, source, source->row.place, "timestamp", "can't be moved so far");
            return DS_OK;
        }
        wire = ds_buffer_bytes(&replay->shifted);
    }
    return sender_add(replay->run->sender, kind, wire);
}

static ds_code send_all(struct replay *replay)
{
    struct source *source = find_oldest(replay);
    while (source != NULL) {
        if (!replay->has_begun) {
            begin_at(replay, source->time_us);
        }
        DS_TRY(feed_run_wait(replay->run, source->time_us));
        DS_TRY(send_row(replay, source));
        replay->run->moments += source->time_us > replay->last_us ? 1 : 0;
        replay->last_us = source->time_us > replay->last_us ? source->time_us : replay->last_us;
        DS_TRY(advance(replay, source));
        source = find_oldest(replay);
    }
    return DS_OK;
}

ds_code feed_replay(struct feed_run *run, const struct feed_settings *settings, uint32_t kinds)
{
    struct replay *replay = calloc(1, sizeof(*replay));
    if (replay == NULL) {
        abort();
    }
    replay->run = run;
    replay->kinds = kinds;
    replay->shifts_to_now = settings->shift != 0;
    ds_buffer_init(&replay->shifted, SENDER_ROW_BYTES_MAX);
    ds_code code = open_sources(replay, &settings->replay);
    if (code == DS_OK) {
        code = send_all(replay);
    }
    for (size_t i = 0; i < replay->source_count; i++) {
        row_reader_close(replay->sources[i].reader);
    }
    ds_buffer_deinit(&replay->shifted);
    free(replay);
    return code;
}
