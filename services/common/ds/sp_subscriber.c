#include "ds/sp_subscriber.h"

#include "ds/log.h"
#include "ds/sp_address.h"
#include "ds/sp_stream.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define US_PER_MS 1000
#define READ_BYTES 65536

enum phase {
    WAITING, /* until due_us, to connect then */
    CONNECTING,
    GREETING, /* ours is sent; the peer's is awaited */
    OPEN,
};

struct topic {
    size_t size;
    uint8_t bytes[DS_SP_TOPIC_BYTES_MAX];
};

struct ds_sp_subscriber {
    struct ds_sp_address address;
    const struct ds_clock *clock;
    struct ds_sp_stream stream;
    int wake_fd;
    int fd; /* -1 while WAITING */
    enum phase phase;
    int64_t due_us; /* the end of each phase but OPEN */
    int reconnect_ms;
    unsigned int try_count;
    bool has_warned;        /* of a peer, since the last message */
    struct ds_bytes unread; /* of `bytes` */
    size_t topic_count;
    struct topic topics[DS_SP_TOPICS_MAX];
    uint8_t bytes[READ_BYTES];
};

static int64_t now_us(const struct ds_sp_subscriber *subscriber)
{
    return ds_clock_monotonic_us(subscriber->clock);
}

/* ---- connecting ---- */

static void phase_begin(struct ds_sp_subscriber *subscriber, enum phase phase, int ms)
{
    subscriber->phase = phase;
    subscriber->due_us = now_us(subscriber) + (int64_t)ms * US_PER_MS;
}

static void hang_up(struct ds_sp_subscriber *subscriber)
{
    if (subscriber->fd >= 0) {
        close(subscriber->fd);
        subscriber->fd = -1;
    }
    ds_sp_stream_restart(&subscriber->stream);
    subscriber->unread = (struct ds_bytes){0};
    phase_begin(subscriber, WAITING, subscriber->reconnect_ms);
    subscriber->reconnect_ms = subscriber->reconnect_ms * 2 < DS_SP_RECONNECT_MS_MAX
                                   ? subscriber->reconnect_ms * 2
                                   : DS_SP_RECONNECT_MS_MAX;
}

/* A connection that is new takes eight bytes at once. */
static bool send_greeting(int fd)
{
    uint8_t greeting[DS_SP_GREETING_BYTES];
    ds_sp_greeting_write(DS_SP_SUB, greeting);
    return send(fd, greeting, sizeof greeting, MSG_NOSIGNAL) == sizeof greeting;
}

static void greet(struct ds_sp_subscriber *subscriber)
{
    if (send_greeting(subscriber->fd)) {
        phase_begin(subscriber, GREETING, DS_SP_HANDSHAKE_MS);
    } else {
        hang_up(subscriber);
    }
}

static void start_connecting(struct ds_sp_subscriber *subscriber)
{
    const struct ds_sp_address *address = &subscriber->address;
    const struct ds_sp_place *place =
        &address->places[subscriber->try_count++ % (unsigned int)address->place_count];
    const int family = place->address.ss_family;
    subscriber->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (subscriber->fd < 0) {
        hang_up(subscriber);
    } else if (connect(subscriber->fd, (const struct sockaddr *)&place->address, place->size) ==
               0) {
        greet(subscriber);
    } else if (errno == EINPROGRESS) {
        phase_begin(subscriber, CONNECTING, DS_SP_HANDSHAKE_MS);
    } else {
        hang_up(subscriber);
    }
}

static void finish_connecting(struct ds_sp_subscriber *subscriber)
{
    int failure = 0;
    socklen_t size = sizeof failure;
    if (getsockopt(subscriber->fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0) {
        greet(subscriber);
    } else {
        hang_up(subscriber);
    }
}

/* ---- receiving ---- */

/* The bytes that came before have all been taken. */
static void take_bytes(struct ds_sp_subscriber *subscriber)
{
    const ssize_t got = recv(subscriber->fd, subscriber->bytes, sizeof subscriber->bytes, 0);
    if (got > 0) {
        subscriber->unread = ds_bytes_of(subscriber->bytes, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(subscriber);
    }
}

static bool is_wanted(const struct ds_sp_subscriber *subscriber, struct ds_bytes message)
{
    for (size_t i = 0; i < subscriber->topic_count; i++) {
        const struct topic *topic = &subscriber->topics[i];
        if (message.size >= topic->size && memcmp(message.data, topic->bytes, topic->size) == 0) {
            return true;
        }
    }
    return false;
}

static void refuse(struct ds_sp_subscriber *subscriber, enum ds_sp_outcome outcome)
{
    const char *reason = outcome == DS_SP_TOO_LARGE  ? "it announces a message that is too large"
                         : outcome == DS_SP_NO_FRAME ? "its messages are none of ipc"
                                                     : "it does not greet as one";
    if (!subscriber->has_warned) {
        subscriber->has_warned = true;
        ds_log(DS_LOG_WARNING, "publisher_refused", DS_LOG_TEXT("reason", reason));
    }
    hang_up(subscriber);
}

/* A message out of the bytes that have come. */
static bool take_message(struct ds_sp_subscriber *subscriber, struct ds_bytes *ret_message)
{
    struct ds_bytes message;
    enum ds_sp_outcome outcome =
        ds_sp_stream_next(&subscriber->stream, &subscriber->unread, &message);
    while (outcome == DS_SP_MESSAGE) {
        subscriber->reconnect_ms = DS_SP_RECONNECT_MS_MIN;
        subscriber->has_warned = false;
        if (is_wanted(subscriber, message)) {
            *ret_message = message;
            return true;
        }
        outcome = ds_sp_stream_next(&subscriber->stream, &subscriber->unread, &message);
    }
    if (outcome != DS_SP_MORE) {
        refuse(subscriber, outcome);
    } else if (subscriber->phase == GREETING && subscriber->stream.is_greeted) {
        subscriber->phase = OPEN;
    }
    return false;
}

/* ---- waiting ---- */

/* Rounded up, or the last wait would be a loop. */
static int wait_ms(const struct ds_sp_subscriber *subscriber, int64_t until_us)
{
    int64_t end_us = until_us;
    if (subscriber->phase != OPEN && subscriber->due_us < end_us) {
        end_us = subscriber->due_us;
    }
    if (end_us == INT64_MAX) {
        return -1;
    }
    const int64_t left_us = end_us - now_us(subscriber);
    const int64_t left_ms = (left_us + US_PER_MS - 1) / US_PER_MS;
    return left_us <= 0 ? 0 : left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

static bool was_interrupted(const struct ds_sp_subscriber *subscriber)
{
    eventfd_t count;
    return eventfd_read(subscriber->wake_fd, &count) == 0;
}

/* What came is looked at before what is due: a process that was stopped has let time pass in which
 * the peer did its part. */
static void step(struct ds_sp_subscriber *subscriber, bool is_ready)
{
    if (is_ready && subscriber->phase == CONNECTING) {
        finish_connecting(subscriber);
    } else if (is_ready) {
        take_bytes(subscriber);
    } else if (subscriber->phase == WAITING) {
        start_connecting(subscriber);
    } else {
        hang_up(subscriber);
    }
}

/* Waits for something to do and does it; false where there was nothing until the time was over, or
 * somebody interrupts. */
static bool turn(struct ds_sp_subscriber *subscriber, int64_t until_us)
{
    struct pollfd fds[] = {
        {.fd = subscriber->wake_fd, .events = POLLIN},
        {.fd = subscriber->fd, .events = subscriber->phase == CONNECTING ? POLLOUT : POLLIN},
    };
    (void)poll(fds, 2, wait_ms(subscriber, until_us));
    if (fds[0].revents != 0 && was_interrupted(subscriber)) {
        return false;
    }
    const int64_t now = now_us(subscriber);
    const bool is_due = subscriber->phase != OPEN && now >= subscriber->due_us;
    if (fds[1].revents == 0 && !is_due) {
        return now < until_us;
    }
    step(subscriber, fds[1].revents != 0);
    return now <= until_us;
}

bool ds_sp_subscriber_receive(struct ds_sp_subscriber *subscriber, int timeout_ms,
                              struct ds_bytes *ret_message)
{
    const int64_t until_us =
        timeout_ms < 0 ? INT64_MAX : now_us(subscriber) + (int64_t)timeout_ms * US_PER_MS;
    while (!take_message(subscriber, ret_message)) {
        if (!turn(subscriber, until_us)) {
            return false;
        }
    }
    return true;
}

/* ---- open and close ---- */

ds_code ds_sp_subscriber_open(const struct ds_sp_subscriber_options *options,
                              struct ds_sp_subscriber **ret_subscriber)
{
    struct ds_sp_address address;
    DS_TRY(ds_sp_address_read(options->url, &address));
    const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) {
        return DS_RESOURCE_EXHAUSTED;
    }
    struct ds_sp_subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (subscriber == NULL) {
        abort();
    }
    subscriber->address = address;
    subscriber->clock = options->clock != NULL ? options->clock : ds_clock_system();
    subscriber->wake_fd = wake_fd;
    subscriber->fd = -1;
    subscriber->reconnect_ms = DS_SP_RECONNECT_MS_MIN;
    ds_sp_stream_init(&subscriber->stream, &(struct ds_sp_stream_options){
                                               .is_ipc = address.is_ipc,
                                               .peer_protocol = DS_SP_PUB,
                                               .message_bytes_max = options->message_bytes_max});
    phase_begin(subscriber, WAITING, 0);
    *ret_subscriber = subscriber;
    return DS_OK;
}

void ds_sp_subscriber_add(struct ds_sp_subscriber *subscriber, struct ds_bytes topic)
{
    assert(subscriber->topic_count < DS_SP_TOPICS_MAX && topic.size <= DS_SP_TOPIC_BYTES_MAX);
    struct topic *added = &subscriber->topics[subscriber->topic_count++];
    added->size = topic.size;
    if (topic.size > 0) {
        memcpy(added->bytes, topic.data, topic.size);
    }
}

void ds_sp_subscriber_interrupt(struct ds_sp_subscriber *subscriber)
{
    (void)eventfd_write(subscriber->wake_fd, 1);
}

void ds_sp_subscriber_close(struct ds_sp_subscriber *subscriber)
{
    if (subscriber == NULL) {
        return;
    }
    if (subscriber->fd >= 0) {
        close(subscriber->fd);
    }
    close(subscriber->wake_fd);
    ds_sp_stream_deinit(&subscriber->stream);
    free(subscriber);
}
