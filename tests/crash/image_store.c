#include "image_store.h"

#include "row_value.h"

#include <stdio.h>
#include <stdlib.h>

#define SERIES_MAX 256
#define MAP_BYTES (1 << 28)
#define LATER_FILL 'L'
#define LATER_BYTES 200

struct digest {
    uint64_t hash;
    struct series_name {
        char name[MARKET_SERIES_BYTES_MAX + 1];
        char group[MARKET_SERIES_BYTES_MAX + 1];
    } series[SERIES_MAX];
    size_t series_count;
};

ds_code image_store_open(const char *folder, struct market_store **ret_store, char *ret_reason,
                         size_t reason_bytes_max)
{
    const struct market_store_options options = {.map_bytes = MAP_BYTES, .free_bytes_min = 1};
    return market_lmdb_open(folder, &options, ret_store, ret_reason, reason_bytes_max);
}

static void digest_add(uint64_t *hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    /* FNV-1a, with the size in front so that neighbours do not run into each other. */
    *hash = (*hash ^ size) * UINT64_C(1099511628211);
    for (size_t i = 0; i < size; i++) {
        *hash = (*hash ^ bytes[i]) * UINT64_C(1099511628211);
    }
}

static void take_series(void *context, struct ds_bytes series, struct ds_bytes group)
{
    struct digest *digest = context;
    if (ds_bytes_equal_text(series, IMAGE_LATER_SERIES) || digest->series_count == SERIES_MAX) {
        return;
    }
    struct series_name *place = &digest->series[digest->series_count++];
    snprintf(place->name, sizeof(place->name), "%.*s", (int)series.size, (const char *)series.data);
    snprintf(place->group, sizeof(place->group), "%.*s", (int)group.size, (const char *)group.data);
}

static void take_row(void *context, const struct market_row *row)
{
    struct digest *digest = context;
    digest_add(&digest->hash, row->series.data, row->series.size);
    digest_add(&digest->hash, &row->timestamp_us, sizeof(row->timestamp_us));
    digest_add(&digest->hash, row->tie.data, row->tie.size);
    digest_add(&digest->hash, row->value.data, row->value.size);
}

static ds_code digest_scan(struct digest *digest, struct market_store *store, enum market_kind kind,
                           const char *series, bool by_group)
{
    const struct market_scan scan = {.kind = kind,
                                     .by_group = by_group,
                                     .series = ds_bytes_of_text(series),
                                     .start_us = INT64_MIN,
                                     .end_us = INT64_MAX,
                                     .ascending = true,
                                     .row_max = SIZE_MAX,
                                     .bytes_max = SIZE_MAX};
    bool more;
    return store->ops->scan(store, &scan, take_row, digest, &more);
}

static ds_code digest_kind(struct digest *digest, struct market_store *store, enum market_kind kind)
{
    const struct market_series_query query = {.kind = kind, .series_max = SERIES_MAX};
    bool more;
    digest->series_count = 0;
    DS_TRY(store->ops->list_series(store, &query, take_series, digest, &more));
    for (size_t i = 0; i < digest->series_count; i++) {
        const struct series_name *series = &digest->series[i];
        digest_add(&digest->hash, series->name, strlen(series->name));
        digest_add(&digest->hash, series->group, strlen(series->group));
        DS_TRY(digest_scan(digest, store, kind, series->name, false));
        if (kind == MARKET_CHAINS) {
            DS_TRY(digest_scan(digest, store, kind, series->group, true));
        }
    }
    return DS_OK;
}

ds_code image_store_digest(struct market_store *store, uint64_t *ret_digest)
{
    struct digest *digest = calloc(1, sizeof(*digest));
    if (digest == NULL) {
        abort();
    }
    digest->hash = UINT64_C(14695981039346656037);
    ds_code code = DS_OK;
    for (int kind = MARKET_KIND_FIRST; code == DS_OK && kind <= MARKET_KIND_MAX; kind++) {
        code = digest_kind(digest, store, (enum market_kind)kind);
    }
    if (code == DS_OK) {
        *ret_digest = digest->hash;
    }
    free(digest);
    return code;
}

static struct ds_bytes later_value(void)
{
    static uint8_t value[LATER_BYTES];
    return row_value_write(value, sizeof(value), LATER_FILL);
}

ds_code image_later_row_put(struct market_store *store)
{
    const struct market_row row = {.series = ds_bytes_of_text(IMAGE_LATER_SERIES),
                                   .value = later_value()};
    enum market_outcome outcome;
    struct market_batch batch = {
        .kind = MARKET_TICKS, .rows = &row, .row_count = 1, .outcomes = &outcome};
    const ds_code code = market_put_wait(store, &batch);
    return code == DS_OK && outcome != MARKET_ACCEPTED ? DS_ALREADY_EXISTS : code;
}

static void see_later_row(void *context, const struct market_row *row)
{
    bool *is_there = context;
    *is_there = row->timestamp_us == 0 && ds_bytes_equal(row->value, later_value());
}

bool image_later_row_is_there(struct market_store *store)
{
    const struct market_scan scan = {.kind = MARKET_TICKS,
                                     .series = ds_bytes_of_text(IMAGE_LATER_SERIES),
                                     .start_us = INT64_MIN,
                                     .end_us = INT64_MAX,
                                     .row_max = SIZE_MAX,
                                     .bytes_max = SIZE_MAX};
    bool is_there = false;
    bool more;
    return store->ops->scan(store, &scan, see_later_row, &is_there, &more) == DS_OK && is_there;
}
