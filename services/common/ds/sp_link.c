/* One connection of a dialer: it is brought about, listened to, and ends. */
#include "ds/sp_dialer_internal.h"

#include <assert.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/random.h>

/* The wait after a connection that brought no reply is doubled, from MIN to MAX; each is up to a
 * quarter shorter than that, so that the clients of a server don't come all at once. */
#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 250
/* The same where the peer is none that would do the next time: a person has to see to that. */
#define REFUSED_MS_MAX 15000
/* Of those besides the first, which are wanted while there is another. */
#define FURTHER_MS_MIN 250
/* Until the peer's greeting has come, hands are shaken and all. */
#define GREETING_MS 10000
#define US_PER_MS 1000
#define ID_BYTES 4

void ds_sp_link_timer_set(struct ds_sp_link *link, int64_t wait_us)
{
    ds_timers_set(ds_sp_loop_timers(link->dialer->loop), &link->timer, ds_sp_now_us() + wait_us);
}

static void link_timer_stop(struct ds_sp_link *link)
{
    ds_timers_stop(ds_sp_loop_timers(link->dialer->loop), &link->timer);
}

void ds_sp_link_phase_begin(struct ds_sp_link *link, enum ds_sp_link_phase phase)
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
    link->is_refused = finding.verdict == DS_TLS_REFUSED;
    pthread_mutex_lock(&dialer->mutex);
    dialer->failure = finding.reason;
    if (finding.verdict == DS_TLS_REFUSED && !ds_sp_pool_is_open_locked(dialer)) {
        ds_sp_requests_fail_waiting_locked(dialer, DS_UNAVAILABLE);
    }
    pthread_mutex_unlock(&dialer->mutex);
}

/* A peer that greets as something else, or not at all but with other bytes. */
static void note_stranger(struct ds_sp_link *link)
{
    struct ds_sp_dialer *dialer = link->dialer;
    if (link->phase != DS_SP_LINK_GREETING || link->connection.stream.is_greeted) {
        return;
    }
    link->is_refused = true;
    pthread_mutex_lock(&dialer->mutex);
    dialer->failure = "what answers there is no service of DeltaStream";
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
    switch (link->phase) {
    case DS_SP_LINK_LOOKING_UP:
        ds_sp_lookup_abandon(link->lookup);
        link->lookup = NULL;
        break;
    case DS_SP_LINK_CONNECTING:
        ds_sp_attempts_end(link);
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

/* How long to wait before the next try. */
static int64_t draw_wait_us(struct ds_sp_link *link)
{
    const int max_ms = link->is_refused ? REFUSED_MS_MAX : RECONNECT_MS_MAX;
    const int wait_ms = link->reconnect_ms < max_ms ? link->reconnect_ms : max_ms;
    const int64_t wait_us = (int64_t)wait_ms * US_PER_MS;
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    link->reconnect_ms = wait_ms * 2;
    return wait_us - random % (wait_us / 4);
}

/* The first one dials by itself. */
static void put_off(struct ds_sp_link *link, bool dials_again, bool was_open)
{
    struct ds_sp_dialer *dialer = link->dialer;
    int64_t wait_us = draw_wait_us(link);
    if (dials_again && is_first(link)) {
        ds_sp_link_timer_set(link, wait_us);
    } else if (was_open) {
        wait_us = 0;
    } else if (wait_us < (int64_t)FURTHER_MS_MIN * US_PER_MS) {
        wait_us = (int64_t)FURTHER_MS_MIN * US_PER_MS;
    }
    pthread_mutex_lock(&dialer->mutex);
    link->retry_us = wait_us > 0 ? ds_sp_now_us() + wait_us : 0;
    pthread_mutex_unlock(&dialer->mutex);
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
    const bool was_open = link->phase >= DS_SP_LINK_OPEN;
    pthread_mutex_lock(&dialer->mutex);
    if (was_open) {
        fail_requests_locked(link, dials_again ? DS_UNAVAILABLE : DS_CANCELLED);
    }
    dialer->failure = link->phase < DS_SP_LINK_GREETING ? NULL : dialer->failure;
    link->phase = DS_SP_LINK_DOWN;
    link->is_corked = false;
    link->is_receiving = false;
    if (was_open && !ds_sp_pool_is_open_locked(dialer)) {
        dialer->lost_us = ds_sp_now_us();
    }
    pthread_mutex_unlock(&dialer->mutex);
    put_off(link, dials_again, was_open);
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
    link->retry_us = 0;
    dialer->failure = NULL;
    dialer->lost_us = INT64_MAX;
    pthread_mutex_unlock(&dialer->mutex);
    link_timer_stop(link);
    if (!is_first(link)) {
        ds_sp_link_timer_set(link, dialer->idle_us);
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
        note_stranger(link);
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

/* ---- beginning ---- */

void ds_sp_link_greet(struct ds_sp_link *link, int fd)
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
        ds_sp_link_phase_begin(link, DS_SP_LINK_DOWN); /* Nothing is left to be closed. */
        ds_sp_link_end(link, true);
        return;
    }
    pthread_mutex_lock(&dialer->mutex);
    link->phase = DS_SP_LINK_GREETING;
    link->is_failing = false;
    ds_sp_slots_init_locked(link);
    pthread_mutex_unlock(&dialer->mutex);
    ds_sp_link_timer_set(link, GREETING_MS * US_PER_MS);
    if (dialer->trust != NULL) {
        connection_ready(&link->connection.watch, EPOLLIN); /* A client shakes hands first. */
    }
}

void ds_sp_link_dial(struct ds_sp_link *link)
{
    if (link->phase != DS_SP_LINK_DOWN) {
        return;
    }
    link_timer_stop(link);
    link->is_refused = false;
    pthread_mutex_lock(&link->dialer->mutex);
    link->retry_us = 0;
    pthread_mutex_unlock(&link->dialer->mutex);
    ds_sp_link_connect(link);
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
        ds_sp_link_timer_set(link, left_us > 0 ? left_us : dialer->idle_us);
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
        if (link->place < link->address.place_count) {
            ds_sp_link_connect_next(link);
        } else {
            ds_sp_link_end(link, true);
        }
        break;
    case DS_SP_LINK_GREETING:
        connection_ready(&link->connection.watch, EPOLLIN); /* What came in time counts. */
        if (link->phase == DS_SP_LINK_GREETING) {
            ds_sp_link_end(link, true);
        }
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
    ds_sp_attempts_init(link);
    link->timer.fire = link_due;
    link->end_task.run = end_after_senders;
    link->reconnect_ms = RECONNECT_MS_MIN;
    ds_sp_slots_init_locked(link);
}
