#include "ds/tls_connection.h"

#include "ds/clock.h"
#include "ds/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* How many records go each way before others have their turn. */
#define ROUNDS_MAX 8
/* How long a peer may take for the rest once the inner side has ended. */
#define REST_PATIENCE_US 5000000
/* A peer whose network is gone is noticed in about two minutes. */
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 15
#define KEEPALIVE_COUNT 4

static int outer_send(void *context, const unsigned char *bytes, size_t size)
{
    const struct ds_tls_connection *connection = context;
    const ssize_t sent = send(connection->outer, bytes, size, MSG_NOSIGNAL);
    if (sent >= 0) {
        return (int)sent;
    }
    return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE
                                             : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int outer_receive(void *context, unsigned char *target, size_t size)
{
    const struct ds_tls_connection *connection = context;
    const ssize_t got = recv(connection->outer, target, size, 0);
    if (got >= 0) {
        return (int)got;
    }
    return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_CONN_EOF;
}

static void set_option(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value);
}

struct ds_tls_connection *ds_tls_connection_create(int outer, struct ds_tls_identity *identity)
{
    struct ds_tls_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        abort();
    }
    connection->outer = outer;
    connection->inner = -1;
    connection->identity = identity;
    set_option(outer, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(outer, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(outer, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(outer, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_option(outer, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
    mbedtls_ssl_init(&connection->tls);
    if (mbedtls_ssl_setup(&connection->tls, &identity->config) != 0) {
        abort(); /* Only for want of memory. */
    }
    mbedtls_ssl_set_bio(&connection->tls, connection, outer_send, outer_receive, NULL);
    return connection;
}

void ds_tls_connection_destroy(struct ds_tls_connection *connection)
{
    if (connection->inner >= 0) {
        mbedtls_ssl_close_notify(&connection->tls);
        close(connection->inner);
    }
    mbedtls_ssl_free(&connection->tls);
    close(connection->outer);
    ds_tls_identity_release(connection->identity);
    free(connection);
}

enum ds_tls_progress ds_tls_connection_join(struct ds_tls_connection *connection,
                                            const struct sockaddr_in *inner)
{
    struct sockaddr_in here = {.sin_family = AF_UNSPEC};
    socklen_t here_bytes = sizeof here;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        return DS_TLS_ENDED;
    }
    connection->inner = fd;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if ((connect(fd, (const struct sockaddr *)inner, sizeof *inner) != 0 && errno != EINPROGRESS) ||
        getsockname(fd, (struct sockaddr *)&here, &here_bytes) != 0) {
        return DS_TLS_ENDED;
    }
    connection->inner_port = ntohs(here.sin_port);
    return DS_TLS_WAITS;
}

/* True where mbedTLS waits for the network. */
static bool waits(struct ds_tls_connection *connection, int outcome)
{
    connection->outer_wants_write |= outcome == MBEDTLS_ERR_SSL_WANT_WRITE;
    return outcome == MBEDTLS_ERR_SSL_WANT_READ || outcome == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static enum ds_tls_progress shake_hands(struct ds_tls_connection *connection)
{
    const int outcome = mbedtls_ssl_handshake(&connection->tls);
    if (outcome == 0) {
        return DS_TLS_SHOOK_HANDS;
    }
    if (waits(connection, outcome)) {
        return DS_TLS_WAITS;
    }
    ds_log(DS_LOG_DEBUG, "tls_handshake_failed", DS_LOG_INT("mbedtls", outcome));
    return DS_TLS_ENDED;
}

/* Each of these two moves one piece; false where nothing moves, and *ret_ended where nothing ever
 * will. */
static bool move_in(struct ds_tls_connection *connection, bool *ret_ended)
{
    struct ds_tls_bytes *piece = &connection->inward;
    if (piece->size == 0) {
        const int got = mbedtls_ssl_read(&connection->tls, piece->bytes, sizeof piece->bytes);
        if (got <= 0) {
            *ret_ended = !waits(connection, got);
            return false;
        }
        piece->at = 0;
        piece->size = (size_t)got;
    }
    const ssize_t sent =
        send(connection->inner, piece->bytes + piece->at, piece->size, MSG_NOSIGNAL);
    if (sent < 0) {
        *ret_ended = errno != EAGAIN && errno != EINTR;
        return false;
    }
    piece->at += (size_t)sent;
    piece->size -= (size_t)sent;
    return true;
}

static bool move_out(struct ds_tls_connection *connection, bool *ret_ended)
{
    struct ds_tls_bytes *piece = &connection->outward;
    if (piece->size == 0) {
        const ssize_t got = recv(connection->inner, piece->bytes, sizeof piece->bytes, 0);
        if (got <= 0) {
            *ret_ended = got == 0 || (errno != EAGAIN && errno != EINTR);
            return false;
        }
        piece->at = 0;
        piece->size = (size_t)got;
    }
    const int sent = mbedtls_ssl_write(&connection->tls, piece->bytes + piece->at, piece->size);
    if (sent < 0) {
        *ret_ended = !waits(connection, sent);
        return false;
    }
    piece->at += (size_t)sent;
    piece->size -= (size_t)sent;
    return true;
}

enum ds_tls_progress ds_tls_connection_advance(struct ds_tls_connection *connection)
{
    bool ended = false;
    connection->outer_wants_write = false;
    if (connection->inner < 0) {
        return shake_hands(connection);
    }
    if (!connection->inner_is_joined) {
        return DS_TLS_WAITS;
    }
    for (int i = 0; i < ROUNDS_MAX && !ended && move_in(connection, &ended); i++) {
    }
    for (int i = 0; i < ROUNDS_MAX && !ended && move_out(connection, &ended); i++) {
    }
    return ended ? DS_TLS_ENDED : DS_TLS_WAITS;
}

bool ds_tls_connection_note(struct ds_tls_connection *connection, bool is_inner, uint32_t events)
{
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        /* What has been sent before a hang-up can still be read, unless it waits for the other
         * side, which would take no end. */
        return (events & EPOLLIN) != 0 && (events & EPOLLERR) == 0 &&
               (is_inner ? connection->outward.size == 0 : connection->inward.size == 0);
    }
    if (is_inner && (events & EPOLLOUT) != 0) {
        connection->inner_is_joined = true;
    }
    if (is_inner && (events & EPOLLRDHUP) != 0 && !connection->inner_has_ended) {
        connection->inner_has_ended = true;
        connection->deadline_us = ds_clock_monotonic_us(ds_clock_system()) + REST_PATIENCE_US;
    }
    return true;
}

uint32_t ds_tls_connection_outer_events(const struct ds_tls_connection *connection)
{
    const bool reads =
        connection->inner < 0 || (connection->inner_is_joined && connection->inward.size == 0);
    return (reads ? (uint32_t)EPOLLIN : 0) |
           (connection->outer_wants_write || connection->outward.size > 0 ? (uint32_t)EPOLLOUT : 0);
}

uint32_t ds_tls_connection_inner_events(const struct ds_tls_connection *connection)
{
    const bool reads = connection->inner_is_joined && connection->outward.size == 0;
    const bool writes = !connection->inner_is_joined || connection->inward.size > 0;
    return (reads ? (uint32_t)EPOLLIN : 0) | (writes ? (uint32_t)EPOLLOUT : 0) |
           (connection->inner_has_ended ? 0 : (uint32_t)EPOLLRDHUP);
}
