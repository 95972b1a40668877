/* ListEvents: what a subscriber of the event socket missed, out of the journal. */
#include "ds/event_list.h"
#include "storage/rpc/service.h"

/* Events that one call looks at, with the journal locked; those of other topics count. */
#define EVENTS_EXAMINED_MAX 10000

struct listing {
    struct ds_buffer *reply;
    struct ds_bytes topic_prefix;
    size_t event_max;
    size_t event_count;
    size_t examined_count;
    uint64_t through;
};

static bool has_prefix(struct ds_bytes topic, struct ds_bytes prefix)
{
    return prefix.size == 0 ||
           (topic.size >= prefix.size && memcmp(topic.data, prefix.data, prefix.size) == 0);
}

static bool list_event(void *context, const struct ds_event *event)
{
    struct listing *listing = context;
    if (listing->examined_count == EVENTS_EXAMINED_MAX) {
        return false;
    }
    if (has_prefix(event->topic, listing->topic_prefix)) {
        const struct ds_event_header header = {.topic = event->topic,
                                               .epoch = event->epoch,
                                               .sequence = event->sequence,
                                               .published_at_us = event->published_at_us};
        const size_t size = ds_event_list_event_size(&header, event->body.size);
        if (listing->event_count == listing->event_max ||
            (listing->event_count > 0 && listing->reply->size + size > DS_EVENT_LIST_BYTES_MAX)) {
            return false;
        }
        ds_event_list_write_event(listing->reply, &header, event->body);
        listing->event_count++;
    }
    listing->examined_count++;
    listing->through = event->sequence;
    return true;
}

static ds_code read_limit(struct ds_call *call, const Rpc__ListEventsRequest *request,
                          size_t *ret_limit)
{
    if (request->limit > DS_EVENT_LIST_EVENTS_MAX) {
        return ds_fail_field(call, "limit", "limit must be at most %d", DS_EVENT_LIST_EVENTS_MAX);
    }
    *ret_limit = request->limit != 0 ? request->limit : DS_EVENT_LIST_EVENTS_MAX;
    return DS_OK;
}

static ds_code fail_forgotten(struct ds_call *call, const Rpc__ListEventsRequest *request)
{
    return ds_fail_reason(call, DS_OUT_OF_RANGE, DS_REASON(EVENTS_FORGOTTEN),
                          "what came after event %llu of %s is not in memory; read it by time",
                          (unsigned long long)request->after_sequence, request->kind);
}

ds_code storage_list_events(struct storage *storage, struct ds_call *call,
                            const Rpc__ListEventsRequest *request,
                            Rpc__ListEventsResponse *response)
{
    (void)response;
    size_t kind;
    struct listing listing = {.reply = ds_call_raw_response(call),
                              .topic_prefix = ds_bytes_of_text(request->topic_prefix),
                              .through = request->after_sequence};
    if (storage->events == NULL) {
        return ds_fail_reason(call, DS_UNIMPLEMENTED, DS_REASON(NOT_IMPLEMENTED),
                              "this service publishes no events");
    }
    if (!ds_event_journal_find_kind(storage->events, request->kind, &kind)) {
        return ds_fail_field(call, "kind", "kind must be ticks, quotes or chains");
    }
    DS_TRY(read_limit(call, request, &listing.event_max));
    const uint64_t epoch = ds_event_journal_epoch(storage->events);
    if (request->numbers_only) {
        listing.through = ds_event_journal_newest(storage->events, kind);
    } else if (ds_event_journal_read(storage->events, kind,
                                     request->epoch != 0 ? request->epoch : epoch,
                                     request->after_sequence, list_event, &listing) != DS_OK) {
        return fail_forgotten(call, request);
    }
    ds_event_list_write_end(listing.reply,
                            &(struct ds_event_list){
                                .epoch = epoch,
                                .newest_sequence = ds_event_journal_newest(storage->events, kind),
                                .through_sequence = listing.through,
                            });
    return DS_OK;
}
