#include "ds/event_follower.h"

#include "ds/event_list.h"

#include <assert.h>
#include <stdlib.h>

struct followed {
    const char *name;
    const char *topic_prefix;
    bool has_started;
    uint64_t epoch;
    uint64_t newest;  /* everything up to it has been told or is of no interest */
    int failed_count; /* tries in a row to fill the hole behind it */
};

struct ds_event_follower {
    struct ds_event_follower_options options;
    struct followed kinds[DS_EVENT_KINDS_MAX];
};

struct ds_event_follower *ds_event_follower_create(const struct ds_event_follower_options *options)
{
    assert(options->interest_count <= DS_EVENT_KINDS_MAX);
    struct ds_event_follower *follower = calloc(1, sizeof *follower);
    if (follower == NULL) {
        abort();
    }
    follower->options = *options;
    for (size_t i = 0; i < options->interest_count; i++) {
        const struct ds_event_interest *interest = &options->interests[i];
        follower->kinds[i] = (struct followed){
            .name = interest->kind,
            .topic_prefix = interest->topic_prefix != NULL ? interest->topic_prefix : "",
            .has_started = interest->epoch != 0,
            .epoch = interest->epoch,
            .newest = interest->sequence,
        };
    }
    return follower;
}

void ds_event_follower_destroy(struct ds_event_follower *follower)
{
    free(follower);
}

static void tell(const struct ds_event_follower *follower, const struct ds_event_notice *notice)
{
    follower->options.notice(follower->options.notice_context, notice);
}

static void tell_start(const struct ds_event_follower *follower, struct followed *kind,
                       uint64_t epoch, uint64_t newest)
{
    kind->has_started = true;
    kind->epoch = epoch;
    kind->newest = newest;
    tell(follower,
         &(struct ds_event_notice){
             .type = DS_EVENT_STARTED, .kind = kind->name, .epoch = epoch, .sequence = newest});
}

static void tell_gap(const struct ds_event_follower *follower, struct followed *kind, uint64_t to)
{
    const uint64_t from = kind->newest + 1;
    kind->newest = to;
    kind->failed_count = 0;
    tell(follower, &(struct ds_event_notice){.type = DS_EVENT_GAP,
                                             .kind = kind->name,
                                             .epoch = kind->epoch,
                                             .from = from,
                                             .to = to});
}

static void tell_new_epoch(const struct ds_event_follower *follower, struct followed *kind,
                           uint64_t epoch, uint64_t newest)
{
    kind->epoch = epoch;
    kind->newest = newest;
    kind->failed_count = 0;
    tell(follower, &(struct ds_event_notice){.type = DS_EVENT_GAP,
                                             .kind = kind->name,
                                             .epoch = epoch,
                                             .from = 1,
                                             .to = newest,
                                             .is_new_epoch = true});
}

static bool is_wanted(const struct followed *kind, struct ds_bytes topic)
{
    const size_t prefix_bytes = strlen(kind->topic_prefix);
    return topic.size >= prefix_bytes && memcmp(topic.data, kind->topic_prefix, prefix_bytes) == 0;
}

static void tell_event(const struct ds_event_follower *follower, struct followed *kind,
                       const struct ds_event_frame *frame)
{
    const struct ds_event_header *header = &frame->header;
    kind->newest = header->sequence;
    kind->failed_count = 0;
    if (!is_wanted(kind, header->topic)) {
        return;
    }
    const struct ds_event event = {.topic = header->topic,
                                   .body = frame->payload,
                                   .epoch = header->epoch,
                                   .sequence = header->sequence,
                                   .published_at_us = header->published_at_us};
    tell(follower, &(struct ds_event_notice){.type = DS_EVENT_ARRIVED,
                                             .kind = kind->name,
                                             .epoch = header->epoch,
                                             .sequence = header->sequence,
                                             .event = &event});
}

/* False where the response is none, or brings nothing new. */
static bool take_list(const struct ds_event_follower *follower, struct followed *kind,
                      struct ds_bytes response)
{
    struct ds_event_list list;
    if (!ds_event_list_read(response, &list) || list.epoch != kind->epoch ||
        list.through_sequence <= kind->newest) {
        return false;
    }
    struct ds_wire_reader reader = ds_wire_reader_of(response);
    struct ds_event_frame event;
    while (ds_event_list_next(&reader, &event)) {
        if (event.header.sequence > kind->newest &&
            event.header.sequence <= list.through_sequence) {
            tell_event(follower, kind, &event);
        }
    }
    kind->newest = list.through_sequence;
    return true;
}

/* Whether the next try may succeed where this one has not. */
static bool is_passing(ds_code code)
{
    return code == DS_UNAVAILABLE || code == DS_DEADLINE_EXCEEDED || code == DS_CANCELLED ||
           code == DS_RESOURCE_EXHAUSTED;
}

/* Tells the events up to `to`, or a gap; false where it is to be tried again later. */
static bool fill_hole(const struct ds_event_follower *follower, struct followed *kind, uint64_t to)
{
    while (kind->newest < to) {
        const struct ds_event_list_query query = {.kind = kind->name,
                                                  .topic_prefix = kind->topic_prefix,
                                                  .epoch = kind->epoch,
                                                  .after_sequence = kind->newest};
        struct ds_bytes response;
        const ds_code code =
            follower->options.list(follower->options.list_context, &query, &response);
        if (code == DS_OK && take_list(follower, kind, response)) {
            continue;
        }
        kind->failed_count++;
        if (is_passing(code) && kind->failed_count < DS_EVENT_REFILL_TRIES) {
            return false;
        }
        tell_gap(follower, kind, to);
    }
    kind->failed_count = 0;
    return true;
}

/* The kind begins, or begins again, behind `newest`. */
static void meet_epoch(const struct ds_event_follower *follower, struct followed *kind,
                       uint64_t epoch, uint64_t newest)
{
    if (!kind->has_started) {
        tell_start(follower, kind, epoch, newest);
    } else if (kind->epoch != epoch) {
        tell_new_epoch(follower, kind, epoch, newest);
    }
}

static void take_event(const struct ds_event_follower *follower, struct followed *kind,
                       const struct ds_event_frame *frame)
{
    const uint64_t sequence = frame->header.sequence;
    meet_epoch(follower, kind, frame->header.epoch, sequence - 1);
    if (sequence <= kind->newest) {
        return; /* It came with the filling of a hole. */
    }
    if (!fill_hole(follower, kind, frame->header.is_left_out ? sequence : sequence - 1)) {
        return; /* The next message shows the hole again. */
    }
    if (sequence > kind->newest) {
        tell_event(follower, kind, frame);
    }
}

static void take_heartbeat(const struct ds_event_follower *follower, struct followed *kind,
                           const struct ds_event_header *header)
{
    meet_epoch(follower, kind, header->epoch, header->newest_sequence);
    /* A hole that stays is shown by the next heartbeat. */
    (void)fill_hole(follower, kind, header->newest_sequence);
}

static struct followed *kind_of(struct ds_event_follower *follower, struct ds_bytes topic)
{
    for (size_t i = 0; i < follower->options.interest_count; i++) {
        struct followed *kind = &follower->kinds[i];
        const size_t name_bytes = strlen(kind->name);
        if (topic.size > name_bytes && topic.data[name_bytes] == '/' &&
            memcmp(topic.data, kind->name, name_bytes) == 0) {
            return kind;
        }
    }
    return NULL;
}

bool ds_event_follower_message(struct ds_event_follower *follower, struct ds_bytes message)
{
    struct ds_bytes topic;
    if (ds_event_message_open(&message, &topic) != DS_OK) {
        return false;
    }
    struct followed *kind = kind_of(follower, topic);
    while (kind != NULL && message.size > 0) {
        struct ds_event_frame frame;
        if (ds_event_frame_next(&message, topic, &frame) != DS_OK) {
            return false;
        }
        if (frame.header.is_heartbeat) {
            take_heartbeat(follower, kind, &frame.header);
        } else {
            take_event(follower, kind, &frame);
        }
    }
    return true;
}

static bool ask(const struct ds_event_follower *follower, struct followed *kind)
{
    const struct ds_event_list_query query = {
        .kind = kind->name, .topic_prefix = "", .numbers_only = true};
    struct ds_bytes response;
    struct ds_event_list list;
    if (follower->options.list(follower->options.list_context, &query, &response) != DS_OK ||
        !ds_event_list_read(response, &list)) {
        return false;
    }
    const struct ds_event_header heartbeat = {.epoch = list.epoch,
                                              .newest_sequence = list.newest_sequence};
    take_heartbeat(follower, kind, &heartbeat);
    return true;
}

bool ds_event_follower_ask(struct ds_event_follower *follower)
{
    for (size_t i = 0; i < follower->options.interest_count; i++) {
        if (!ask(follower, &follower->kinds[i])) {
            return false;
        }
    }
    return true;
}
