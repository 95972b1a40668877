/* GetPcr: what the stored chains say of their ratios of puts to calls. */
#include "storage/core/chain.h"
#include "storage/core/chain_summary.h"
#include "storage/core/moment.h"
#include "storage/rpc/list_request.h"
#include "storage/rpc/row_walk.h"
#include "storage/rpc/series_walk.h"

#define HISTORY_MAX 100
/* An expiry whose newest chain is older than the product's newest by more than this is over. */
#define LATEST_AGE_MAX_US INT64_C(300000000)

/* A message with what it points to. */
struct pcr_row {
    Storage__Pcr pcr;
    Google__Protobuf__Timestamp timestamp;
    int64_t timestamp_us;
    struct pcr_row *next;
};

struct pcr_list {
    struct ds_arena *arena;
    const char *product;
    struct pcr_row *first;
    struct pcr_row **end; /* where the next one is linked in; NULL: at the beginning */
    size_t count;
    ds_code code; /* why it ended early */
};

static struct pcr_row *row_create(struct pcr_list *list, const struct market_row *row,
                                  const struct chain_summary *summary)
{
    struct pcr_row *made = ds_arena_alloc(list->arena, sizeof *made);
    char *expiry =
        ds_arena_copy_text(list->arena, (const char *)summary->expiry.data, summary->expiry.size);
    if (made == NULL || expiry == NULL) {
        return NULL;
    }
    *made = (struct pcr_row){.timestamp_us = row->timestamp_us};
    storage__pcr__init(&made->pcr);
    google__protobuf__timestamp__init(&made->timestamp);
    moment_set_us(&made->timestamp, row->timestamp_us);
    made->pcr.product = (char *)(uintptr_t)list->product;
    made->pcr.expiry = expiry;
    made->pcr.pcr_oi = summary->pcr_oi;
    made->pcr.pcr_volume = summary->pcr_volume;
    made->pcr.timestamp = &made->timestamp;
    return made;
}

static bool take_chain(void *context, const struct market_row *row)
{
    struct pcr_list *list = context;
    struct chain_summary summary;
    if (!chain_summary_read(row->value, &summary)) {
        list->code = DS_DATA_LOSS;
        return false;
    }
    struct pcr_row *made = row_create(list, row, &summary);
    if (made == NULL) {
        list->code = DS_RESOURCE_EXHAUSTED;
        return false;
    }
    *(list->end == NULL ? &list->first : list->end) = made;
    list->end = &made->next;
    list->count++;
    return true;
}

static ds_code fail_memory(struct ds_call *call)
{
    return ds_fail(call, DS_RESOURCE_EXHAUSTED,
                   "the reply needs more memory than a call may use: name an expiry");
}

/* Adds the rows of a walk to the list. */
static ds_code list_walk(struct storage *storage, struct ds_call *call,
                         const struct market_scan *range, struct pcr_list *list)
{
    DS_TRY(row_walk(storage, call, range, take_chain, list));
    if (list->code == DS_RESOURCE_EXHAUSTED) {
        return fail_memory(call);
    }
    return list->code == DS_OK ? DS_OK : storage_fail_store(storage, call, list->code);
}

/* As a message of the rows that are not older than `oldest_us`. */
static ds_code list_message(struct ds_call *call, const struct pcr_list *list, int64_t oldest_us,
                            Storage__PcrList **ret_message)
{
    Storage__PcrList *message = ds_arena_alloc(list->arena, sizeof *message);
    Storage__Pcr **values = ds_arena_alloc(list->arena, list->count * sizeof(Storage__Pcr *));
    if (message == NULL || values == NULL) {
        return fail_memory(call);
    }
    storage__pcr_list__init(message);
    message->values = values;
    for (struct pcr_row *row = list->first; row != NULL; row = row->next) {
        if (row->timestamp_us >= oldest_us) {
            values[message->n_values++] = &row->pcr;
        }
    }
    *ret_message = message;
    return DS_OK;
}

static ds_code read_latest(struct storage *storage, struct ds_call *call, const char *product,
                           Storage__PcrList **ret_message)
{
    struct pcr_list list = {.arena = ds_call_arena(call), .product = product};
    const struct page_name first = {0};
    struct series_walk walk;
    struct ds_bytes series;
    DS_TRY(
        series_walk_begin(storage, call, MARKET_CHAINS, ds_bytes_of_text(product), &first, &walk));
    DS_TRY(series_walk_next(&walk, &series));
    while (series.size > 0) {
        const struct market_scan newest = row_walk_newest(MARKET_CHAINS, series, 1);
        DS_TRY(list_walk(storage, call, &newest, &list));
        DS_TRY(series_walk_next(&walk, &series));
    }
    int64_t newest_us = 0;
    for (const struct pcr_row *row = list.first; row != NULL; row = row->next) {
        newest_us = row->timestamp_us > newest_us ? row->timestamp_us : newest_us;
    }
    return list_message(call, &list, newest_us - LATEST_AGE_MAX_US, ret_message);
}

ds_code storage_get_pcr(struct storage *storage, struct ds_call *call,
                        const Storage__GetPcrRequest *request, Storage__GetPcrResponse *response)
{
    const bool of_expiry = request->expiry[0] != '\0';
    char series[CHAIN_SERIES_TEXT_MAX];
    DS_TRY(request_check_product(call, request->product));
    struct market_scan range = row_walk_newest(MARKET_CHAINS, ds_bytes_of_text(request->product),
                                               request->history ? HISTORY_MAX : 1);
    range.by_group = true;
    if (of_expiry) {
        DS_TRY(request_check_expiry(call, request->expiry));
        range.by_group = false;
        range.series = chain_series(request->product, request->expiry, series);
    }
    struct pcr_list list = {.arena = ds_call_arena(call), .product = request->product};
    if (of_expiry || request->history) {
        DS_TRY(list_walk(storage, call, &range, &list));
    }
    response->product = request->product;
    if (!of_expiry) {
        DS_TRY(read_latest(storage, call, request->product, &response->latest));
    } else if (list.first != NULL) {
        response->latest_of_expiry = &list.first->pcr;
    }
    return request->history ? list_message(call, &list, INT64_MIN, &response->history) : DS_OK;
}
