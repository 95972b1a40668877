/*
 * How a client goes on where it was: ListEvents, a page at a time and only as fast as the client
 * takes them, until what is missing is little enough for one page. From then on what comes live
 * waits in the subscription's queue behind that page. So a long way back costs no queue, and
 * whoever is slow on it costs one page.
 */
#include "deltastream/rpc/v1/events.pb-c.h"
#include "ds/event_list.h"
#include "gateway/live_event.h"
#include "gateway/live_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define UNKNOWN UINT64_MAX

static struct live_feed *feed_of(const struct live_subscription *subscription)
{
    return &subscription->live->feeds[subscription->kind];
}

static void listing_free(struct live_listing *listing)
{
    ds_client_call_release(&listing->call);
    free(listing);
}

/* Lets go of the call, or of the page. */
static void drop_listing(struct live_subscription *subscription)
{
    struct live *live = subscription->live;
    struct live_listing *listing = subscription->resume.listing;
    subscription->resume.listing = NULL;
    live_node_remove(&subscription->in_resumes);
    if (listing == NULL) {
        return;
    }
    if (subscription->resume.state == LIVE_RESUME_PAGE) {
        live_discount_bytes(live, listing->call.response.size);
        listing_free(listing);
    } else {
        listing->subscription = NULL;
        live->ops->cancel(live->context, listing);
    }
}

static void end(struct live_subscription *subscription)
{
    drop_listing(subscription);
    subscription->resume.state = LIVE_RESUME_OVER;
    live_note_progress(subscription);
    if (subscription->queue.count > 0) {
        live_mark_ready(subscription);
    }
}

void live_resume_abandon(struct live_subscription *subscription)
{
    if (subscription->resume.state != LIVE_RESUME_OVER) {
        live_queue_deinit(subscription);
        end(subscription);
    }
}

/* From now on what comes live waits for the page before it. */
static void join(struct live_subscription *subscription)
{
    const uint64_t newest = feed_of(subscription)->newest;
    struct live_resume *resume = &subscription->resume;
    resume->until = newest > resume->through ? newest : resume->through;
    subscription->is_joined = true;
    subscription->seen = resume->until;
}

void live_resume_give_up(struct live_subscription *subscription)
{
    const struct live_feed *feed = feed_of(subscription);
    struct live_resume *resume = &subscription->resume;
    if (!subscription->is_joined) {
        join(subscription);
    }
    struct live_gap gap = {
        .epoch = resume->epoch, .from = resume->through + 1, .to = resume->until};
    if (resume->through > feed->newest) {
        /* It is behind something that never was: nothing is known of what it has. */
        gap = (struct live_gap){
            .epoch = feed->epoch, .from = 1, .to = feed->newest, .is_new_epoch = true};
        subscription->seen = feed->newest;
    }
    if (gap.from <= gap.to || gap.is_new_epoch) {
        live_queue_put_gap_first(subscription, &gap);
        atomic_fetch_add_explicit(&subscription->live->counts.resume_gaps, 1, memory_order_relaxed);
    }
    end(subscription);
}

/* Goes on behind resume->through: with a listing, or live where there is nothing more to list. */
static void go_on(struct live_subscription *subscription)
{
    struct live *live = subscription->live;
    struct live_resume *resume = &subscription->resume;
    const uint64_t newest = feed_of(subscription)->newest;
    if (!subscription->is_joined &&
        (newest <= resume->through || newest - resume->through <= DS_EVENT_LIST_EVENTS_MAX)) {
        join(subscription);
    }
    if (subscription->is_joined && resume->through >= resume->until && !resume->is_claimed) {
        end(subscription);
        return;
    }
    resume->state = LIVE_RESUME_WAITING;
    live_list_append(&live->resumes, &subscription->in_resumes);
    live->ops->wake(live->context);
}

void live_resume_begin(struct live_subscription *subscription, uint64_t epoch, uint64_t sequence)
{
    subscription->resume = (struct live_resume){
        .epoch = epoch,
        .through = sequence,
        .until = UNKNOWN,
        .is_claimed = sequence > feed_of(subscription)->newest,
    };
    go_on(subscription);
}

void live_resume_widen(struct live_subscription *subscription)
{
    struct live_listing *listing = subscription->resume.listing;
    const uint64_t newest = feed_of(subscription)->newest;
    if (subscription->resume.state == LIVE_RESUME_LISTING && newest < listing->through_max) {
        listing->through_max = newest;
    }
}

static size_t write_request(const struct live_subscription *subscription,
                            uint8_t target[LIVE_LISTING_REQUEST_BYTES_MAX])
{
    const char *kind = live_kinds[subscription->kind].name;
    char prefix[DS_EVENT_TOPIC_BYTES_MAX + 1];
    char key[LIVE_KEY_BYTES_MAX];
    const size_t key_bytes = live_wants_prefix(subscription, key);
    Rpc__ListEventsRequest request = RPC__LIST_EVENTS_REQUEST__INIT;
    if (key_bytes > 0) {
        snprintf(prefix, sizeof prefix, "%s/%.*s", kind, (int)key_bytes, key);
        request.topic_prefix = prefix;
    }
    request.kind = (char *)(uintptr_t)kind;
    request.epoch = subscription->resume.epoch;
    request.after_sequence = subscription->resume.through;
    const size_t bytes = rpc__list_events_request__get_packed_size(&request);
    assert(bytes <= LIVE_LISTING_REQUEST_BYTES_MAX);
    return rpc__list_events_request__pack(&request, target);
}

static void list(struct live_subscription *subscription)
{
    struct live *live = subscription->live;
    struct live_listing *listing = calloc(1, sizeof(*listing));
    if (listing == NULL) {
        abort();
    }
    listing->live = live;
    listing->subscription = subscription;
    listing->through_max = UNKNOWN;
    listing->call.method = *live_kinds[subscription->kind].list_events;
    listing->call.payload =
        ds_bytes_of(listing->request, write_request(subscription, listing->request));
    listing->call.timeout_ms = LIVE_LISTING_TIMEOUT_MS;
    subscription->resume.listing = listing;
    subscription->resume.state = LIVE_RESUME_LISTING;
    live->listing_count++;
    live->ops->list(live->context, listing, subscription->kind);
}

void live_resume_list(struct live *live)
{
    while (live->listing_count < LIVE_LISTINGS_MAX && !live_node_is_alone(&live->resumes)) {
        struct live_subscription *subscription =
            LIVE_OWNER(live->resumes.next, struct live_subscription, in_resumes);
        live_node_remove(&subscription->in_resumes);
        list(subscription);
    }
}

/* Whether the next try may succeed where this one has not. */
static bool is_passing(ds_code code)
{
    return code == DS_UNAVAILABLE || code == DS_DEADLINE_EXCEEDED || code == DS_CANCELLED ||
           code == DS_RESOURCE_EXHAUSTED;
}

static void try_later(struct live_subscription *subscription)
{
    struct live *live = subscription->live;
    if (++subscription->resume.tries == LIVE_LISTING_TRIES_MAX) {
        live_resume_give_up(subscription);
        return;
    }
    subscription->resume.state = LIVE_RESUME_WAITING;
    if (live_node_is_alone(&live->paused)) {
        live->ops->pause(live->context);
    }
    live_list_append(&live->paused, &subscription->in_resumes);
}

/* False where the reply is none, or does not go on behind what is there. */
static bool read_reply(const struct live_resume *resume, struct live_listing *listing)
{
    struct ds_event_list *list = &listing->list;
    listing->reader = ds_wire_reader_of(listing->call.response);
    return ds_event_list_read(listing->call.response, list) && list->epoch == resume->epoch &&
           (list->through_sequence > resume->through || list->through_sequence == resume->until);
}

static void take_page(struct live_subscription *subscription, struct live_listing *listing)
{
    struct live_resume *resume = &subscription->resume;
    resume->tries = 0;
    resume->is_claimed = false;
    resume->listing = listing;
    resume->state = LIVE_RESUME_PAGE;
    if (listing->list.through_sequence > listing->through_max) {
        listing->list.through_sequence = listing->through_max;
    }
    live_count_bytes(subscription->live, listing->call.response.size);
    live_note_progress(subscription);
    live_mark_ready(subscription);
    live_bound_bytes(subscription->live);
}

void live_listing_finish(struct live_listing *listing)
{
    struct live *live = listing->live;
    struct live_subscription *subscription = listing->subscription;
    live->listing_count--;
    live->ops->wake(live->context);
    if (subscription == NULL) {
        listing_free(listing);
        return;
    }
    const ds_code code = listing->call.code;
    subscription->resume.listing = NULL;
    if (code == DS_OK && read_reply(&subscription->resume, listing)) {
        take_page(subscription, listing);
        return;
    }
    listing_free(listing);
    if (is_passing(code)) {
        try_later(subscription);
    } else {
        live_resume_give_up(subscription);
    }
}

static bool is_missed(const struct live_subscription *subscription,
                      const struct ds_event_frame *frame)
{
    const struct live_resume *resume = &subscription->resume;
    const struct ds_event_header *header = &frame->header;
    const size_t name_bytes = strlen(live_kinds[subscription->kind].name) + 1;
    return header->sequence > resume->through && header->sequence <= resume->until &&
           header->sequence <= resume->listing->list.through_sequence &&
           header->topic.size > name_bytes &&
           live_wants(subscription, ds_bytes_of(header->topic.data + name_bytes,
                                                header->topic.size - name_bytes));
}

static struct live_event *event_create(const struct live_subscription *subscription,
                                       const struct ds_event_frame *frame)
{
    struct live_event *event = live_event_create(
        subscription->kind, &(struct ds_event){.topic = frame->header.topic,
                                               .body = frame->payload,
                                               .epoch = frame->header.epoch,
                                               .sequence = frame->header.sequence,
                                               .published_at_us = frame->header.published_at_us});
    live_event_adopt(subscription->live, event);
    return event;
}

/* The page has been taken. */
static void turn_page(struct live_subscription *subscription)
{
    struct live_resume *resume = &subscription->resume;
    const uint64_t through = resume->listing->list.through_sequence;
    if (through > resume->through) {
        resume->through = through;
    }
    drop_listing(subscription);
    resume->state = LIVE_RESUME_WAITING;
    live_note_progress(subscription);
    go_on(subscription);
}

bool live_resume_take(struct live_subscription *subscription, struct live_event **ret_event)
{
    struct live_resume *resume = &subscription->resume;
    struct ds_event_frame frame;
    if (resume->state != LIVE_RESUME_PAGE) {
        return false;
    }
    while (ds_event_list_next(&resume->listing->reader, &frame)) {
        if (is_missed(subscription, &frame)) {
            resume->through = frame.header.sequence;
            *ret_event = event_create(subscription, &frame);
            live_note_progress(subscription);
            return true;
        }
    }
    turn_page(subscription);
    return false;
}
