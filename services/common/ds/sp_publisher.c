#include "ds/sp_publisher.h"

#include "ds/peers.h"
#include "ds/sp_acceptor.h"
#include "ds/sp_connection.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Subscribers have nothing to say; one that does is hung up on, at the latest by this. */
#define RECEIVED_BYTES_MAX 64
/* What one turn sends of a queue: a subscriber that reads as fast as that must not keep the others,
 * nor who publishes, waiting. */
#define SENT_PER_TURN_BYTES (256 * 1024)
/* In which a subscriber must have greeted; nng's own limit. */
#define GREETING_US_MAX 10000000

/* A message, which all who wait for it share. */
struct message {
    size_t holder_count; /* guarded by the publisher's mutex */
    size_t size;
    uint8_t bytes[];
};

struct subscriber {
    struct ds_sp_connection wire; /* first: `ready` is given it */
    struct ds_sp_publisher *publisher;
    uint32_t address;
    struct ds_timer patience; /* until it has greeted */
    struct ds_sp_task more;   /* goes on with the queue */
    struct ds_sp_task end;    /* frees it */
    struct subscriber *previous;
    struct subscriber *next;

    /* Guarded by the publisher's mutex. */
    bool is_greeted;
    bool is_more_posted;
    bool has_ended;
    size_t first; /* of `queue`, a ring */
    size_t count;
    struct message *queue[];
};

struct place {
    struct ds_sp_publisher *publisher;
    struct ds_sp_binding binding;
    struct ds_sp_acceptor acceptor;
};

struct ds_sp_publisher {
    struct ds_sp_loop *loop;
    struct ds_peers *peers;
    size_t queue_max;
    size_t place_count;
    struct place places[DS_SP_PUBLISHER_ADDRESSES_MAX];

    pthread_mutex_t mutex; /* guards the list, which the loop's thread changes, and the queues */
    struct subscriber *subscribers;
};

/* ---- what a subscriber waits for ---- */

static void message_release(struct message *message)
{
    if (--message->holder_count == 0) {
        free(message);
    }
}

static struct message *queue_pop(struct subscriber *subscriber)
{
    struct message *message = subscriber->queue[subscriber->first];
    subscriber->first = (subscriber->first + 1) % subscriber->publisher->queue_max;
    subscriber->count--;
    return message;
}

static void queue_push(struct subscriber *subscriber, struct message *message)
{
    const size_t queue_max = subscriber->publisher->queue_max;
    if (subscriber->count == queue_max) {
        message_release(queue_pop(subscriber)); /* It sees so by the events' numbers. */
    }
    message->holder_count++;
    subscriber->queue[(subscriber->first + subscriber->count++) % queue_max] = message;
}

/* Sends what waits, one at a time, as long as the kernel takes each whole. What is too much for a
 * turn goes on in another, on the loop's thread. */
static void queue_send(struct subscriber *subscriber)
{
    size_t sent = 0;
    bool has_room = ds_sp_connection_unsent(&subscriber->wire) == 0;
    while (subscriber->count > 0 && has_room && sent < SENT_PER_TURN_BYTES) {
        struct message *message = queue_pop(subscriber);
        const struct ds_bytes part = ds_bytes_of(message->bytes, message->size);
        (void)ds_sp_connection_send(&subscriber->wire, &part, 1, NULL);
        sent += message->size;
        message_release(message);
        has_room = ds_sp_connection_unsent(&subscriber->wire) == 0;
    }
    if (subscriber->count > 0 && has_room && !subscriber->is_more_posted) {
        subscriber->is_more_posted = true;
        ds_sp_loop_post(subscriber->publisher->loop, &subscriber->more);
    }
}

static void send_more(struct ds_sp_task *task)
{
    struct subscriber *subscriber =
        (struct subscriber *)((uint8_t *)task - offsetof(struct subscriber, more));
    struct ds_sp_publisher *publisher = subscriber->publisher;
    pthread_mutex_lock(&publisher->mutex);
    subscriber->is_more_posted = false;
    if (!subscriber->has_ended) {
        queue_send(subscriber);
    }
    pthread_mutex_unlock(&publisher->mutex);
}

/* ---- who comes and goes, on the loop's thread ---- */

static void subscriber_free(struct ds_sp_task *task)
{
    free((uint8_t *)task - offsetof(struct subscriber, end));
}

static void subscriber_end(struct subscriber *subscriber)
{
    struct ds_sp_publisher *publisher = subscriber->publisher;
    pthread_mutex_lock(&publisher->mutex);
    *(subscriber->previous != NULL ? &subscriber->previous->next : &publisher->subscribers) =
        subscriber->next;
    if (subscriber->next != NULL) {
        subscriber->next->previous = subscriber->previous;
    }
    while (subscriber->count > 0) {
        message_release(queue_pop(subscriber));
    }
    subscriber->has_ended = true;
    pthread_mutex_unlock(&publisher->mutex);
    ds_timers_stop(ds_sp_loop_timers(publisher->loop), &subscriber->patience);
    ds_sp_connection_close(&subscriber->wire);
    ds_peers_leave(publisher->peers, subscriber->address);
    ds_sp_loop_post(publisher->loop, &subscriber->end);
}

static void patience_over(struct ds_timer *timer)
{
    subscriber_end((struct subscriber *)((uint8_t *)timer - offsetof(struct subscriber, patience)));
}

static void note_greeting(struct subscriber *subscriber)
{
    struct ds_sp_publisher *publisher = subscriber->publisher;
    if (subscriber->is_greeted || !subscriber->wire.stream.is_greeted) {
        return;
    }
    ds_timers_stop(ds_sp_loop_timers(publisher->loop), &subscriber->patience);
    pthread_mutex_lock(&publisher->mutex);
    subscriber->is_greeted = true;
    pthread_mutex_unlock(&publisher->mutex);
}

/* False where the subscriber has gone, or is none. */
static bool subscriber_receive(struct subscriber *subscriber)
{
    struct ds_bytes bytes;
    struct ds_bytes message;
    switch (ds_sp_connection_receive(&subscriber->wire, &bytes)) {
    case DS_SP_NOTHING:
        return true;
    case DS_SP_BYTES:
        break;
    case DS_SP_END:
        return false;
    }
    const enum ds_sp_outcome outcome =
        ds_sp_stream_next(&subscriber->wire.stream, &bytes, &message);
    note_greeting(subscriber);
    return outcome == DS_SP_MORE;
}

static void subscriber_ready(struct ds_sp_watch *watch, uint32_t events)
{
    struct subscriber *subscriber = (struct subscriber *)watch;
    if ((events & EPOLLOUT) != 0) {
        ds_sp_connection_flush(&subscriber->wire);
        pthread_mutex_lock(&subscriber->publisher->mutex);
        queue_send(subscriber);
        pthread_mutex_unlock(&subscriber->publisher->mutex);
    }
    if ((events & ~(uint32_t)EPOLLOUT) != 0 && !subscriber_receive(subscriber)) {
        subscriber_end(subscriber);
    }
}

static void subscriber_add(struct subscriber *subscriber)
{
    struct ds_sp_publisher *publisher = subscriber->publisher;
    pthread_mutex_lock(&publisher->mutex);
    subscriber->next = publisher->subscribers;
    if (subscriber->next != NULL) {
        subscriber->next->previous = subscriber;
    }
    publisher->subscribers = subscriber;
    pthread_mutex_unlock(&publisher->mutex);
}

/* Takes the descriptor. */
static void subscriber_begin(struct place *place, int fd, uint32_t address)
{
    struct ds_sp_publisher *publisher = place->publisher;
    struct subscriber *subscriber =
        calloc(1, sizeof *subscriber + publisher->queue_max * sizeof *subscriber->queue);
    if (subscriber == NULL) {
        abort();
    }
    subscriber->publisher = publisher;
    subscriber->address = address;
    subscriber->patience.fire = patience_over;
    subscriber->more.run = send_more;
    subscriber->end.run = subscriber_free;
    if (!ds_sp_connection_open(&subscriber->wire, &(struct ds_sp_connection_options){
                                                      .loop = publisher->loop,
                                                      .fd = fd,
                                                      .is_ipc = place->binding.is_ipc,
                                                      .protocol = DS_SP_PUB,
                                                      .peer_protocol = DS_SP_SUB,
                                                      .message_bytes_max = RECEIVED_BYTES_MAX,
                                                      .ready = subscriber_ready,
                                                  })) {
        ds_peers_leave(publisher->peers, address);
        free(subscriber);
        return;
    }
    ds_timers_set(ds_sp_loop_timers(publisher->loop), &subscriber->patience,
                  ds_sp_loop_now_us(publisher->loop) + GREETING_US_MAX);
    subscriber_add(subscriber);
}

static void came(void *context, int fd, const struct sockaddr_storage *address)
{
    subscriber_begin(context, fd, ds_peer_address_of(address));
}

/* ---- open, send, close ---- */

struct ds_sp_publisher *ds_sp_publisher_create(size_t queue_max)
{
    struct ds_sp_publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL || ds_sp_loop_create("ds-publish", &publisher->loop) != DS_OK) {
        abort();
    }
    publisher->queue_max = queue_max;
    publisher->peers = ds_peers_create(DS_SP_SUBSCRIBERS_MAX, DS_SP_SUBSCRIBERS_PER_ADDRESS_MAX);
    pthread_mutex_init(&publisher->mutex, NULL);
    return publisher;
}

static ds_code place_start(struct place *place)
{
    const bool is_started =
        ds_sp_acceptor_start(&place->acceptor, &(struct ds_sp_acceptor_options){
                                                   .loop = place->publisher->loop,
                                                   .binding = &place->binding,
                                                   .peers = place->publisher->peers,
                                                   .came = came,
                                                   .context = place,
                                               });
    return is_started ? DS_OK : DS_RESOURCE_EXHAUSTED;
}

ds_code ds_sp_publisher_listen(struct ds_sp_publisher *publisher, const char *url,
                               const char **ret_url)
{
    if (publisher->place_count == DS_SP_PUBLISHER_ADDRESSES_MAX) {
        return DS_RESOURCE_EXHAUSTED;
    }
    struct place *place = &publisher->places[publisher->place_count];
    DS_TRY(ds_sp_bind(url, &place->binding));
    place->publisher = publisher;
    const ds_code code = place->binding.is_tls ? DS_INVALID_ARGUMENT : place_start(place);
    if (code != DS_OK) {
        ds_sp_unbind(&place->binding);
        return code;
    }
    publisher->place_count++;
    *ret_url = place->binding.url;
    return DS_OK;
}

void ds_sp_publisher_send(struct ds_sp_publisher *publisher, struct ds_bytes message)
{
    struct message *shared = malloc(sizeof *shared + message.size);
    if (shared == NULL) {
        abort();
    }
    shared->holder_count = 1;
    shared->size = message.size;
    memcpy(shared->bytes, message.data, message.size);
    pthread_mutex_lock(&publisher->mutex);
    for (struct subscriber *subscriber = publisher->subscribers; subscriber != NULL;
         subscriber = subscriber->next) {
        if (subscriber->is_greeted) {
            queue_push(subscriber, shared);
            queue_send(subscriber);
        }
    }
    message_release(shared);
    pthread_mutex_unlock(&publisher->mutex);
}

size_t ds_sp_publisher_connection_count(const struct ds_sp_publisher *publisher)
{
    return ds_peers_count(publisher->peers);
}

static void close_all(void *context)
{
    struct ds_sp_publisher *publisher = context;
    for (size_t i = 0; i < publisher->place_count; i++) {
        ds_sp_acceptor_stop(&publisher->places[i].acceptor);
    }
    while (publisher->subscribers != NULL) {
        subscriber_end(publisher->subscribers);
    }
}

void ds_sp_publisher_close(struct ds_sp_publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    ds_sp_loop_run(publisher->loop, close_all, publisher);
    ds_sp_loop_destroy(publisher->loop);
    for (size_t i = 0; i < publisher->place_count; i++) {
        ds_sp_unbind(&publisher->places[i].binding);
    }
    ds_peers_destroy(publisher->peers);
    pthread_mutex_destroy(&publisher->mutex);
    free(publisher);
}
