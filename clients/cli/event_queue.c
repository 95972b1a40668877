#include "clients/cli/event_queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Topic and row stand behind it in the same allocation. */
struct entry {
    struct entry *next;
    bool is_break;
    uint64_t missed;
    size_t topic_bytes;
    size_t row_bytes;
    uint8_t data[];
};

struct event_queue {
    pthread_mutex_t lock; /* guards what follows but for `taken` and `descriptor` */
    pthread_cond_t room_came;
    struct entry *first;
    struct entry **end;
    size_t bytes; /* of the entries */
    bool is_closed;

    struct entry *taken; /* given last */
    int descriptor;
};

struct event_queue *event_queue_create(void)
{
    struct event_queue *queue = calloc(1, sizeof *queue);
    const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue == NULL || descriptor < 0) {
        abort();
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->room_came, NULL);
    queue->end = &queue->first;
    queue->descriptor = descriptor;
    return queue;
}

void event_queue_destroy(struct event_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    event_queue_close(queue);
    free(queue->taken);
    close(queue->descriptor);
    pthread_cond_destroy(&queue->room_came);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static size_t size_of(const struct entry *entry)
{
    return sizeof *entry + entry->topic_bytes + entry->row_bytes;
}

static struct entry *entry_of(const struct queued_event *event)
{
    struct entry *entry = malloc(sizeof *entry + event->topic.size + event->row.size);
    if (entry == NULL) {
        abort();
    }
    *entry = (struct entry){.is_break = event->is_break,
                            .missed = event->missed,
                            .topic_bytes = event->topic.size,
                            .row_bytes = event->row.size};
    if (event->topic.size > 0) {
        memcpy(entry->data, event->topic.data, event->topic.size);
    }
    if (event->row.size > 0) {
        memcpy(entry->data + event->topic.size, event->row.data, event->row.size);
    }
    return entry;
}

static void signal_events(const struct event_queue *queue)
{
    const uint64_t one = 1;
    /* Fails only where the descriptor is readable already. */
    const ssize_t written = write(queue->descriptor, &one, sizeof one);
    (void)written;
}

static void clear_signal(const struct event_queue *queue)
{
    uint64_t count;
    const ssize_t got = read(queue->descriptor, &count, sizeof count);
    (void)got;
}

void event_queue_put(struct event_queue *queue, const struct queued_event *event)
{
    struct entry *entry = entry_of(event);
    const size_t size = size_of(entry);
    pthread_mutex_lock(&queue->lock);
    while (!queue->is_closed && queue->first != NULL &&
           queue->bytes + size > EVENT_QUEUE_BYTES_MAX) {
        pthread_cond_wait(&queue->room_came, &queue->lock);
    }
    if (queue->is_closed) {
        free(entry);
    } else {
        if (queue->first == NULL) {
            signal_events(queue);
        }
        *queue->end = entry;
        queue->end = &entry->next;
        queue->bytes += size;
    }
    pthread_mutex_unlock(&queue->lock);
}

static struct entry *remove_first_locked(struct event_queue *queue)
{
    struct entry *entry = queue->first;
    if (entry == NULL) {
        return NULL;
    }
    queue->first = entry->next;
    queue->bytes -= size_of(entry);
    if (queue->first == NULL) {
        queue->end = &queue->first;
        clear_signal(queue);
    }
    pthread_cond_broadcast(&queue->room_came);
    return entry;
}

bool event_queue_take(struct event_queue *queue, struct queued_event *ret_event)
{
    pthread_mutex_lock(&queue->lock);
    struct entry *entry = remove_first_locked(queue);
    pthread_mutex_unlock(&queue->lock);
    free(queue->taken);
    queue->taken = entry;
    if (entry == NULL) {
        return false;
    }
    *ret_event = (struct queued_event){
        .is_break = entry->is_break,
        .missed = entry->missed,
        .topic = ds_bytes_of(entry->data, entry->topic_bytes),
        .row = ds_bytes_of(entry->data + entry->topic_bytes, entry->row_bytes),
    };
    return true;
}

void event_queue_close(struct event_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    for (struct entry *entry = remove_first_locked(queue); entry != NULL;
         entry = remove_first_locked(queue)) {
        free(entry);
    }
    pthread_cond_broadcast(&queue->room_came);
    pthread_mutex_unlock(&queue->lock);
}

void event_queue_reopen(struct event_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->is_closed = false;
    pthread_mutex_unlock(&queue->lock);
}

int event_queue_descriptor(const struct event_queue *queue)
{
    return queue->descriptor;
}
