#include "ds/buffer.h"
#include "model.h"
#include "support/test.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const series_names[MARKET_KIND_MAX + 1][MODEL_SERIES_COUNT] = {
    [MARKET_TICKS] = {"A", "AA", "B", "NIFTY", "\xc3\xa9"},
    [MARKET_QUOTES] = {"Q", "QQ", "NIFTYC1", "NIFTYP1", "Z"},
    [MARKET_CHAINS] = {"G/1", "G/22", "GG/1", "GG/0123456789abcdef", "H/1"},
};

/* Names that begin like others, because keys are cut out of keys. */
static const char *const group_names[MODEL_GROUP_COUNT] = {"G", "GG", "H"};
static const uint8_t chain_groups[MODEL_SERIES_COUNT] = {0, 0, 1, 1, 2};
static const char *const ties[MODEL_TIE_COUNT] = {"", "a", "ab", "b"};

/* The field that is assigned is number 101; what the others hold tells `main_of`. */
#define ASSIGNED_FIELD 101
static const struct {
    const char *bytes;
    int main_of;
} values[MODEL_VALUE_COUNT] = {
    {"", 0},
    {"\xa0\x06\x01", 1},
    {"\xa0\x06\x01\xaa\x06\x01x", 1},
    {"\xa0\x06\x02\xaa\x06\x01x", 2},
    {"\xa0\x06\x02\xaa\x06\x01y", 2},
};

const char *model_series_name(enum market_kind kind, size_t series)
{
    return series_names[kind][series];
}

const char *model_group_name(enum market_kind kind, size_t group)
{
    return kind == MARKET_TICKS ? "" : group_names[group];
}

uint8_t model_chain_group(size_t series)
{
    return chain_groups[series];
}

struct ds_bytes model_value(size_t value)
{
    return ds_bytes_of_text(values[value].bytes);
}

struct market_row model_market_row(enum market_kind kind, const struct model_row *row)
{
    return (struct market_row){
        .series = ds_bytes_of_text(model_series_name(kind, row->series)),
        .group = ds_bytes_of_text(model_group_name(kind, row->group)),
        .timestamp_us = row->timestamp_us,
        .tie = position_of(0, ties[row->tie]).tie,
        .value = model_value(row->value),
        .assigned_field = row->has_assigned ? ASSIGNED_FIELD : 0,
    };
}

static bool is_of(const struct model_stored *stored, enum market_kind kind, size_t series)
{
    return stored->kind == kind && stored->row.series == series;
}

static bool is_same_content(const struct model_row *stored, const struct model_row *row)
{
    return stored->value == row->value ||
           (row->has_assigned && values[stored->value].main_of == values[row->value].main_of);
}

char model_put(struct model *model, enum market_kind kind, enum market_conflict conflict,
               const struct model_row *row)
{
    struct model_stored *same = NULL;
    bool is_late = false;
    uint8_t group = row->group;
    for (size_t i = 0; i < model->row_count; i++) {
        struct model_stored *stored = &model->rows[i];
        if (is_of(stored, kind, row->series)) {
            is_late |= row->timestamp_us < stored->row.timestamp_us;
            group = stored->row.group;
            if (stored->row.timestamp_us == row->timestamp_us && stored->row.tie == row->tie) {
                same = stored;
            }
        }
    }
    const char accepted = is_late && model->mistake != MODEL_KNOWS_NO_LATE_ROWS ? 'L' : 'A';
    if (same == NULL) {
        assert_true(model->row_count < MODEL_ROWS_MAX);
        model->rows[model->row_count] = (struct model_stored){kind, *row};
        model->rows[model->row_count++].row.group = group;
        return accepted;
    }
    if (is_same_content(&same->row, row) || conflict == MARKET_CONFLICT_FIRST) {
        return 'D';
    }
    if (conflict == MARKET_CONFLICT_ERROR) {
        return 'C';
    }
    same->row.value = row->value;
    return accepted;
}

/* The order of rows within a series or a group. */
static int position_compare(const struct market_position *a, const struct market_position *b)
{
    if (a->timestamp_us != b->timestamp_us) {
        return a->timestamp_us < b->timestamp_us ? -1 : 1;
    }
    return ds_bytes_compare(ds_bytes_of(a->tie.data, a->tie.size),
                            ds_bytes_of(b->tie.data, b->tie.size));
}

/* A row that a scan may take. */
struct found {
    struct market_row row;
    struct market_position position;
};

static int found_compare(const void *a, const void *b)
{
    return position_compare(&((const struct found *)a)->position,
                            &((const struct found *)b)->position);
}

static bool is_scanned(const struct model_stored *stored, const struct market_scan *scan)
{
    const char *name = scan->by_group ? group_names[stored->row.group]
                                      : model_series_name(stored->kind, stored->row.series);
    return stored->kind == scan->kind && ds_bytes_equal_text(scan->series, name) &&
           stored->row.timestamp_us >= scan->start_us && stored->row.timestamp_us <= scan->end_us;
}

/* All rows of the scan's range, the oldest first. Free them. */
static struct found *find_rows(const struct model *model, const struct market_scan *scan,
                               size_t *ret_count)
{
    struct found *found = calloc(model->row_count + 1, sizeof(*found));
    assert_non_null(found);
    size_t count = 0;
    for (size_t i = 0; i < model->row_count; i++) {
        const struct model_stored *stored = &model->rows[i];
        if (!is_scanned(stored, scan)) {
            continue;
        }
        struct market_row row = model_market_row(stored->kind, &stored->row);
        if (scan->by_group) {
            const char *member = strchr(model_series_name(stored->kind, stored->row.series), '/');
            row.tie = position_of(0, member + 1).tie;
        }
        found[count].row = row;
        found[count++].position =
            (struct market_position){.timestamp_us = row.timestamp_us, .tie = row.tie};
    }
    qsort(found, count, sizeof(*found), found_compare);
    *ret_count = count;
    return found;
}

static bool is_behind_after(const struct found *found, const struct market_scan *scan)
{
    if (!scan->has_after) {
        return true;
    }
    const int order = position_compare(&found->position, &scan->after);
    return scan->ascending ? order > 0 : order < 0;
}

void model_scan(const struct model *model, const struct market_scan *scan, struct ds_buffer *text,
                bool *ret_has_last, struct market_position *ret_last)
{
    size_t count;
    struct found *found = find_rows(model, scan, &count);
    size_t taken = 0;
    size_t bytes = 0;
    bool more = false;
    for (size_t i = 0; i < count && !more; i++) {
        const struct found *row = &found[scan->ascending ? i : count - 1 - i];
        if (!is_behind_after(row, scan)) {
            continue;
        }
        more =
            taken == scan->row_max || (taken > 0 && bytes + row->row.value.size > scan->bytes_max);
        if (!more) {
            model_text_row(text, &row->row);
            bytes += row->row.value.size;
            taken++;
            *ret_has_last = true;
            *ret_last = row->position;
        }
    }
    ds_buffer_append_text(text, more ? "more" : "end");
    free(found);
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The group of the series; NULL where it has no rows. */
static const char *group_of(const struct model *model, enum market_kind kind, size_t series)
{
    for (size_t i = 0; i < model->row_count; i++) {
        if (is_of(&model->rows[i], kind, series)) {
            return model_group_name(kind, model->rows[i].row.group);
        }
    }
    return NULL;
}

void model_list(const struct model *model, const struct market_series_query *query,
                struct ds_buffer *text)
{
    const char *names[MODEL_SERIES_COUNT];
    size_t count = 0;
    for (size_t series = 0; series < MODEL_SERIES_COUNT; series++) {
        const char *name = model_series_name(query->kind, series);
        const char *group = group_of(model, query->kind, series);
        if (group != NULL && (query->group.size == 0 || ds_bytes_equal_text(query->group, group)) &&
            ds_bytes_compare(ds_bytes_of_text(name), query->after) > 0) {
            names[count++] = name;
        }
    }
    qsort(names, count, sizeof(names[0]), name_compare);
    for (size_t i = 0; i < count && i < query->series_max; i++) {
        for (size_t series = 0; series < MODEL_SERIES_COUNT; series++) {
            if (strcmp(names[i], model_series_name(query->kind, series)) == 0) {
                model_text_series(text, ds_bytes_of_text(names[i]),
                                  ds_bytes_of_text(group_of(model, query->kind, series)));
            }
        }
    }
    ds_buffer_append_text(text, count > query->series_max ? "more" : "end");
}

/* The oldest row of the range; row_count where there is none. */
static size_t oldest_of(const struct model *model, enum market_kind kind, size_t series,
                        int64_t start_us, int64_t end_us)
{
    size_t oldest = model->row_count;
    for (size_t i = 0; i < model->row_count; i++) {
        const struct model_row *row = &model->rows[i].row;
        const bool is_inside = model->mistake == MODEL_DELETES_WITHOUT_END
                                   ? row->timestamp_us < end_us
                                   : row->timestamp_us <= end_us;
        if (!is_of(&model->rows[i], kind, series) || row->timestamp_us < start_us || !is_inside) {
            continue;
        }
        const struct model_row *best = oldest < model->row_count ? &model->rows[oldest].row : NULL;
        if (best == NULL || row->timestamp_us < best->timestamp_us ||
            (row->timestamp_us == best->timestamp_us &&
             strcmp(ties[row->tie], ties[best->tie]) < 0)) {
            oldest = i;
        }
    }
    return oldest;
}

void model_delete(struct model *model, enum market_kind kind, size_t series, int64_t start_us,
                  int64_t end_us, size_t row_max, struct ds_buffer *text)
{
    size_t deleted = 0;
    size_t oldest = oldest_of(model, kind, series, start_us, end_us);
    while (oldest < model->row_count && deleted < row_max) {
        model->rows[oldest] = model->rows[--model->row_count];
        deleted++;
        oldest = oldest_of(model, kind, series, start_us, end_us);
    }
    ds_buffer_printf(text, "%zu %s", deleted, oldest < model->row_count ? "more" : "end");
}

void model_counts(const struct model *model, enum market_kind kind, uint64_t *ret_rows,
                  uint64_t *ret_series)
{
    *ret_rows = 0;
    *ret_series = 0;
    for (size_t i = 0; i < model->row_count; i++) {
        *ret_rows += model->rows[i].kind == kind;
    }
    for (size_t series = 0; series < MODEL_SERIES_COUNT; series++) {
        *ret_series += group_of(model, kind, series) != NULL;
    }
}

void model_text_row(struct ds_buffer *text, const struct market_row *row)
{
    ds_buffer_printf(text, "%.*s@%" PRId64 ":%.*s=", (int)row->series.size,
                     (const char *)row->series.data, row->timestamp_us, (int)row->tie.size,
                     (const char *)row->tie.data);
    for (size_t i = 0; i < row->value.size; i++) {
        ds_buffer_printf(text, "%02x", row->value.data[i]);
    }
    ds_buffer_append_text(text, " ");
}

void model_text_series(struct ds_buffer *text, struct ds_bytes series, struct ds_bytes group)
{
    ds_buffer_append(text, series.data, series.size);
    ds_buffer_append_text(text, "(");
    ds_buffer_append(text, group.data, group.size);
    ds_buffer_append_text(text, ") ");
}
