#include "ds/sp_connection.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* What may wait for the peer: 64 messages of the largest size, and a little. Past it the connection
 * ends. */
#define OUT_BYTES_MAX ((size_t)1100 << 20)
/* What one flush sends at most: a peer that reads as fast as that must not keep the others waiting.
 */
#define FLUSH_BYTES_MAX ((size_t)512 * 1024)
#define US_PER_MS 1000
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 15
#define KEEPALIVE_COUNT 4

static size_t unsent(const struct ds_sp_connection *connection)
{
    return connection->out.size - connection->out_at;
}

/* ---- what the loop waits for ---- */

static uint32_t wanted_events(const struct ds_sp_connection *connection)
{
    if (!connection->is_shaken) {
        return ds_tls_session_wants_write(connection->tls) ? EPOLLOUT : EPOLLIN;
    }
    const uint32_t in = connection->reading == DS_SP_READS ? EPOLLIN : 0;
    const bool has_rest = unsent(connection) > 0 && !connection->is_corked;
    return has_rest || connection->reading == DS_SP_AWAITS_ROOM ? in | EPOLLOUT : in;
}

static void watch_locked(struct ds_sp_connection *connection)
{
    const uint32_t wanted = wanted_events(connection);
    if (wanted != connection->events && !connection->has_ended) {
        connection->events = wanted;
        ds_sp_loop_change(connection->loop, &connection->watch, wanted);
    }
}

/* ---- sending ---- */

/* Tells the others' total what is left. Nothing is where the peer takes all at once, so that a call
 * on a good connection costs no more than the comparison. */
static void count_unsent_locked(struct ds_sp_connection *connection)
{
    const size_t left = unsent(connection);
    if (left != connection->counted_bytes && connection->unsent_total != NULL) {
        atomic_fetch_add(connection->unsent_total, left - connection->counted_bytes);
        connection->counted_bytes = left;
    }
}

static void end_locked(struct ds_sp_connection *connection)
{
    if (!connection->has_ended) {
        connection->has_ended = true;
        ds_buffer_deinit(&connection->out);
        connection->out_at = 0;
        connection->blocked_us = 0;
        connection->left_us = 0;
        count_unsent_locked(connection);
        /* The end is then there to be read; a paused connection is told of it in any case. */
        shutdown(connection->watch.fd, SHUT_RDWR);
    }
}

static bool is_full(int failure)
{
    return failure == EAGAIN || failure == EINTR || failure == ENOBUFS;
}

/* What the peer takes at once of bytes that nothing is left before; 0 where it takes nothing, or
 * the connection has ended by it. */
static size_t write_locked(struct ds_sp_connection *connection, const struct iovec *parts,
                           size_t part_count)
{
    const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                                   .msg_iovlen = part_count};
    const ssize_t sent =
        connection->tls != NULL
            ? ds_tls_session_write(connection->tls, parts[0].iov_base, parts[0].iov_len)
            : sendmsg(connection->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && !is_full(errno)) {
        end_locked(connection);
    }
    return sent > 0 ? (size_t)sent : 0;
}

static void note_sent(struct ds_sp_connection *connection, size_t sent)
{
    connection->sent_bytes += sent;
    if (unsent(connection) == 0) {
        ds_buffer_deinit(&connection->out); /* A connection at rest holds no memory. */
        connection->out_at = 0;
        connection->blocked_us = 0;
        connection->left_us = 0;
    } else if (sent > 0 || connection->blocked_us == 0) {
        connection->blocked_us = ds_sp_now_us();
        connection->left_us =
            connection->left_us > 0 ? connection->left_us : connection->blocked_us;
    }
}

static void flush_locked(struct ds_sp_connection *connection)
{
    size_t sent = 1;
    size_t all_sent = 0;
    while (unsent(connection) > 0 && sent > 0 && all_sent < FLUSH_BYTES_MAX) {
        const struct iovec rest = {connection->out.data + connection->out_at, unsent(connection)};
        sent = write_locked(connection, &rest, 1);
        if (connection->has_ended) {
            return;
        }
        connection->out_at += sent;
        all_sent += sent;
        note_sent(connection, sent);
    }
}

/* Takes off what has been sent before the buffer would have to grow for it. */
static void make_room(struct ds_sp_connection *connection)
{
    struct ds_buffer *out = &connection->out;
    if (connection->out_at > out->size / 2) {
        memmove(out->data, out->data + connection->out_at, unsent(connection));
        out->size -= connection->out_at;
        connection->out_at = 0;
    }
}

/* Appends all of the parts but their first `skipped` bytes. */
static void queue_locked(struct ds_sp_connection *connection, const struct iovec *parts,
                         size_t part_count, size_t skipped)
{
    make_room(connection);
    for (size_t i = 0; i < part_count; i++) {
        const size_t past = skipped < parts[i].iov_len ? skipped : parts[i].iov_len;
        skipped -= past;
        if (parts[i].iov_len > past) {
            ds_buffer_append(&connection->out, (const uint8_t *)parts[i].iov_base + past,
                             parts[i].iov_len - past);
        }
    }
    if (connection->out.overflow) {
        end_locked(connection);
    }
}

static void send_locked(struct ds_sp_connection *connection, const struct iovec *parts,
                        size_t part_count, size_t size)
{
    size_t sent = 0;
    connection->queued_bytes += size;
    if (connection->tls == NULL && !connection->is_corked && unsent(connection) == 0) {
        sent = write_locked(connection, parts, part_count);
    }
    if (!connection->has_ended && sent < size) {
        queue_locked(connection, parts, part_count, sent);
    }
    if (connection->has_ended) {
        return;
    }
    note_sent(connection, sent);
    if (connection->tls != NULL && connection->is_shaken && !connection->is_corked) {
        flush_locked(connection);
    }
    watch_locked(connection);
}

bool ds_sp_connection_send(struct ds_sp_connection *connection, const struct ds_bytes *parts,
                           size_t part_count, uint64_t *ret_end)
{
    uint8_t head[DS_SP_HEAD_BYTES_MAX];
    struct iovec pieces[DS_SP_PARTS_MAX + 1];
    size_t size = 0;
    assert(part_count <= DS_SP_PARTS_MAX);
    for (size_t i = 0; i < part_count; i++) {
        pieces[i + 1] = (struct iovec){(void *)(uintptr_t)parts[i].data, parts[i].size};
        size += parts[i].size;
    }
    const size_t head_size = ds_sp_head_write(connection->is_ipc, size, head);
    pieces[0] = (struct iovec){head, head_size};
    pthread_mutex_lock(&connection->mutex);
    if (!connection->has_ended) {
        send_locked(connection, pieces, part_count + 1, head_size + size);
    }
    if (!connection->is_corked) {
        count_unsent_locked(connection);
    }
    const bool is_open = !connection->has_ended;
    if (ret_end != NULL) {
        *ret_end = connection->queued_bytes;
    }
    pthread_mutex_unlock(&connection->mutex);
    return is_open;
}

uint64_t ds_sp_connection_sent(struct ds_sp_connection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    const uint64_t sent = connection->sent_bytes;
    pthread_mutex_unlock(&connection->mutex);
    return sent;
}

void ds_sp_connection_cork(struct ds_sp_connection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    connection->is_corked = true;
    pthread_mutex_unlock(&connection->mutex);
}

void ds_sp_connection_uncork(struct ds_sp_connection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    connection->is_corked = false;
    if (connection->is_shaken && !connection->has_ended) {
        flush_locked(connection);
        watch_locked(connection);
    }
    count_unsent_locked(connection);
    pthread_mutex_unlock(&connection->mutex);
}

void ds_sp_connection_flush(struct ds_sp_connection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    if (connection->is_shaken && !connection->is_corked && !connection->has_ended) {
        flush_locked(connection);
        watch_locked(connection);
        count_unsent_locked(connection);
    }
    pthread_mutex_unlock(&connection->mutex);
}

void ds_sp_connection_set_reading(struct ds_sp_connection *connection, enum ds_sp_reading reading)
{
    pthread_mutex_lock(&connection->mutex);
    connection->reading = reading;
    watch_locked(connection);
    pthread_mutex_unlock(&connection->mutex);
}

size_t ds_sp_connection_unsent(struct ds_sp_connection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    const size_t size = unsent(connection);
    pthread_mutex_unlock(&connection->mutex);
    return size;
}

int64_t ds_sp_connection_blocked_us(struct ds_sp_connection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    const int64_t blocked_us = connection->blocked_us;
    pthread_mutex_unlock(&connection->mutex);
    return blocked_us;
}

uint64_t ds_sp_connection_burden(struct ds_sp_connection *connection, int64_t now_us)
{
    pthread_mutex_lock(&connection->mutex);
    const uint64_t size = unsent(connection);
    const int64_t since_us = connection->left_us;
    pthread_mutex_unlock(&connection->mutex);
    return since_us < now_us ? size * (uint64_t)((now_us - since_us) / US_PER_MS + 1) : size;
}

void ds_sp_connection_hang_up(struct ds_sp_connection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    end_locked(connection);
    pthread_mutex_unlock(&connection->mutex);
}

/* ---- receiving ---- */

static enum ds_sp_arrival shake_hands_locked(struct ds_sp_connection *connection)
{
    const enum ds_tls_step step = ds_tls_session_shake_hands(connection->tls);
    if (step == DS_TLS_STEP_FAILED) {
        end_locked(connection);
        return DS_SP_END;
    }
    connection->is_shaken = step == DS_TLS_STEP_DONE;
    if (connection->is_shaken && !connection->is_corked) {
        flush_locked(connection); /* The greeting, at least. */
    }
    watch_locked(connection);
    return connection->has_ended ? DS_SP_END : DS_SP_NOTHING;
}

static ssize_t read_locked(struct ds_sp_connection *connection, void *target, size_t size)
{
    return connection->tls != NULL ? ds_tls_session_read(connection->tls, target, size)
                                   : recv(connection->watch.fd, target, size, MSG_DONTWAIT);
}

static enum ds_sp_arrival receive_locked(struct ds_sp_connection *connection,
                                         struct ds_bytes *ret_bytes)
{
    uint8_t *scratch = ds_sp_loop_scratch(connection->loop);
    if (!connection->is_shaken) {
        return shake_hands_locked(connection);
    }
    const ssize_t got = read_locked(connection, scratch, DS_SP_SCRATCH_BYTES);
    if (got > 0) {
        *ret_bytes = ds_bytes_of(scratch, (size_t)got);
        return DS_SP_BYTES;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return DS_SP_NOTHING;
    }
    end_locked(connection);
    return DS_SP_END;
}

enum ds_sp_arrival ds_sp_connection_receive(struct ds_sp_connection *connection,
                                            struct ds_bytes *ret_bytes)
{
    pthread_mutex_lock(&connection->mutex);
    const enum ds_sp_arrival arrival = connection->has_ended && !connection->receives_rest
                                           ? DS_SP_END
                                           : receive_locked(connection, ret_bytes);
    pthread_mutex_unlock(&connection->mutex);
    return arrival;
}

/* ---- open and close ---- */

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

/* Small messages go out at once, and a peer whose machine is gone is noticed. */
static void tune(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
}

bool ds_sp_connection_open(struct ds_sp_connection *connection,
                           const struct ds_sp_connection_options *options)
{
    uint8_t greeting[DS_SP_GREETING_BYTES];
    *connection = (struct ds_sp_connection){
        .watch = {.fd = options->fd, .ready = options->ready},
        .loop = options->loop,
        .is_ipc = options->is_ipc,
        .tls = options->tls,
        .is_shaken = options->tls == NULL,
        .receives_rest = options->receives_rest,
        .unsent_total = options->unsent_total,
    };
    if (!options->is_ipc) {
        tune(options->fd);
    }
    pthread_mutex_init(&connection->mutex, NULL);
    ds_buffer_init(&connection->out, OUT_BYTES_MAX);
    ds_sp_stream_init(&connection->stream, &(struct ds_sp_stream_options){
                                               .is_ipc = options->is_ipc,
                                               .peer_protocol = options->peer_protocol,
                                               .message_bytes_max = options->message_bytes_max});
    ds_sp_greeting_write(options->protocol, greeting);
    ds_buffer_append(&connection->out, greeting, sizeof greeting);
    connection->queued_bytes = sizeof greeting;
    pthread_mutex_lock(&connection->mutex);
    connection->blocked_us = ds_sp_now_us();
    connection->left_us = connection->blocked_us;
    if (connection->is_shaken) {
        flush_locked(connection);
    }
    connection->events = wanted_events(connection);
    const bool is_added = ds_sp_loop_add(connection->loop, &connection->watch, connection->events);
    pthread_mutex_unlock(&connection->mutex);
    if (!is_added) {
        ds_sp_connection_close(connection);
    }
    return is_added;
}

void ds_sp_connection_close(struct ds_sp_connection *connection)
{
    pthread_mutex_lock(&connection->mutex);
    ds_sp_loop_remove(connection->loop, &connection->watch);
    connection->has_ended = true;
    ds_buffer_deinit(&connection->out);
    connection->out_at = 0;
    connection->blocked_us = 0;
    connection->left_us = 0;
    count_unsent_locked(connection);
    ds_tls_session_destroy(connection->tls);
    connection->tls = NULL;
    close(connection->watch.fd);
    connection->watch.fd = -1;
    pthread_mutex_unlock(&connection->mutex);
    ds_sp_stream_deinit(&connection->stream);
}
