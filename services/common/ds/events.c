#include "ds/events.h"

#include "ds/epoch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* One remembered event; topic and body stand behind it in the same allocation. */
struct entry {
    size_t topic_bytes;
    size_t body_bytes;
    uint8_t data[];
};

struct ds_event_journal {
    pthread_mutex_t mutex; /* guards all that follows but `epoch` and the maxima */
    struct entry **ring;   /* event_max places; sequence s stands at s % event_max */
    uint64_t newest;       /* sequence number of the newest event; 0: none yet */
    size_t count;          /* of the events remembered */
    size_t bytes;          /* of their topics and bodies */

    uint64_t epoch;
    size_t event_max;
    size_t bytes_max;
};

struct ds_event_journal *ds_event_journal_create(uint64_t epoch, size_t event_max, size_t bytes_max)
{
    assert(event_max > 0);
    struct ds_event_journal *journal = calloc(1, sizeof *journal);
    struct entry **ring = calloc(event_max, sizeof *ring);
    if (journal == NULL || ring == NULL) {
        abort();
    }
    pthread_mutex_init(&journal->mutex, NULL);
    journal->ring = ring;
    journal->epoch = epoch != 0 ? epoch : ds_epoch_draw();
    journal->event_max = event_max;
    journal->bytes_max = bytes_max;
    return journal;
}

void ds_event_journal_destroy(struct ds_event_journal *journal)
{
    if (journal == NULL) {
        return;
    }
    for (size_t i = 0; i < journal->event_max; i++) {
        free(journal->ring[i]);
    }
    free(journal->ring);
    pthread_mutex_destroy(&journal->mutex);
    free(journal);
}

static struct entry **place_of(struct ds_event_journal *journal, uint64_t sequence)
{
    return &journal->ring[sequence % journal->event_max];
}

static void forget_oldest_locked(struct ds_event_journal *journal)
{
    struct entry **place = place_of(journal, journal->newest - journal->count + 1);
    journal->bytes -= (*place)->topic_bytes + (*place)->body_bytes;
    journal->count--;
    free(*place);
    *place = NULL;
}

static void remember_locked(struct ds_event_journal *journal, const struct ds_event *event)
{
    const size_t bytes = event->topic.size + event->body.size;
    while (journal->count > 0 &&
           (journal->count == journal->event_max || journal->bytes + bytes > journal->bytes_max)) {
        forget_oldest_locked(journal);
    }
    journal->newest++;
    if (bytes > journal->bytes_max) {
        return; /* The number stays used, so that a reader sees the gap. */
    }
    struct entry *entry = malloc(sizeof *entry + bytes);
    if (entry == NULL) {
        abort();
    }
    entry->topic_bytes = event->topic.size;
    entry->body_bytes = event->body.size;
    memcpy(entry->data, event->topic.data, event->topic.size);
    if (event->body.size > 0) {
        memcpy(entry->data + event->topic.size, event->body.data, event->body.size);
    }
    *place_of(journal, journal->newest) = entry;
    journal->count++;
    journal->bytes += bytes;
}

static void journal_publish(void *context, const struct ds_event *events, size_t event_count)
{
    struct ds_event_journal *journal = context;
    pthread_mutex_lock(&journal->mutex);
    for (size_t i = 0; i < event_count; i++) {
        remember_locked(journal, &events[i]);
    }
    pthread_mutex_unlock(&journal->mutex);
}

struct ds_event_sink ds_event_journal_sink(struct ds_event_journal *journal)
{
    return (struct ds_event_sink){.publish = journal_publish, .context = journal};
}

uint64_t ds_event_journal_epoch(const struct ds_event_journal *journal)
{
    return journal->epoch;
}

uint64_t ds_event_journal_newest(struct ds_event_journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    const uint64_t newest = journal->newest;
    pthread_mutex_unlock(&journal->mutex);
    return newest;
}

static ds_code read_locked(struct ds_event_journal *journal, uint64_t sequence, size_t event_max,
                           void (*take)(void *context, const struct ds_event *event), void *context)
{
    const uint64_t oldest = journal->newest - journal->count + 1;
    if (sequence > journal->newest || sequence + 1 < oldest) {
        return DS_OUT_OF_RANGE;
    }
    for (uint64_t next = sequence + 1; next <= journal->newest && event_max > 0; next++) {
        const struct entry *entry = *place_of(journal, next);
        take(context, &(struct ds_event){
                          .topic = ds_bytes_of(entry->data, entry->topic_bytes),
                          .body = ds_bytes_of(entry->data + entry->topic_bytes, entry->body_bytes),
                          .epoch = journal->epoch,
                          .sequence = next,
                      });
        event_max--;
    }
    return DS_OK;
}

ds_code ds_event_journal_read(struct ds_event_journal *journal, uint64_t epoch, uint64_t sequence,
                              size_t event_max,
                              void (*take)(void *context, const struct ds_event *event),
                              void *context)
{
    if (epoch != journal->epoch) {
        return DS_OUT_OF_RANGE;
    }
    pthread_mutex_lock(&journal->mutex);
    const ds_code code = read_locked(journal, sequence, event_max, take, context);
    pthread_mutex_unlock(&journal->mutex);
    return code;
}
