#include "ds/events.h"

#include "ds/epoch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* One remembered event; topic and body stand behind it in the same allocation. */
struct entry {
    size_t topic_bytes;
    size_t body_bytes;
    int64_t published_at_us;
    uint8_t data[];
};

struct event_kind {
    const char *name;
    size_t name_bytes;
    struct entry **ring; /* event_max places; sequence s stands at s % event_max */
    uint64_t newest;     /* sequence number of the newest event; 0: none yet */
    size_t count;        /* of the events remembered */
    size_t bytes;        /* of their topics and bodies */
};

struct ds_event_journal {
    pthread_mutex_t mutex; /* guards the kinds but for their names */
    struct event_kind kinds[DS_EVENT_KINDS_MAX];
    size_t kind_count;

    uint64_t epoch;
    size_t event_max;
    size_t bytes_max;
    const struct ds_clock *clock;
    void (*published)(void *context);
    void *published_context;
};

static void kind_init(struct event_kind *kind, const char *name, size_t event_max)
{
    struct entry **ring = calloc(event_max, sizeof *ring);
    if (ring == NULL) {
        abort();
    }
    *kind = (struct event_kind){.name = name, .name_bytes = strlen(name), .ring = ring};
}

struct ds_event_journal *ds_event_journal_create(const struct ds_event_journal_options *options)
{
    assert(options->kind_count > 0 && options->kind_count <= DS_EVENT_KINDS_MAX);
    struct ds_event_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        abort();
    }
    pthread_mutex_init(&journal->mutex, NULL);
    journal->epoch = options->epoch != 0 ? options->epoch : ds_epoch_draw();
    journal->event_max =
        options->event_max != 0 ? options->event_max : DS_EVENTS_REMEMBERED_DEFAULT;
    journal->bytes_max = options->bytes_max;
    journal->clock = options->clock != NULL ? options->clock : ds_clock_system();
    journal->kind_count = options->kind_count;
    for (size_t i = 0; i < journal->kind_count; i++) {
        kind_init(&journal->kinds[i], options->kinds[i], journal->event_max);
    }
    return journal;
}

void ds_event_journal_destroy(struct ds_event_journal *journal)
{
    if (journal == NULL) {
        return;
    }
    for (size_t kind = 0; kind < journal->kind_count; kind++) {
        for (size_t i = 0; i < journal->event_max; i++) {
            free(journal->kinds[kind].ring[i]);
        }
        free(journal->kinds[kind].ring);
    }
    pthread_mutex_destroy(&journal->mutex);
    free(journal);
}

static struct event_kind *kind_of_topic(struct ds_event_journal *journal, struct ds_bytes topic)
{
    for (size_t i = 0; i < journal->kind_count; i++) {
        struct event_kind *kind = &journal->kinds[i];
        if (topic.size > kind->name_bytes && topic.data[kind->name_bytes] == '/' &&
            memcmp(topic.data, kind->name, kind->name_bytes) == 0) {
            return kind;
        }
    }
    return NULL;
}

static struct entry **place_of(const struct ds_event_journal *journal,
                               const struct event_kind *kind, uint64_t sequence)
{
    return &kind->ring[sequence % journal->event_max];
}

static void forget_oldest_locked(const struct ds_event_journal *journal, struct event_kind *kind)
{
    struct entry **place = place_of(journal, kind, kind->newest - kind->count + 1);
    kind->bytes -= (*place)->topic_bytes + (*place)->body_bytes;
    kind->count--;
    free(*place);
    *place = NULL;
}

static size_t event_size(const struct ds_event *event)
{
    return event->topic.size + event->body_head.size + event->body.size;
}

static uint8_t *append(uint8_t *target, struct ds_bytes bytes)
{
    if (bytes.size > 0) {
        memcpy(target, bytes.data, bytes.size);
    }
    return target + bytes.size;
}

static struct entry *entry_of(const struct ds_event *event, int64_t now_us)
{
    struct entry *entry = malloc(sizeof *entry + event_size(event));
    if (entry == NULL) {
        abort();
    }
    entry->topic_bytes = event->topic.size;
    entry->body_bytes = event->body_head.size + event->body.size;
    entry->published_at_us = now_us;
    append(append(append(entry->data, event->topic), event->body_head), event->body);
    return entry;
}

static void remember_locked(const struct ds_event_journal *journal, struct event_kind *kind,
                            const struct ds_event *event, int64_t now_us)
{
    const size_t bytes = event_size(event);
    while (kind->count > 0 &&
           (kind->count == journal->event_max || kind->bytes + bytes > journal->bytes_max)) {
        forget_oldest_locked(journal, kind);
    }
    kind->newest++;
    if (bytes > journal->bytes_max) {
        return; /* The number stays used, so that a reader sees the gap. */
    }
    *place_of(journal, kind, kind->newest) = entry_of(event, now_us);
    kind->count++;
    kind->bytes += bytes;
}

static void journal_publish(void *context, const struct ds_event *events, size_t event_count)
{
    struct ds_event_journal *journal = context;
    const int64_t now_us = ds_clock_wall_us(journal->clock);
    pthread_mutex_lock(&journal->mutex);
    for (size_t i = 0; i < event_count; i++) {
        struct event_kind *kind = kind_of_topic(journal, events[i].topic);
        assert(kind != NULL);
        remember_locked(journal, kind, &events[i], now_us);
    }
    pthread_mutex_unlock(&journal->mutex);
    if (journal->published != NULL) {
        journal->published(journal->published_context);
    }
}

struct ds_event_sink ds_event_journal_sink(struct ds_event_journal *journal)
{
    return (struct ds_event_sink){.publish = journal_publish, .context = journal};
}

void ds_event_journal_set_listener(struct ds_event_journal *journal,
                                   void (*published)(void *context), void *context)
{
    journal->published_context = context;
    journal->published = published;
}

uint64_t ds_event_journal_epoch(const struct ds_event_journal *journal)
{
    return journal->epoch;
}

size_t ds_event_journal_kind_count(const struct ds_event_journal *journal)
{
    return journal->kind_count;
}

const char *ds_event_journal_kind_name(const struct ds_event_journal *journal, size_t kind)
{
    assert(kind < journal->kind_count);
    return journal->kinds[kind].name;
}

bool ds_event_journal_find_kind(const struct ds_event_journal *journal, const char *name,
                                size_t *ret_kind)
{
    for (size_t i = 0; i < journal->kind_count; i++) {
        if (strcmp(journal->kinds[i].name, name) == 0) {
            *ret_kind = i;
            return true;
        }
    }
    return false;
}

uint64_t ds_event_journal_newest(struct ds_event_journal *journal, size_t kind)
{
    assert(kind < journal->kind_count);
    pthread_mutex_lock(&journal->mutex);
    const uint64_t newest = journal->kinds[kind].newest;
    pthread_mutex_unlock(&journal->mutex);
    return newest;
}

uint64_t ds_event_journal_total(struct ds_event_journal *journal)
{
    uint64_t total = 0;
    pthread_mutex_lock(&journal->mutex);
    for (size_t i = 0; i < journal->kind_count; i++) {
        total += journal->kinds[i].newest;
    }
    pthread_mutex_unlock(&journal->mutex);
    return total;
}

static ds_code read_locked(const struct ds_event_journal *journal, const struct event_kind *kind,
                           uint64_t sequence, ds_event_take_fn take, void *context)
{
    const uint64_t oldest = kind->newest - kind->count + 1;
    if (sequence > kind->newest || sequence + 1 < oldest) {
        return DS_OUT_OF_RANGE;
    }
    bool wants_more = true;
    for (uint64_t next = sequence + 1; next <= kind->newest && wants_more; next++) {
        const struct entry *entry = *place_of(journal, kind, next);
        wants_more = take(
            context, &(struct ds_event){
                         .topic = ds_bytes_of(entry->data, entry->topic_bytes),
                         .body = ds_bytes_of(entry->data + entry->topic_bytes, entry->body_bytes),
                         .epoch = journal->epoch,
                         .sequence = next,
                         .published_at_us = entry->published_at_us,
                     });
    }
    return DS_OK;
}

ds_code ds_event_journal_read(struct ds_event_journal *journal, size_t kind, uint64_t epoch,
                              uint64_t sequence, ds_event_take_fn take, void *context)
{
    assert(kind < journal->kind_count);
    if (epoch != journal->epoch) {
        return DS_OUT_OF_RANGE;
    }
    pthread_mutex_lock(&journal->mutex);
    const ds_code code = read_locked(journal, &journal->kinds[kind], sequence, take, context);
    pthread_mutex_unlock(&journal->mutex);
    return code;
}
