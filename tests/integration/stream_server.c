/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/stream_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PART_BYTES (64 * 1024)
#define GREETING_BYTES 8
#define IPC_MESSAGE 1
/* A request's number, and how many bytes it asks for. */
#define NUMBER_BYTES 4
#define WISH_BYTES 4

static bool is_tcp(const struct stream_server *server)
{
    return server->path[0] == '\0';
}

static bool send_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool receive_all(int fd, uint8_t *target, size_t size)
{
    return size == 0 || recv(fd, target, size, MSG_WAITALL) == (ssize_t)size;
}

/* The first part of a large message has passed. False where no other is to. */
static bool part_passed(struct stream_server *server, enum stream_part part)
{
    if (server->watched != part) {
        return true;
    }
    sem_post(&server->part_passed);
    pthread_mutex_lock(&server->mutex);
    while (server->is_holding) {
        pthread_cond_wait(&server->changed, &server->mutex);
    }
    pthread_mutex_unlock(&server->mutex);
    return !atomic_load(&server->hangs_up);
}

/* What comes before a message: over ipc its kind, then its size. */
static size_t head_bytes(const struct stream_server *server)
{
    return is_tcp(server) ? 8 : 9;
}

static bool receive_head(const struct stream_connection *connection, size_t *ret_size)
{
    uint8_t head[9];
    const size_t size = head_bytes(connection->server);
    *ret_size = 0;
    if (!receive_all(connection->fd, head, size)) {
        return false;
    }
    for (size_t i = size - 8; i < size; i++) {
        *ret_size = *ret_size << 8 | head[i];
    }
    return *ret_size >= NUMBER_BYTES + WISH_BYTES;
}

/* Takes a request: its number and the bytes that it asks for. */
static bool receive_request(const struct stream_connection *connection,
                            uint8_t number[NUMBER_BYTES], uint32_t *ret_wish)
{
    uint8_t part[PART_BYTES];
    size_t left;
    if (!receive_head(connection, &left) || !receive_all(connection->fd, number, NUMBER_BYTES) ||
        !receive_all(connection->fd, (uint8_t *)ret_wish, WISH_BYTES)) {
        return false;
    }
    left -= NUMBER_BYTES + WISH_BYTES;
    const bool is_large = left > PART_BYTES;
    for (bool is_first = true; left > 0; is_first = false) {
        const size_t size = left < PART_BYTES ? left : PART_BYTES;
        if (!receive_all(connection->fd, part, size)) {
            return false;
        }
        left -= size;
        if (is_first && is_large && !part_passed(connection->server, STREAM_REQUEST)) {
            return false;
        }
    }
    return true;
}

static bool send_reply(const struct stream_connection *connection,
                       const uint8_t number[NUMBER_BYTES], uint32_t wish)
{
    static const uint8_t zeros[PART_BYTES];
    struct stream_server *server = connection->server;
    uint8_t head[9 + NUMBER_BYTES] = {0};
    const size_t size = head_bytes(server);
    const uint64_t message_bytes = NUMBER_BYTES + (uint64_t)wish;
    head[0] = is_tcp(server) ? 0 : IPC_MESSAGE;
    for (int i = 0; i < 8; i++) {
        head[size - 1 - (size_t)i] = (uint8_t)(message_bytes >> (8 * i));
    }
    memcpy(head + size, number, NUMBER_BYTES);
    if (!send_all(connection->fd, head, size + NUMBER_BYTES)) {
        return false;
    }
    const bool is_large = wish > PART_BYTES;
    for (bool is_first = true; wish > 0; is_first = false) {
        const uint32_t part_bytes = wish < PART_BYTES ? wish : PART_BYTES;
        if (!send_all(connection->fd, zeros, part_bytes)) {
            return false;
        }
        wish -= part_bytes;
        if (is_first && is_large && !part_passed(server, STREAM_REPLY)) {
            return false;
        }
    }
    return true;
}

static void *connection_main(void *argument)
{
    static const uint8_t greeting[GREETING_BYTES] = {0, 'S', 'P', 0, 0, 0x31, 0, 0}; /* REP */
    struct stream_connection *connection = argument;
    uint8_t theirs[GREETING_BYTES];
    uint8_t number[NUMBER_BYTES];
    uint32_t wish;
    bool goes_on = send_all(connection->fd, greeting, sizeof greeting) &&
                   receive_all(connection->fd, theirs, sizeof theirs);
    while (goes_on) {
        goes_on =
            receive_request(connection, number, &wish) && send_reply(connection, number, wish);
    }
    shutdown(connection->fd, SHUT_RDWR);
    return NULL;
}

static void *accept_main(void *argument)
{
    struct stream_server *server = argument;
    for (;;) {
        const int fd = accept(server->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        const size_t place = atomic_load(&server->connection_count);
        if (place == STREAM_CONNECTIONS_MAX) {
            abort();
        }
        struct stream_connection *connection = &server->connections[place];
        *connection = (struct stream_connection){.server = server, .fd = fd};
        if (pthread_create(&connection->thread, NULL, connection_main, connection) != 0) {
            abort();
        }
        atomic_store(&server->connection_count, place + 1);
    }
}

static void listen_on_tcp(struct stream_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(server->url, sizeof server->url, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
}

static void listen_on_ipc(struct stream_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(server->folder, "/tmp/ds-stream-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    snprintf(server->path, sizeof server->path, "%s/rpc.sock", server->folder);
    snprintf(server->url, sizeof server->url, "ipc://%s", server->path);
    memcpy(address.sun_path, server->path, strlen(server->path) + 1);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
}

void stream_server_open(struct stream_server *server, bool over_tcp, enum stream_part watched)
{
    memset(server, 0, sizeof *server);
    server->watched = watched;
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->changed, NULL);
    sem_init(&server->part_passed, 0, 0);
    if (over_tcp) {
        listen_on_tcp(server);
    } else {
        listen_on_ipc(server);
    }
    assert_int_equal(listen(server->listener, SOMAXCONN), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, accept_main, server), 0);
}

void stream_server_close(struct stream_server *server)
{
    stream_server_hold(server, false);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    for (size_t i = 0; i < atomic_load(&server->connection_count); i++) {
        shutdown(server->connections[i].fd, SHUT_RDWR);
        pthread_join(server->connections[i].thread, NULL);
        close(server->connections[i].fd);
    }
    sem_destroy(&server->part_passed);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->mutex);
    if (!is_tcp(server)) {
        unlink(server->path);
        rmdir(server->folder);
    }
}

void stream_server_await_part(struct stream_server *server)
{
    while (sem_wait(&server->part_passed) != 0) {
    }
}

void stream_server_hold(struct stream_server *server, bool is_holding)
{
    pthread_mutex_lock(&server->mutex);
    server->is_holding = is_holding;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

void stream_server_hang_up(struct stream_server *server)
{
    atomic_store(&server->hangs_up, true);
}
