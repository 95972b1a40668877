#include "clients/cli/tail_source.h"

#include "clients/cli/hash_set.h"
#include "clients/cli/resume.h"
#include "ds/time.h"

#include <stdlib.h>

struct tail_source {
    struct tail_source_options options;
    struct hash_set seen; /* the rows of the window that have been given or passed over */
    struct hash_set next; /* the same of the poll under way */
    int64_t newest_us;    /* INT64_MIN: there was no row yet */
    int64_t poll_newest_us;
    bool is_begun;
    bool is_passing_over;         /* what is there at the start is not given */
    struct ds_buffer newest_rows; /* of the first poll: lengths and rows, newest first */
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
    hash_set_init(&source->seen, TAIL_ROWS_MAX);
    hash_set_init(&source->next, TAIL_ROWS_MAX);
    ds_buffer_init(&source->newest_rows, 64 * 1024 * 1024);
    return source;
}

void tail_source_destroy(struct tail_source *source)
{
    if (source == NULL) {
        return;
    }
    hash_set_deinit(&source->seen);
    hash_set_deinit(&source->next);
    ds_buffer_deinit(&source->newest_rows);
    free(source);
}

static uint64_t hash_of(struct ds_bytes row)
{
    return resume_hash(RESUME_HASH_BEGIN, row);
}

static void write_time(int64_t time_us, char target[DS_TIME_TEXT_MAX + 1])
{
    const int64_t shifted = time_us < 0 ? 0 : time_us;
    const size_t bytes = ds_time_format(shifted / DS_MICROSECONDS,
                                        (int32_t)(shifted % DS_MICROSECONDS * 1000), target);
    target[bytes] = '\0';
}

/* A row of the window: noted, and given where it is new. */
static ds_code take_row(void *context, struct ds_bytes row)
{
    struct tail_source *source = context;
    const uint64_t hash = hash_of(row);
    int64_t time_us = 0;
    if (row_kind_time(source->options.kind, row, &time_us) && time_us > source->poll_newest_us) {
        source->poll_newest_us = time_us;
    }
    if (!hash_set_add(&source->next, hash)) {
        return DS_OUT_OF_RANGE;
    }
    if (source->is_passing_over || hash_set_has(&source->seen, hash)) {
        return DS_OK;
    }
    DS_TRY(source->options.take(source->options.context, row));
    /* Given: a failure behind it must not give it again. */
    return hash_set_add(&source->seen, hash) ? DS_OK : DS_OUT_OF_RANGE;
}

/* Reads everything from the window's begin to its end, which may be open. */
static ds_code read_window(struct tail_source *source, const char *end)
{
    char start[DS_TIME_TEXT_MAX + 1] = "";
    if (source->newest_us != INT64_MIN) {
        write_time(source->newest_us - source->options.late_us, start);
    }
    struct row_page_request request = {.kind = source->options.kind,
                                       .key = source->options.key,
                                       .start = start,
                                       .end = end,
                                       .limit = row_kind_info(source->options.kind)->list_rows_max,
                                       .page_token = source->page_token};
    source->page_token[0] = '\0';
    source->poll_newest_us = source->newest_us;
    hash_set_clear(&source->next);
    do {
        DS_TRY(row_page_get(source->options.connection, &request, true, take_row, source,
                            source->page_token));
    } while (source->page_token[0] != '\0');
    return DS_OK;
}

/* What was read now is what the next poll compares with: its window begins no earlier. */
static void turn_over(struct tail_source *source)
{
    const struct hash_set seen = source->seen;
    source->seen = source->next;
    source->next = seen;
    source->newest_us = source->poll_newest_us;
}

static ds_code keep_row(void *context, struct ds_bytes row)
{
    struct tail_source *source = context;
    const uint64_t size = row.size;
    int64_t time_us = 0;
    if (row_kind_time(source->options.kind, row, &time_us) && time_us > source->poll_newest_us) {
        source->poll_newest_us = time_us;
    }
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
        if (!hash_set_add(&source->seen, hash_of(row))) {
            return DS_OUT_OF_RANGE;
        }
        DS_TRY(source->options.take(source->options.context, row));
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
    source->poll_newest_us = INT64_MIN;
    DS_TRY(read_newest(source, 1));
    source->newest_us = source->poll_newest_us;
    if (source->newest_us == INT64_MIN) {
        source->is_begun = true;
        return DS_OK;
    }
    write_time(source->newest_us, end);
    source->is_passing_over = true;
    const ds_code code = read_window(source, end);
    source->is_passing_over = false;
    DS_TRY(code);
    turn_over(source);
    if (source->options.first_count > 0) {
        DS_TRY(read_newest(source, source->options.first_count));
    } else {
        ds_buffer_clear(&source->newest_rows);
    }
    source->is_begun = true;
    return give_newest(source);
}

ds_code tail_source_poll(struct tail_source *source)
{
    if (!source->is_begun) {
        return begin(source);
    }
    DS_TRY(read_window(source, NULL));
    turn_over(source);
    return DS_OK;
}
