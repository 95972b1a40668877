/* The connections of a listener: what they send, and how long they may take for what. */
#include "ds/log.h"
#include "ds/sp_listener_internal.h"

#include <stdlib.h>
#include <sys/epoll.h>

/* A peer that takes no byte of its replies for 2 s is hung up on. That goes by looks and not by the
 * clock: a machine that stood still has given the peer no time. */
#define UNREAD_LOOK_US 500000
#define UNREAD_LOOKS_MAX 4
/* A peer that has more than this to take is not read from. */
#define UNSENT_BYTES_MAX (1024 * 1024)
/* Reads of what came before a time limit: the largest message over TLS, of which a read brings one
 * record, 16 KiB at most. */
#define LATE_READS_MAX 1100
/* What is gathered while the requests of one read are worked off. */
#define GATHERED_BYTES_MAX (64 * 1024)

static struct ds_sp_loop *loop_of(const struct ds_sp_peer *peer)
{
    return peer->lane->loop;
}

static struct ds_sp_listener *listener_of(const struct ds_sp_peer *peer)
{
    return peer->lane->listener;
}

/* ---- holding ---- */

void ds_sp_peer_hold(struct ds_sp_peer *peer)
{
    atomic_fetch_add(&peer->reference_count, 1);
}

void ds_sp_peer_release(struct ds_sp_peer *peer)
{
    struct ds_sp_listener *listener = listener_of(peer);
    if (atomic_fetch_sub(&peer->reference_count, 1) > 1) {
        return;
    }
    free(peer);
    pthread_mutex_lock(&listener->mutex);
    listener->held_count--;
    if (listener->held_count == 0) {
        pthread_cond_signal(&listener->emptied);
    }
    pthread_mutex_unlock(&listener->mutex);
}

static void list_add(struct ds_sp_peer *peer)
{
    struct ds_sp_lane *lane = peer->lane;
    pthread_mutex_lock(&lane->mutex);
    peer->older = lane->newest;
    *(lane->newest != NULL ? &lane->newest->newer : &lane->oldest) = peer;
    lane->newest = peer;
    pthread_mutex_unlock(&lane->mutex);
}

static void list_remove(struct ds_sp_peer *peer)
{
    struct ds_sp_lane *lane = peer->lane;
    pthread_mutex_lock(&lane->mutex);
    *(peer->older != NULL ? &peer->older->newer : &lane->oldest) = peer->newer;
    *(peer->newer != NULL ? &peer->newer->older : &lane->newest) = peer->older;
    pthread_mutex_unlock(&lane->mutex);
}

static void leave(struct ds_sp_peer *peer)
{
    ds_peers_leave(listener_of(peer)->peers, peer->address);
    ds_sp_peer_release(peer);
}

void ds_sp_peer_end(struct ds_sp_peer *peer)
{
    const struct ds_sp_listener_options *options = &listener_of(peer)->options;
    ds_timers_stop(ds_sp_loop_timers(loop_of(peer)), &peer->timer);
    list_remove(peer);
    atomic_store(&peer->is_gone, true);
    ds_sp_connection_close(&peer->wire);
    ds_buffer_deinit(&peer->rest);
    options->peer_left(options->context, peer->id);
    leave(peer);
}

/* ---- time limits ---- */

static void take_earlier(int64_t *at_us, int64_t since_us, int64_t limit_us)
{
    if (since_us + limit_us < *at_us) {
        *at_us = since_us + limit_us;
    }
}

/* When the peer will have had its time for something to send; INT64_MAX: never. */
static int64_t overdue_us(const struct ds_sp_peer *peer)
{
    const struct ds_sp_listener *listener = listener_of(peer);
    int64_t at_us = INT64_MAX;
    if (!peer->wire.stream.is_greeted) {
        take_earlier(&at_us, peer->came_us, listener->greeting_us);
    }
    if (!peer->has_asked && listener->first_request_us > 0) {
        take_earlier(&at_us, peer->came_us, listener->first_request_us);
    }
    if (peer->midway_us > 0) {
        take_earlier(&at_us, peer->midway_us, listener->message_us);
    }
    return at_us;
}

/* Whether the peer has left the same bytes for too long; else notes when to look again. */
static bool is_unread(struct ds_sp_peer *peer)
{
    const int64_t now_us = ds_sp_loop_now_us(loop_of(peer));
    const int64_t since_us = ds_sp_connection_blocked_us(&peer->wire);
    if (since_us == 0 || !peer->wire.stream.is_greeted) {
        peer->unread_us = 0;
        return false;
    }
    if (since_us != peer->unread_us) {
        peer->unread_us = since_us;
        peer->unread_look_us = now_us;
        peer->unread_looks = 0;
    } else if (now_us - peer->unread_look_us >= UNREAD_LOOK_US) {
        peer->unread_look_us = now_us;
        peer->unread_looks++;
    }
    return peer->unread_looks >= UNREAD_LOOKS_MAX;
}

/* A timer that fires too early is set again then, which costs less than to set it each time. */
static void watch_time(struct ds_sp_peer *peer)
{
    int64_t at_us = overdue_us(peer);
    (void)is_unread(peer); /* If so, the timer has been set for it. */
    if (peer->unread_us > 0) {
        take_earlier(&at_us, peer->unread_look_us, UNREAD_LOOK_US);
        ds_sp_listener_relieve(listener_of(peer));
    }
    if (at_us < INT64_MAX && (peer->timer.place == 0 || peer->timer.at > at_us)) {
        ds_timers_set(ds_sp_loop_timers(loop_of(peer)), &peer->timer, at_us);
    }
}

static void end_unread(struct ds_sp_peer *peer)
{
    struct ds_sp_listener *listener = listener_of(peer);
    atomic_fetch_add(&listener->unread, 1);
    ds_log(DS_LOG_WARNING, "peer_does_not_read", DS_LOG_TEXT("url", listener->binding.url),
           DS_LOG_TEXT("peer", peer->name));
    ds_sp_peer_end(peer);
}

static void end_overdue(struct ds_sp_peer *peer)
{
    struct ds_sp_listener *listener = listener_of(peer);
    atomic_fetch_add(&listener->overdue, 1);
    ds_log(DS_LOG_DEBUG, "connection_overdue", DS_LOG_TEXT("url", listener->binding.url),
           DS_LOG_TEXT("peer", peer->name));
    ds_sp_peer_end(peer);
}

static void run_look(struct ds_sp_task *task)
{
    struct ds_sp_peer *peer =
        (struct ds_sp_peer *)((uint8_t *)task - offsetof(struct ds_sp_peer, task));
    atomic_store(&peer->is_posted, false);
    if (!atomic_load(&peer->is_gone)) {
        watch_time(peer);
    }
    ds_sp_peer_release(peer);
}

void ds_sp_peer_sent(struct ds_sp_peer *peer)
{
    if (ds_sp_loop_is_own_thread(loop_of(peer)) && peer->is_working) {
        return; /* It is looked at once they are worked off. */
    }
    if (ds_sp_connection_blocked_us(&peer->wire) > 0 && !atomic_exchange(&peer->is_posted, true)) {
        ds_sp_peer_hold(peer);
        ds_sp_loop_post(loop_of(peer), &peer->task);
    }
}

/* ---- what comes in ---- */

/* Whether the peer takes what it asks for; in the middle of its requests. */
static bool has_room(struct ds_sp_peer *peer)
{
    if (ds_sp_connection_unsent(&peer->wire) <= GATHERED_BYTES_MAX) {
        return true;
    }
    ds_sp_connection_uncork(&peer->wire);
    ds_sp_connection_cork(&peer->wire);
    return ds_sp_connection_unsent(&peer->wire) <= UNSENT_BYTES_MAX;
}

/* Passes on what is whole in the bytes. False where the connection is to be ended. */
static bool work_off(struct ds_sp_peer *peer, struct ds_bytes bytes)
{
    struct ds_bytes message;
    bool is_good = true;
    bool goes_on = true;
    peer->is_working = true;
    ds_sp_connection_cork(&peer->wire);
    while (goes_on) {
        const enum ds_sp_outcome outcome = ds_sp_stream_next(&peer->wire.stream, &bytes, &message);
        if (outcome == DS_SP_MESSAGE) {
            peer->midway_us = 0;
            is_good = ds_sp_exchange_begin(peer, message);
        } else {
            is_good = outcome == DS_SP_MORE;
        }
        goes_on = is_good && outcome == DS_SP_MESSAGE && has_room(peer);
    }
    ds_sp_connection_uncork(&peer->wire);
    peer->is_working = false;
    if (is_good) {
        ds_buffer_append(&peer->rest, bytes.data, bytes.size);
    } else {
        atomic_fetch_add(&listener_of(peer)->malformed, 1);
        ds_log(DS_LOG_DEBUG, "connection_malformed",
               DS_LOG_TEXT("url", listener_of(peer)->binding.url), DS_LOG_TEXT("peer", peer->name));
    }
    return is_good;
}

static bool work_off_rest(struct ds_sp_peer *peer)
{
    struct ds_buffer rest = peer->rest;
    if (rest.size == 0) {
        return true;
    }
    ds_buffer_init(&peer->rest, DS_SP_SCRATCH_BYTES);
    const bool is_good = work_off(peer, ds_buffer_bytes(&rest));
    ds_buffer_deinit(&rest);
    return is_good;
}

/* DS_SP_BYTES where something came and was good. */
static enum ds_sp_arrival receive(struct ds_sp_peer *peer)
{
    struct ds_bytes bytes;
    const enum ds_sp_arrival arrival = ds_sp_connection_receive(&peer->wire, &bytes);
    return arrival == DS_SP_BYTES && !work_off(peer, bytes) ? DS_SP_END : arrival;
}

static bool is_full(struct ds_sp_peer *peer)
{
    return ds_sp_connection_unsent(&peer->wire) > UNSENT_BYTES_MAX;
}

/* A peer that does not take its replies is read from no more until it does; meanwhile the time of
 * a message that has begun stands still. */
static void mind_room(struct ds_sp_peer *peer)
{
    const bool awaits_room = peer->rest.size > 0 || is_full(peer);
    if (awaits_room) {
        peer->midway_us = 0;
        ds_sp_connection_set_reading(&peer->wire, DS_SP_AWAITS_ROOM);
        return;
    }
    if (peer->wire.reading == DS_SP_AWAITS_ROOM) {
        ds_sp_connection_set_reading(&peer->wire, DS_SP_READS);
    }
    if (peer->midway_us == 0 && peer->wire.stream.is_greeted &&
        ds_sp_stream_is_midway(&peer->wire.stream)) {
        peer->midway_us = ds_sp_loop_now_us(loop_of(peer));
    }
}

/* False where the connection is to be ended. */
static bool go_on(struct ds_sp_peer *peer, uint32_t events)
{
    const bool has_ended = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (peer->lane->is_stopped) {
        return !has_ended && !(peer->lane->is_closing && ds_sp_connection_unsent(&peer->wire) == 0);
    }
    if (is_full(peer)) {
        return !has_ended;
    }
    if (!work_off_rest(peer)) {
        return false;
    }
    if (peer->rest.size > 0) {
        return !has_ended;
    }
    const bool may_receive = (events & EPOLLIN) != 0 || has_ended || !peer->wire.is_shaken;
    return !may_receive || receive(peer) != DS_SP_END;
}

static void peer_ready(struct ds_sp_watch *watch, uint32_t events)
{
    struct ds_sp_peer *peer = (struct ds_sp_peer *)watch;
    if ((events & EPOLLOUT) != 0) {
        ds_sp_connection_flush(&peer->wire);
    }
    if (!go_on(peer, events)) {
        ds_sp_peer_end(peer);
        return;
    }
    if (!peer->lane->is_stopped) {
        mind_room(peer);
    }
    watch_time(peer);
}

/* ---- when the time is over ---- */

static bool is_overdue(const struct ds_sp_peer *peer)
{
    return overdue_us(peer) <= ds_sp_loop_now_us(loop_of(peer));
}

/* Takes what has come before the time was over, of which a machine that stood still has left more
 * than one read's: the peer did its part. False where the connection is to be ended. */
static bool catch_up(struct ds_sp_peer *peer)
{
    enum ds_sp_arrival arrival = DS_SP_BYTES;
    for (int i = 0; i < LATE_READS_MAX && arrival == DS_SP_BYTES && is_overdue(peer) &&
                    !peer->lane->is_stopped;
         i++) {
        arrival = receive(peer);
        if (arrival == DS_SP_BYTES) {
            mind_room(peer);
        }
    }
    return arrival != DS_SP_END;
}

static void timer_fired(struct ds_timer *timer)
{
    struct ds_sp_peer *peer =
        (struct ds_sp_peer *)((uint8_t *)timer - offsetof(struct ds_sp_peer, timer));
    ds_sp_connection_flush(&peer->wire);
    if (!catch_up(peer)) {
        ds_sp_peer_end(peer);
    } else if (is_overdue(peer)) {
        end_overdue(peer);
    } else if (is_unread(peer)) {
        end_unread(peer);
    } else {
        watch_time(peer);
    }
}

/* ---- begin and end ---- */

static struct ds_tls_session *open_tls(struct ds_sp_listener *listener, int fd)
{
    if (!listener->binding.is_tls) {
        return NULL;
    }
    pthread_mutex_lock(&listener->mutex);
    struct ds_tls_identity *identity = ds_tls_identity_hold(listener->identity);
    pthread_mutex_unlock(&listener->mutex);
    struct ds_tls_session *session = ds_tls_session_accept(identity, fd);
    ds_tls_identity_release(identity);
    return session;
}

void ds_sp_peer_begin(struct ds_sp_peer *peer)
{
    struct ds_sp_listener *listener = listener_of(peer);
    const bool is_open = ds_sp_connection_open(
        &peer->wire, &(struct ds_sp_connection_options){
                         .loop = loop_of(peer),
                         .fd = peer->fd,
                         .is_ipc = listener->binding.is_ipc,
                         .protocol = DS_SP_REP,
                         .peer_protocol = DS_SP_REQ,
                         .message_bytes_max = listener->options.message_bytes_max,
                         .tls = open_tls(listener, peer->fd),
                         .unsent_total = &listener->unsent_bytes,
                         .ready = peer_ready,
                     });
    peer->task.run = run_look;
    peer->timer.fire = timer_fired;
    ds_buffer_init(&peer->rest, DS_SP_SCRATCH_BYTES);
    if (!is_open) {
        leave(peer);
        return;
    }
    list_add(peer);
    watch_time(peer);
}

void ds_sp_peer_stop(struct ds_sp_peer *peer)
{
    if (!peer->wire.stream.is_greeted) {
        ds_sp_peer_end(peer);
        return;
    }
    peer->midway_us = 0;
    ds_sp_connection_set_reading(&peer->wire, DS_SP_READS_NOTHING);
}

void ds_sp_peer_close(struct ds_sp_peer *peer)
{
    if (ds_sp_connection_unsent(&peer->wire) == 0) {
        ds_sp_peer_end(peer);
    }
}
