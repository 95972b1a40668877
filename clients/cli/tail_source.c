#include "clients/cli/tail_source.h"

#include "clients/cli/resume.h"
#include "clients/cli/tail_window.h"
#include "ds/time.h"
#include "ds/wire.h"

#include <assert.h>
#include <stdlib.h>

#define TICK_ID_FIELD 4
#define NEWEST_ROWS_BYTES_MAX (64 * 1024 * 1024)

struct tail_source {
    struct tail_source_options options;
    struct tail_window window; /* the rows that have been given or passed over */
    int64_t newest_us;         /* INT64_MIN: there was no row yet */
    int64_t read_newest_us;    /* the same, with the page that is being read */
    bool is_begun;
    bool is_passing_over;         /* what is there at the start is not given */
    struct ds_buffer newest_rows; /* of the first read: lengths and rows, newest first */
    char page_token[ROW_PAGE_TOKEN_BYTES_MAX];
};

struct tail_source *tail_source_create(const struct tail_source_options *options)
{
    struct tail_source *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        abort();
    }
    source->options = *options;
    source->newest_us = INT64_MIN;
    tail_window_init(&source->window, TAIL_ROWS_MAX);
    ds_buffer_init(&source->newest_rows, NEWEST_ROWS_BYTES_MAX);
    return source;
}

void tail_source_destroy(struct tail_source *source)
{
    if (source == NULL) {
        return;
    }
    tail_window_deinit(&source->window);
    ds_buffer_deinit(&source->newest_rows);
    free(source);
}

static bool read_tick_id(struct ds_bytes row, uint64_t *ret_id)
{
    struct ds_wire_reader reader = ds_wire_reader_of(row);
    while (!ds_wire_at_end(&reader)) {
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return false;
        }
        if (number == TICK_ID_FIELD && type == DS_WIRE_VARINT) {
            return ds_wire_read_varint(&reader, ret_id);
        }
        if (!ds_wire_skip(&reader, type)) {
            return false;
        }
    }
    return false;
}

/*
 * What the store tells rows of one series apart by: the time, and of ticks the tick_id too. Ticks
 * without one differ by their content.
 */
static struct tail_window_row describe(const struct tail_source *source, struct ds_bytes row)
{
    struct tail_window_row described = {.content = resume_hash(RESUME_HASH_BEGIN, row)};
    uint64_t id = 0;
    (void)row_kind_time(source->options.kind, row, &described.time_us);
    if (source->options.kind == ROW_KIND_TICKS && !read_tick_id(row, &id)) {
        described.key = described.content;
        return described;
    }
    described.key =
        resume_hash(RESUME_HASH_BEGIN, ds_bytes_of(&described.time_us, sizeof(described.time_us)));
    described.key = resume_hash(described.key, ds_bytes_of(&id, sizeof(id)));
    return described;
}

static void write_time(int64_t time_us, char target[DS_TIME_TEXT_MAX + 1])
{
    const int64_t shifted = time_us < 0 ? 0 : time_us;
    const size_t bytes = ds_time_format(shifted / DS_MICROSECONDS,
                                        (int32_t)(shifted % DS_MICROSECONDS * 1000), target);
    target[bytes] = '\0';
}

/* INT64_MIN before the first row. */
static int64_t window_begin(const struct tail_source *source)
{
    return source->newest_us == INT64_MIN ? INT64_MIN : source->newest_us - source->options.late_us;
}

static ds_code note(struct tail_source *source, const struct tail_window_row *row)
{
    return tail_window_note(&source->window, row, window_begin(source)) ? DS_OK : DS_OUT_OF_RANGE;
}

/* Noted only once it is given: a failure behind it must not give it again. */
static ds_code give(struct tail_source *source, const struct tail_window_row *described,
                    struct ds_bytes row)
{
    DS_TRY(source->options.take(source->options.context, row));
    return note(source, described);
}

static void note_read_time(struct tail_source *source, int64_t time_us)
{
    if (time_us > source->read_newest_us) {
        source->read_newest_us = time_us;
    }
}

static ds_code take_row(void *context, struct ds_bytes row)
{
    struct tail_source *source = context;
    const struct tail_window_row described = describe(source, row);
    note_read_time(source, described.time_us);
    if (source->is_passing_over) {
        return note(source, &described);
    }
    return tail_window_knows(&source->window, described.key, described.content)
               ? DS_OK
               : give(source, &described, row);
}

/*
 * Reads everything from the window's begin to its end, which may be open. Pages are in the order of
 * time, so that behind each one the window begins later: however much there is to be read, the rows
 * to be remembered are those within the lateness, and of one page.
 */
static ds_code read_window(struct tail_source *source, const char *end)
{
    char start[DS_TIME_TEXT_MAX + 1] = "";
    if (source->newest_us != INT64_MIN) {
        write_time(window_begin(source), start);
    }
    struct row_page_request request = {.kind = source->options.kind,
                                       .key = source->options.key,
                                       .start = start,
                                       .end = end,
                                       .limit = row_kind_info(source->options.kind)->list_rows_max,
                                       .page_token = source->page_token};
    source->page_token[0] = '\0';
    source->read_newest_us = source->newest_us;
    do {
        DS_TRY(row_page_get(source->options.connection, &request, true, take_row, source,
                            source->page_token));
        source->newest_us = source->read_newest_us;
    } while (source->page_token[0] != '\0');
    return DS_OK;
}

static ds_code keep_row(void *context, struct ds_bytes row)
{
    struct tail_source *source = context;
    const uint64_t size = row.size;
    note_read_time(source, describe(source, row).time_us);
    ds_buffer_append(&source->newest_rows, row.data, row.size);
    ds_buffer_append(&source->newest_rows, &size, sizeof(size));
    return source->newest_rows.overflow ? DS_RESOURCE_EXHAUSTED : DS_OK;
}

static ds_code read_newest(struct tail_source *source, int64_t count)
{
    char token[ROW_PAGE_TOKEN_BYTES_MAX];
    const struct row_page_request request = {.kind = source->options.kind,
                                             .key = source->options.key,
                                             .limit = count,
                                             .is_descending = true};
    ds_buffer_clear(&source->newest_rows);
    return row_page_get(source->options.connection, &request, true, keep_row, source, token);
}

/* The rows were kept newest first, each in front of its length: from the end on they are in order.
 */
static ds_code give_newest(struct tail_source *source)
{
    size_t end = source->newest_rows.size;
    while (end > 0) {
        uint64_t size = 0;
        end -= sizeof(size);
        memcpy(&size, source->newest_rows.data + end, sizeof(size));
        end -= (size_t)size;
        const struct ds_bytes row = ds_bytes_of(source->newest_rows.data + end, (size_t)size);
        const struct tail_window_row described = describe(source, row);
        DS_TRY(give(source, &described, row));
    }
    return DS_OK;
}

/*
 * Three steps, so that a row which comes meanwhile is neither lost nor given twice: where the
 * newest row is; everything around it is passed over; the rows wanted first are given and noted.
 */
static ds_code begin(struct tail_source *source)
{
    char end[DS_TIME_TEXT_MAX + 1];
    source->read_newest_us = INT64_MIN;
    DS_TRY(read_newest(source, 1));
    source->newest_us = source->read_newest_us;
    if (source->newest_us == INT64_MIN) {
        source->is_begun = true;
        return DS_OK;
    }
    write_time(source->newest_us, end);
    source->is_passing_over = true;
    const ds_code code = read_window(source, end);
    source->is_passing_over = false;
    DS_TRY(code);
    if (source->options.first_count > 0) {
        DS_TRY(read_newest(source, source->options.first_count));
    } else {
        ds_buffer_clear(&source->newest_rows);
    }
    source->is_begun = true;
    return give_newest(source);
}

ds_code tail_source_read(struct tail_source *source)
{
    return source->is_begun ? read_window(source, NULL) : begin(source);
}

/*
 * An event is dropped only where its row is what was given last under its key, or is too late, so
 * nothing is lost; and since the store tells no event of a row that it has already, nothing else
 * can be a repetition but what a read gave, whose content then is the key's last. Only a row that
 * was replaced between two reads may go back and forth: its older content can come behind what the
 * read gave, and is then followed by that again.
 */
ds_code tail_source_take_event(struct tail_source *source, struct ds_bytes row)
{
    const struct tail_window_row described = describe(source, row);
    assert(source->is_begun);
    if (described.time_us < window_begin(source) ||
        tail_window_knows(&source->window, described.key, described.content)) {
        return DS_OK;
    }
    DS_TRY(give(source, &described, row));
    if (described.time_us > source->newest_us) {
        source->newest_us = described.time_us;
    }
    return DS_OK;
}
