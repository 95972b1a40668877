#include "ds/event_pump.h"

#include "ds/event_frame.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Events that are taken while the journal is locked. */
#define EVENTS_PER_READ 64
#define BATCH_BYTES_MAX (EVENTS_PER_READ * DS_EVENT_MESSAGE_BYTES_MAX)
#define HEARTBEAT_BYTES_MAX 1024

struct pump_kind {
    uint64_t sent; /* the newest event that has been sent or left out */
    int64_t heartbeat_due_us;
    bool owes_heartbeat; /* events were left out */
};

/* Messages that are ready, end to end. */
struct batch {
    struct ds_buffer bytes;
    size_t ends[EVENTS_PER_READ]; /* of the messages */
    size_t message_count;
    size_t event_count;
    uint64_t newest;
    size_t topic_bytes; /* of the last message */
    size_t left_out_count;
};

struct ds_event_pump {
    struct ds_event_pump_options options;
    struct pump_kind kinds[DS_EVENT_KINDS_MAX];
    struct batch batch;
    atomic_uint_fast64_t message_count;
    atomic_uint_fast64_t event_count;
    atomic_uint_fast64_t left_out_count;
};

struct ds_event_pump *ds_event_pump_create(const struct ds_event_pump_options *options)
{
    struct ds_event_pump *pump = calloc(1, sizeof *pump);
    if (pump == NULL) {
        abort();
    }
    pump->options = *options;
    ds_buffer_init(&pump->batch.bytes, BATCH_BYTES_MAX);
    for (size_t i = 0; i < ds_event_journal_kind_count(options->journal); i++) {
        pump->kinds[i].sent = ds_event_journal_newest(options->journal, i);
        pump->kinds[i].heartbeat_due_us = INT64_MIN;
    }
    return pump;
}

void ds_event_pump_destroy(struct ds_event_pump *pump)
{
    if (pump != NULL) {
        ds_buffer_deinit(&pump->batch.bytes);
        free(pump);
    }
}

static void batch_clear(struct batch *batch)
{
    ds_buffer_clear(&batch->bytes);
    batch->message_count = 0;
    batch->event_count = 0;
    batch->left_out_count = 0;
}

/* Where the last message begins. */
static size_t last_begin(const struct batch *batch)
{
    return batch->message_count > 1 ? batch->ends[batch->message_count - 2] : 0;
}

/* Whether the last message is of that topic and has room for so many bytes. */
static bool last_takes(const struct batch *batch, struct ds_bytes topic, size_t bytes)
{
    return batch->message_count > 0 &&
           batch->bytes.size - last_begin(batch) + bytes <= DS_EVENT_MESSAGE_BYTES_MAX &&
           ds_bytes_equal(ds_bytes_of(batch->bytes.data + last_begin(batch), batch->topic_bytes),
                          topic);
}

static bool batch_take(void *context, const struct ds_event *event)
{
    struct batch *batch = context;
    if (batch->event_count == EVENTS_PER_READ) {
        return false;
    }
    struct ds_event_header header = {.topic = event->topic,
                                     .epoch = event->epoch,
                                     .sequence = event->sequence,
                                     .published_at_us = event->published_at_us};
    struct ds_bytes payload = event->body;
    size_t size = ds_event_frame_size(&header, payload.size);
    if (event->topic.size + 1 + size > DS_EVENT_MESSAGE_BYTES_MAX) {
        header.is_left_out = true;
        payload.size = 0;
        batch->left_out_count++;
        size = ds_event_frame_size(&header, 0);
    }
    if (!last_takes(batch, event->topic, size)) {
        ds_event_message_begin(&batch->bytes, event->topic);
        batch->topic_bytes = event->topic.size;
        batch->message_count++;
    }
    ds_event_frame_write(&batch->bytes, &header, payload);
    batch->ends[batch->message_count - 1] = batch->bytes.size;
    batch->newest = event->sequence;
    batch->event_count++;
    return true;
}

static void batch_send(struct ds_event_pump *pump)
{
    const struct batch *batch = &pump->batch;
    assert(!batch->bytes.overflow);
    size_t begin = 0;
    for (size_t i = 0; i < batch->message_count; i++) {
        pump->options.send(pump->options.context,
                           ds_bytes_of(batch->bytes.data + begin, batch->ends[i] - begin));
        begin = batch->ends[i];
    }
    atomic_fetch_add(&pump->message_count, batch->message_count);
    atomic_fetch_add(&pump->event_count, batch->event_count);
    atomic_fetch_add(&pump->left_out_count, batch->left_out_count);
}

static void skip_to(struct ds_event_pump *pump, struct pump_kind *kind, uint64_t newest)
{
    atomic_fetch_add(&pump->left_out_count, newest - kind->sent);
    kind->sent = newest;
    kind->owes_heartbeat = true;
}

static void send_events(struct ds_event_pump *pump, size_t kind_number)
{
    struct ds_event_journal *journal = pump->options.journal;
    struct pump_kind *kind = &pump->kinds[kind_number];
    const uint64_t newest = ds_event_journal_newest(journal, kind_number);
    if (!pump->options.has_subscribers(pump->options.context)) {
        kind->sent = newest; /* Who comes later begins behind these. */
    } else if (newest - kind->sent > DS_EVENT_BURST_MAX) {
        skip_to(pump, kind, newest);
    }
    while (kind->sent < newest) {
        batch_clear(&pump->batch);
        const ds_code code =
            ds_event_journal_read(journal, kind_number, ds_event_journal_epoch(journal), kind->sent,
                                  batch_take, &pump->batch);
        if (code != DS_OK) {
            skip_to(pump, kind, newest); /* The journal has forgotten it. */
            return;
        }
        batch_send(pump);
        kind->sent = pump->batch.newest;
    }
}

static void send_heartbeat(struct ds_event_pump *pump, size_t kind_number, int64_t wall_us)
{
    char topic[DS_EVENT_TOPIC_BYTES_MAX + 1];
    struct ds_buffer message;
    snprintf(topic, sizeof topic, "%s/",
             ds_event_journal_kind_name(pump->options.journal, kind_number));
    const struct ds_event_header header = {.topic = ds_bytes_of_text(topic),
                                           .epoch = ds_event_journal_epoch(pump->options.journal),
                                           .published_at_us = wall_us,
                                           .is_heartbeat = true,
                                           .newest_sequence = pump->kinds[kind_number].sent};
    ds_buffer_init(&message, HEARTBEAT_BYTES_MAX);
    ds_event_message_begin(&message, header.topic);
    ds_event_frame_write(&message, &header, ds_bytes_of(NULL, 0));
    pump->options.send(pump->options.context, ds_buffer_bytes(&message));
    ds_buffer_deinit(&message);
}

static void heartbeat_if_due(struct ds_event_pump *pump, size_t kind_number, int64_t now_us,
                             int64_t wall_us)
{
    struct pump_kind *kind = &pump->kinds[kind_number];
    if (!kind->owes_heartbeat && now_us < kind->heartbeat_due_us) {
        return;
    }
    send_heartbeat(pump, kind_number, wall_us);
    kind->owes_heartbeat = false;
    kind->heartbeat_due_us = now_us + DS_EVENT_HEARTBEAT_US;
}

int64_t ds_event_pump_turn(struct ds_event_pump *pump, int64_t now_us, int64_t wall_us)
{
    int64_t due_us = INT64_MAX;
    for (size_t i = 0; i < ds_event_journal_kind_count(pump->options.journal); i++) {
        send_events(pump, i);
        heartbeat_if_due(pump, i, now_us, wall_us);
        if (pump->kinds[i].heartbeat_due_us < due_us) {
            due_us = pump->kinds[i].heartbeat_due_us;
        }
    }
    return due_us;
}

struct ds_event_pump_totals ds_event_pump_totals(const struct ds_event_pump *pump)
{
    return (struct ds_event_pump_totals){.message_count = atomic_load(&pump->message_count),
                                         .event_count = atomic_load(&pump->event_count),
                                         .left_out_count = atomic_load(&pump->left_out_count)};
}
