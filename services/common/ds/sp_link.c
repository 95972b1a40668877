/* One connection of a dialer: it is brought about, listened to, and ends. */
#include "ds/sp_dialer_internal.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The wait after a connection that brought no reply is doubled, from MIN to MAX. */
#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 250
#define CONNECT_MS 5000
/* Until the peer's greeting has come, hands are shaken and all. */
#define GREETING_MS 10000
#define US_PER_MS 1000
#define ID_BYTES 4

static void link_timer_set(struct ds_sp_link *link, int64_t wait_us)
{
    ds_timers_set(ds_sp_loop_timers(link->dialer->loop), &link->timer, ds_sp_now_us() + wait_us);
}

static void link_timer_stop(struct ds_sp_link *link)
{
    ds_timers_stop(ds_sp_loop_timers(link->dialer->loop), &link->timer);
}

static void phase_begin(struct ds_sp_link *link, enum ds_sp_link_phase phase)
{
    pthread_mutex_lock(&link->dialer->mutex);
    link->phase = phase;
    pthread_mutex_unlock(&link->dialer->mutex);
}

/* ---- the end ---- */

static bool is_first(const struct ds_sp_link *link)
{
    return link == link->dialer->links;
}

/* What a handshake that failed tells of the peer. */
static void note_handshake(struct ds_sp_link *link)
{
    struct ds_sp_dialer *dialer = link->dialer;
    struct ds_tls_finding finding;
    if (link->phase != DS_SP_LINK_GREETING || dialer->trust == NULL || link->connection.is_shaken) {
        return;
    }
    ds_tls_session_judge(link->connection.tls, &finding);
    pthread_mutex_lock(&dialer->mutex);
    dialer->failure = finding.reason;
    if (finding.verdict == DS_TLS_REFUSED && !ds_sp_pool_is_open_locked(dialer)) {
        ds_sp_requests_fail_waiting_locked(dialer, DS_UNAVAILABLE);
    }
    pthread_mutex_unlock(&dialer->mutex);
}

/* Those that the link has will get no answer; of some not even the peer has got all. */
static void fail_requests_locked(struct ds_sp_link *link, ds_code code)
{
    const uint64_t sent = ds_sp_connection_sent(&link->connection);
    for (size_t i = 0; i < DS_SP_SLOTS_MAX; i++) {
        struct ds_sp_slot *slot = &link->slots[i];
        if (slot->request != NULL) {
            slot->request->was_sent = sent >= slot->end;
            ds_sp_request_finish_locked(slot->request, code);
        }
    }
    ds_sp_slots_init_locked(link);
}

/* Nothing of the loop's or the kernel's is left of it. */
static void leave_network(struct ds_sp_link *link)
{
    struct ds_sp_loop *loop = link->dialer->loop;
    switch (link->phase) {
    case DS_SP_LINK_LOOKING_UP:
        ds_sp_lookup_abandon(link->lookup);
        link->lookup = NULL;
        break;
    case DS_SP_LINK_CONNECTING:
        ds_sp_loop_remove(loop, &link->watch);
        close(link->watch.fd);
        break;
    case DS_SP_LINK_GREETING:
    case DS_SP_LINK_OPEN:
    case DS_SP_LINK_ENDING:
        ds_sp_connection_close(&link->connection);
        break;
    case DS_SP_LINK_DOWN:
        break;
    }
}

static void dial_later(struct ds_sp_link *link)
{
    link_timer_set(link, (int64_t)link->reconnect_ms * US_PER_MS);
    link->reconnect_ms =
        link->reconnect_ms * 2 < RECONNECT_MS_MAX ? link->reconnect_ms * 2 : RECONNECT_MS_MAX;
}

/* False while others are just sending by it: the last of them posts its end. */
static bool may_end(struct ds_sp_link *link)
{
    struct ds_sp_dialer *dialer = link->dialer;
    pthread_mutex_lock(&dialer->mutex);
    const bool may_end = link->sender_count == 0;
    link->is_failing = true;
    link->phase = may_end ? link->phase : DS_SP_LINK_ENDING;
    pthread_mutex_unlock(&dialer->mutex);
    if (!may_end) {
        ds_sp_connection_hang_up(&link->connection);
        ds_sp_loop_remove(dialer->loop, &link->connection.watch);
    }
    return may_end;
}

void ds_sp_link_end(struct ds_sp_link *link, bool dials_again)
{
    struct ds_sp_dialer *dialer = link->dialer;
    link_timer_stop(link);
    if (!may_end(link)) {
        assert(dials_again); /* Nobody sends any more when the dialer closes. */
        return;
    }
    note_handshake(link);
    leave_network(link);
    pthread_mutex_lock(&dialer->mutex);
    if (link->phase >= DS_SP_LINK_OPEN) {
        fail_requests_locked(link, dials_again ? DS_UNAVAILABLE : DS_CANCELLED);
    }
    link->failed_us = link->phase < DS_SP_LINK_OPEN ? ds_sp_now_us() : 0;
    dialer->failure = link->phase < DS_SP_LINK_GREETING ? NULL : dialer->failure;
    link->phase = DS_SP_LINK_DOWN;
    link->is_corked = false;
    link->is_receiving = false;
    pthread_mutex_unlock(&dialer->mutex);
    if (dials_again && is_first(link)) {
        dial_later(link);
    }
    ds_sp_requests_tell(dialer);
}

static void end_after_senders(struct ds_sp_task *task)
{
    struct ds_sp_link *link =
        (struct ds_sp_link *)((char *)task - offsetof(struct ds_sp_link, end_task));
    if (link->phase == DS_SP_LINK_ENDING) {
        ds_sp_link_end(link, true);
    }
}

/* ---- listening to it ---- */

void ds_sp_links_cork(struct ds_sp_dialer *dialer)
{
    dialer->batch_depth++; /* Each link is corked by the first request that goes by it. */
}

void ds_sp_links_uncork(struct ds_sp_dialer *dialer)
{
    dialer->batch_depth--;
    for (size_t i = 0; i < DS_SP_LINKS_MAX && dialer->batch_depth == 0; i++) {
        struct ds_sp_link *link = &dialer->links[i];
        if (link->is_corked) {
            link->is_corked = false;
            ds_sp_connection_uncork(&link->connection);
        }
    }
}

static void become_open(struct ds_sp_link *link)
{
    struct ds_sp_dialer *dialer = link->dialer;
    pthread_mutex_lock(&dialer->mutex);
    link->phase = DS_SP_LINK_OPEN;
    link->used_us = ds_sp_now_us();
    link->failed_us = 0;
    dialer->failure = NULL;
    pthread_mutex_unlock(&dialer->mutex);
    link_timer_stop(link);
    if (!is_first(link)) {
        link_timer_set(link, dialer->idle_us);
    }
}

/* False where it is no reply, to whomever. */
static bool take_reply(struct ds_sp_link *link, struct ds_bytes message)
{
    if (message.size < ID_BYTES) {
        return false;
    }
    const uint8_t *id = message.data;
    ds_bytes_skip(&message, ID_BYTES);
    link->reconnect_ms = RECONNECT_MS_MIN;
    return ds_sp_request_answer(
        link, (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3],
        message);
}

static void note_receiving(struct ds_sp_link *link)
{
    const bool is_receiving = link->connection.stream.partial.size > DS_SP_LARGE_BYTES &&
                              ds_sp_stream_is_midway(&link->connection.stream);
    if (is_receiving != link->is_receiving) {
        pthread_mutex_lock(&link->dialer->mutex);
        link->is_receiving = is_receiving;
        pthread_mutex_unlock(&link->dialer->mutex);
    }
}

/* False where the peer is none of ours. */
static bool take_messages(struct ds_sp_link *link, struct ds_bytes bytes)
{
    struct ds_sp_stream *stream = &link->connection.stream;
    struct ds_bytes message;
    enum ds_sp_outcome outcome = ds_sp_stream_next(stream, &bytes, &message);
    while (outcome == DS_SP_MESSAGE && take_reply(link, message)) {
        outcome = ds_sp_stream_next(stream, &bytes, &message);
    }
    return outcome == DS_SP_MORE;
}

static void take_bytes(struct ds_sp_link *link, struct ds_bytes bytes)
{
    struct ds_sp_dialer *dialer = link->dialer;
    ds_sp_links_cork(dialer);
    const bool is_good = take_messages(link, bytes);
    ds_sp_links_uncork(dialer);
    if (!is_good) {
        ds_sp_link_end(link, true);
        return;
    }
    note_receiving(link);
    if (link->phase == DS_SP_LINK_GREETING && link->connection.stream.is_greeted) {
        become_open(link);
    }
    ds_sp_requests_send_waiting(dialer);
}

static void connection_ready(struct ds_sp_watch *watch, uint32_t events)
{
    struct ds_sp_link *link = (struct ds_sp_link *)watch;
    struct ds_bytes bytes;
    if ((events & EPOLLOUT) != 0 && link->connection.is_shaken) {
        ds_sp_connection_flush(&link->connection);
        if ((events & ~(uint32_t)EPOLLOUT) == 0) {
            return;
        }
    }
    const enum ds_sp_arrival arrival = ds_sp_connection_receive(&link->connection, &bytes);
    if (arrival == DS_SP_BYTES) {
        take_bytes(link, bytes);
    } else if (arrival == DS_SP_END) {
        ds_sp_link_end(link, true);
    }
}

/* ---- connecting ---- */

static void greet(struct ds_sp_link *link, int fd)
{
    struct ds_sp_dialer *dialer = link->dialer;
    const struct ds_sp_connection_options options = {
        .loop = dialer->loop,
        .fd = fd,
        .is_ipc = link->address.is_ipc,
        .protocol = DS_SP_REQ,
        .peer_protocol = DS_SP_REP,
        .message_bytes_max = dialer->message_bytes_max,
        .tls = dialer->trust != NULL ? ds_tls_session_connect(dialer->trust, fd) : NULL,
        .receives_rest = true, /* Replies, of a server that has stopped. */
        .ready = connection_ready,
    };
    if (!ds_sp_connection_open(&link->connection, &options)) {
        phase_begin(link, DS_SP_LINK_DOWN); /* Nothing is left to be closed. */
        ds_sp_link_end(link, true);
        return;
    }
    pthread_mutex_lock(&dialer->mutex);
    link->phase = DS_SP_LINK_GREETING;
    link->is_failing = false;
    ds_sp_slots_init_locked(link);
    pthread_mutex_unlock(&dialer->mutex);
    link_timer_set(link, GREETING_MS * US_PER_MS);
    if (dialer->trust != NULL) {
        connection_ready(&link->connection.watch, EPOLLIN); /* A client shakes hands first. */
    }
}

/* Tries one place after the other. */
static void connect_next(struct ds_sp_link *link)
{
    while (link->place < link->address.place_count) {
        const struct ds_sp_place *place = &link->address.places[link->place++];
        const int fd =
            socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            break;
        }
        link->watch.fd = fd;
        if (connect(fd, (const struct sockaddr *)&place->address, place->size) == 0) {
            greet(link, fd);
            return;
        }
        if (errno == EINPROGRESS && ds_sp_loop_add(link->dialer->loop, &link->watch, EPOLLOUT)) {
            phase_begin(link, DS_SP_LINK_CONNECTING);
            link_timer_set(link, CONNECT_MS * US_PER_MS);
            return;
        }
        close(fd);
    }
    ds_sp_link_end(link, true);
}

static void connect_ready(struct ds_sp_watch *watch, uint32_t events)
{
    struct ds_sp_link *link =
        (struct ds_sp_link *)((char *)watch - offsetof(struct ds_sp_link, watch));
    int failure = 0;
    socklen_t size = sizeof failure;
    (void)events;
    if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 || failure != 0) {
        leave_network(link);
        phase_begin(link, DS_SP_LINK_DOWN);
        connect_next(link);
        return;
    }
    ds_sp_loop_remove(link->dialer->loop, watch);
    greet(link, watch->fd);
}

static void connect_to(struct ds_sp_link *link, const struct ds_sp_address *address)
{
    link->address = *address;
    link->place = 0;
    connect_next(link);
}

static void looked_up(void *context, const struct ds_sp_address *address)
{
    struct ds_sp_link *link = context;
    link->lookup = NULL;
    phase_begin(link, DS_SP_LINK_DOWN);
    connect_to(link, address);
}

static void look_up(struct ds_sp_link *link)
{
    const struct ds_sp_target *target = &link->dialer->target;
    phase_begin(link, DS_SP_LINK_LOOKING_UP);
    link->lookup =
        ds_sp_lookup_start(link->dialer->loop, target->host, target->port, looked_up, link);
    if (link->lookup == NULL) {
        ds_sp_link_end(link, true);
    }
}

void ds_sp_link_dial(struct ds_sp_link *link)
{
    const struct ds_sp_target *target = &link->dialer->target;
    if (link->phase != DS_SP_LINK_DOWN) {
        return;
    }
    link_timer_stop(link);
    if (target->is_name) {
        look_up(link);
    } else {
        connect_to(link, &target->address);
    }
}

/* ---- timers ---- */

/* The first one stays. */
static void close_if_idle(struct ds_sp_link *link)
{
    struct ds_sp_dialer *dialer = link->dialer;
    pthread_mutex_lock(&dialer->mutex);
    const int64_t left_us = link->used_us + dialer->idle_us - ds_sp_now_us();
    const bool is_idle = left_us <= 0 && link->free_slots == UINT64_MAX && link->sender_count == 0;
    link->is_failing = link->is_failing || is_idle;
    pthread_mutex_unlock(&dialer->mutex);
    if (is_idle) {
        ds_sp_link_end(link, true);
    } else {
        link_timer_set(link, left_us > 0 ? left_us : dialer->idle_us);
    }
}

static void link_due(struct ds_timer *timer)
{
    struct ds_sp_link *link =
        (struct ds_sp_link *)((char *)timer - offsetof(struct ds_sp_link, timer));
    switch (link->phase) {
    case DS_SP_LINK_DOWN:
        ds_sp_link_dial(link);
        break;
    case DS_SP_LINK_CONNECTING:
        leave_network(link);
        phase_begin(link, DS_SP_LINK_DOWN);
        connect_next(link);
        break;
    case DS_SP_LINK_OPEN:
        close_if_idle(link);
        break;
    default:
        ds_sp_link_end(link, true);
        break;
    }
}

void ds_sp_link_init(struct ds_sp_link *link, struct ds_sp_dialer *dialer)
{
    link->dialer = dialer;
    link->watch.ready = connect_ready;
    link->timer.fire = link_due;
    link->end_task.run = end_after_senders;
    link->reconnect_ms = RECONNECT_MS_MIN;
    ds_sp_slots_init_locked(link);
}
