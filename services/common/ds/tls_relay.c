#include "ds/tls_relay.h"

#include "ds/clock.h"
#include "ds/log.h"
#include "ds/tls_connection.h"
#include "ds/tls_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BACKLOG 1024
#define EVENTS_PER_LOOK_MAX 64
#define ACCEPTS_PER_LOOK_MAX 64
/* How often time limits are looked at, where there are any. */
#define LOOK_MS 100
/* How long what is on its way may take once the relay is being closed. */
#define CLOSE_PATIENCE_US 2000000
#define PORT_COUNT 65536
/* What an event belongs to: the number of a connection doubled, plus 1 for its inner side. */
#define TAG_LISTENER UINT64_MAX
#define TAG_WAKE (UINT64_MAX - 1)

struct ds_tls_relay {
    size_t connections_max;
    size_t connections_per_address_max;
    int64_t handshake_us;
    struct sockaddr_in inner;
    int listener;
    int epoll;
    int wake;
    bool has_thread;
    pthread_t thread;

    /* The thread's alone. */
    size_t connection_count;
    bool accepts;       /* the listener is being waited for */
    bool must_accept;   /* somebody waits */
    bool has_deadlines; /* of connections; looked at anew every LOOK_MS */
    int64_t look_us;    /* when that is next */
    int64_t closing_us; /* when to give up what is left; 0: it is not being closed */
    struct ds_tls_connection **connections; /* NULL where a number is free */

    pthread_mutex_t mutex; /* guards all that follows */
    bool is_closing;
    struct ds_tls_identity *identity;
    struct sockaddr_storage *peers;      /* by the connection's number */
    uint32_t number_of_port[PORT_COUNT]; /* plus 1; 0: no connection has that port */
};

static int64_t now_us(void)
{
    return ds_clock_monotonic_us(ds_clock_system());
}

uint32_t ds_peer_address_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        return ((const struct sockaddr_in *)address)->sin_addr.s_addr;
    }
    if (address->ss_family != AF_INET6) {
        return 0;
    }
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    uint32_t parts[4];
    memcpy(parts, six, sizeof parts);
    return IN6_IS_ADDR_V4MAPPED(six) ? parts[3] : (parts[0] * 31 ^ parts[1]) | 1;
}

/* ---- who is behind a port ---- */

static void peer_note(struct ds_tls_relay *relay, size_t number, int port)
{
    pthread_mutex_lock(&relay->mutex);
    relay->number_of_port[port] = (uint32_t)number + 1;
    pthread_mutex_unlock(&relay->mutex);
}

static void peer_forget(struct ds_tls_relay *relay, int port)
{
    pthread_mutex_lock(&relay->mutex);
    relay->number_of_port[port] = 0;
    pthread_mutex_unlock(&relay->mutex);
}

bool ds_tls_relay_find_peer(struct ds_tls_relay *relay, const struct sockaddr_in *inner,
                            struct sockaddr_storage *ret_peer)
{
    /* Somebody else of this machine may have the same port of another loopback address. */
    if (inner->sin_addr.s_addr != relay->inner.sin_addr.s_addr) {
        return false;
    }
    pthread_mutex_lock(&relay->mutex);
    const uint32_t number = relay->number_of_port[ntohs(inner->sin_port)];
    if (number > 0) {
        *ret_peer = relay->peers[number - 1];
    }
    pthread_mutex_unlock(&relay->mutex);
    return number > 0;
}

/* ---- the thread ---- */

static void watch(struct ds_tls_relay *relay, int operation, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event event = {.events = events, .data.u64 = tag};
    if (epoll_ctl(relay->epoll, operation, fd, &event) != 0) {
        ds_log(DS_LOG_ERROR, "epoll_failed", DS_LOG_TEXT("reason", strerror(errno)));
        abort(); /* Only for want of memory or by a mistake of ours. */
    }
}

static void connection_end(struct ds_tls_relay *relay, size_t number)
{
    struct ds_tls_connection *connection = relay->connections[number];
    if (connection->inner_port > 0) {
        peer_forget(relay, connection->inner_port);
    }
    relay->connections[number] = NULL;
    relay->connection_count--;
    ds_tls_connection_destroy(connection);
}

/* Tells epoll what the connection waits for now. */
static void connection_rewatch(struct ds_tls_relay *relay, size_t number)
{
    struct ds_tls_connection *connection = relay->connections[number];
    const uint32_t outer = ds_tls_connection_outer_events(connection);
    if (outer != connection->outer_events) {
        watch(relay, EPOLL_CTL_MOD, connection->outer, outer, number * 2);
        connection->outer_events = outer;
    }
    if (connection->inner < 0) {
        return;
    }
    const uint32_t inner = ds_tls_connection_inner_events(connection);
    if (!connection->inner_is_watched) {
        watch(relay, EPOLL_CTL_ADD, connection->inner, inner, number * 2 + 1);
        connection->inner_is_watched = true;
    } else if (inner != connection->inner_events) {
        watch(relay, EPOLL_CTL_MOD, connection->inner, inner, number * 2 + 1);
    }
    connection->inner_events = inner;
}

static void connection_go_on(struct ds_tls_relay *relay, size_t number)
{
    struct ds_tls_connection *connection = relay->connections[number];
    enum ds_tls_progress progress = ds_tls_connection_advance(connection);
    if (progress == DS_TLS_SHOOK_HANDS) {
        connection->deadline_us = 0;
        progress = ds_tls_connection_join(connection, &relay->inner);
        if (progress != DS_TLS_ENDED) {
            /* Before the first byte goes through, so that the plain listener never asks too
             * early. */
            peer_note(relay, number, connection->inner_port);
            progress = ds_tls_connection_advance(connection);
        }
    }
    if (progress == DS_TLS_ENDED) {
        connection_end(relay, number);
    } else {
        connection_rewatch(relay, number);
    }
}

static void connection_begin(struct ds_tls_relay *relay, int fd,
                             const struct sockaddr_storage *peer)
{
    size_t number = 0;
    while (relay->connections[number] != NULL) {
        number++;
    }
    pthread_mutex_lock(&relay->mutex);
    relay->peers[number] = *peer;
    struct ds_tls_identity *identity = ds_tls_identity_hold(relay->identity);
    pthread_mutex_unlock(&relay->mutex);
    struct ds_tls_connection *connection = ds_tls_connection_create(fd, identity);
    connection->address = ds_peer_address_of(peer);
    connection->deadline_us = now_us() + relay->handshake_us;
    connection->outer_events = EPOLLIN;
    relay->has_deadlines = true;
    relay->connections[number] = connection;
    relay->connection_count++;
    watch(relay, EPOLL_CTL_ADD, fd, EPOLLIN, number * 2);
}

static bool may_come(const struct ds_tls_relay *relay, const struct sockaddr_storage *peer)
{
    const uint32_t address = ds_peer_address_of(peer);
    size_t count = 0;
    for (size_t i = 0; i < relay->connections_max; i++) {
        count += relay->connections[i] != NULL && relay->connections[i]->address == address;
    }
    return relay->connection_count < relay->connections_max &&
           count < relay->connections_per_address_max;
}

static void stop_accepting(struct ds_tls_relay *relay)
{
    if (relay->accepts) {
        watch(relay, EPOLL_CTL_DEL, relay->listener, 0, TAG_LISTENER);
        relay->accepts = false;
    }
}

static void accept_some(struct ds_tls_relay *relay)
{
    relay->must_accept = false;
    for (int i = 0; i < ACCEPTS_PER_LOOK_MAX; i++) {
        struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
        socklen_t peer_bytes = sizeof peer;
        const int fd = accept4(relay->listener, (struct sockaddr *)&peer, &peer_bytes,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            stop_accepting(relay); /* Until the next look; it would be told of again at once. */
            return;
        }
        if (fd < 0) {
            return;
        }
        if (may_come(relay, &peer)) {
            connection_begin(relay, fd, &peer);
        } else {
            ds_log(DS_LOG_DEBUG, "connection_refused",
                   DS_LOG_INT("connections", (int64_t)relay->connection_count));
            close(fd);
        }
    }
}

static void end_overdue(struct ds_tls_relay *relay)
{
    const int64_t now = now_us();
    if (!relay->has_deadlines || now < relay->look_us) {
        return;
    }
    relay->look_us = now + LOOK_MS * 1000;
    relay->has_deadlines = false;
    for (size_t i = 0; i < relay->connections_max; i++) {
        const struct ds_tls_connection *connection = relay->connections[i];
        if (connection == NULL || connection->deadline_us == 0) {
            continue;
        }
        if (connection->deadline_us <= now) {
            connection_end(relay, i);
        } else {
            relay->has_deadlines = true;
        }
    }
}

static void take_event(struct ds_tls_relay *relay, const struct epoll_event *event)
{
    if (event->data.u64 == TAG_LISTENER) {
        relay->must_accept = true; /* Behind the other events, which may belong to a number that
                                      the accept would give away anew. */
        return;
    }
    if (event->data.u64 == TAG_WAKE) {
        return;
    }
    const size_t number = (size_t)event->data.u64 / 2;
    struct ds_tls_connection *connection = relay->connections[number];
    if (connection == NULL) {
        return;
    }
    const bool is_inner = event->data.u64 % 2 == 1;
    if (!ds_tls_connection_note(connection, is_inner, event->events)) {
        connection_end(relay, number);
        return;
    }
    relay->has_deadlines = relay->has_deadlines || connection->deadline_us > 0;
    connection_go_on(relay, number);
}

/* False once there is nothing left to do. */
static bool close_step(struct ds_tls_relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    const bool is_closing = relay->is_closing;
    pthread_mutex_unlock(&relay->mutex);
    if (!is_closing) {
        return true;
    }
    if (relay->closing_us == 0) {
        relay->closing_us = now_us() + CLOSE_PATIENCE_US;
        stop_accepting(relay);
        for (size_t i = 0; i < relay->connections_max; i++) {
            if (relay->connections[i] != NULL && relay->connections[i]->inner < 0) {
                connection_end(relay, i);
            }
        }
    }
    return relay->connection_count > 0 && now_us() < relay->closing_us;
}

static void *relay_main(void *argument)
{
    struct ds_tls_relay *relay = argument;
    struct epoll_event events[EVENTS_PER_LOOK_MAX];
    while (close_step(relay)) {
        const bool has_time_limit =
            !relay->accepts || relay->closing_us > 0 || relay->has_deadlines;
        const int count =
            epoll_wait(relay->epoll, events, EVENTS_PER_LOOK_MAX, has_time_limit ? LOOK_MS : -1);
        for (int i = 0; i < count; i++) {
            take_event(relay, &events[i]);
        }
        if (relay->must_accept) {
            accept_some(relay);
        } else if (!relay->accepts && relay->closing_us == 0) {
            watch(relay, EPOLL_CTL_ADD, relay->listener, EPOLLIN, TAG_LISTENER);
            relay->accepts = true;
        }
        end_overdue(relay);
    }
    for (size_t i = 0; i < relay->connections_max; i++) {
        if (relay->connections[i] != NULL) {
            connection_end(relay, i);
        }
    }
    return NULL;
}

/* ---- open and close ---- */

static ds_code bind_to(const char *host, const char *port, int *ret_fd)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const int yes = 1;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return DS_INVALID_ARGUMENT;
    }
    ds_code code = DS_OK;
    const int fd =
        socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) {
        code = DS_RESOURCE_EXHAUSTED;
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
            code = errno == EADDRINUSE ? DS_ALREADY_EXISTS : DS_INVALID_ARGUMENT;
            close(fd);
        }
    }
    freeaddrinfo(found);
    if (code == DS_OK) {
        *ret_fd = fd;
    }
    return code;
}

static ds_code listen_at(const char *address, int *ret_fd)
{
    char host[DS_TLS_HOST_BYTES_MAX];
    const char *colon = strrchr(address, ':');
    if (colon == NULL || (size_t)(colon - address) >= sizeof host || colon == address) {
        return DS_INVALID_ARGUMENT;
    }
    const bool is_six = address[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(colon - address) - 2 * is_six, address + is_six);
    return bind_to(host, colon + 1, ret_fd);
}

ds_code ds_tls_relay_open(const struct ds_tls_relay_options *options,
                          struct ds_tls_relay **ret_relay)
{
    int listener = -1;
    DS_TRY(listen_at(options->address, &listener));
    struct ds_tls_relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL) {
        abort();
    }
    relay->connections_max = options->connections_max;
    relay->connections_per_address_max = options->connections_per_address_max;
    relay->handshake_us = (int64_t)options->handshake_ms * 1000;
    relay->listener = listener;
    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    relay->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    relay->connections = calloc(relay->connections_max, sizeof *relay->connections);
    relay->peers = calloc(relay->connections_max, sizeof *relay->peers);
    if (relay->epoll < 0 || relay->wake < 0 || relay->connections == NULL || relay->peers == NULL) {
        abort();
    }
    relay->identity = ds_tls_identity_hold(options->identity);
    relay->inner =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pthread_mutex_init(&relay->mutex, NULL);
    *ret_relay = relay;
    return DS_OK;
}

int ds_tls_relay_port(const struct ds_tls_relay *relay)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t address_bytes = sizeof address;
    getsockname(relay->listener, (struct sockaddr *)&address, &address_bytes);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

void ds_tls_relay_start(struct ds_tls_relay *relay, int inner_port)
{
    relay->inner.sin_port = htons((uint16_t)inner_port);
    watch(relay, EPOLL_CTL_ADD, relay->wake, EPOLLIN | EPOLLET, TAG_WAKE);
    watch(relay, EPOLL_CTL_ADD, relay->listener, EPOLLIN, TAG_LISTENER);
    relay->accepts = true;
    relay->has_thread = true;
    if (pthread_create(&relay->thread, NULL, relay_main, relay) != 0) {
        abort();
    }
}

void ds_tls_relay_set_identity(struct ds_tls_relay *relay, struct ds_tls_identity *identity)
{
    pthread_mutex_lock(&relay->mutex);
    struct ds_tls_identity *old = relay->identity;
    relay->identity = ds_tls_identity_hold(identity);
    pthread_mutex_unlock(&relay->mutex);
    ds_tls_identity_release(old);
}

void ds_tls_relay_close(struct ds_tls_relay *relay)
{
    if (relay == NULL) {
        return;
    }
    pthread_mutex_lock(&relay->mutex);
    relay->is_closing = true;
    pthread_mutex_unlock(&relay->mutex);
    if (relay->has_thread) {
        const eventfd_t one = 1;
        eventfd_write(relay->wake, one);
        pthread_join(relay->thread, NULL);
    }
    close(relay->listener);
    close(relay->epoll);
    close(relay->wake);
    ds_tls_identity_release(relay->identity);
    pthread_mutex_destroy(&relay->mutex);
    free(relay->connections);
    free(relay->peers);
    free(relay);
}
