/*
 * An HTTP server whose answers tests steer by the path, one thread a connection. It counts each
 * request that it has read whole.
 *   /ok        200 with 2 bytes
 *   /status/N  that status
 *   /chunked   200 in chunks
 *   /close     200, and the connection ends
 *   /old       200 without a length: the body ends with the connection
 *   /echo      200 with the request's body
 *   /head      200 with the request's head
 *   /rude      the connection ends without an answer
 *   /garbage   bytes that are no HTTP
 *   /extra     200, and bytes behind it
 *   /hold      200 once the gate has been opened
 */
#ifndef TESTS_SUPPORT_HTTP_STUB_H
#define TESTS_SUPPORT_HTTP_STUB_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP_STUB_CONNECTIONS_MAX 512
#define HTTP_STUB_REQUEST_BYTES_MAX 65536

struct http_stub;

struct http_stub_connection {
    struct http_stub *stub;
    pthread_t thread;
    int file;
};

struct http_stub {
    int listener;
    int port;
    char url[64];
    pthread_t thread;
    atomic_int request_count;
    atomic_int body_bytes;
    atomic_int connection_count;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    int held_count; /* requests that stand before the gate */
    bool gate_is_open;
    struct http_stub_connection connections[HTTP_STUB_CONNECTIONS_MAX];
};

static inline bool http_stub_send(int file, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(file, data, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

static inline bool http_stub_answer(int file, const char *status, const char *fields,
                                    const char *body, size_t body_bytes)
{
    char head[256];
    const int size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
                              status, fields, body_bytes);
    return http_stub_send(file, head, (size_t)size) && http_stub_send(file, body, body_bytes);
}

static inline bool http_stub_says(int file, const char *text)
{
    return http_stub_send(file, text, strlen(text));
}

static inline void http_stub_hold(struct http_stub *stub)
{
    pthread_mutex_lock(&stub->mutex);
    stub->held_count++;
    pthread_cond_broadcast(&stub->changed);
    while (!stub->gate_is_open) {
        pthread_cond_wait(&stub->changed, &stub->mutex);
    }
    pthread_mutex_unlock(&stub->mutex);
}

/* False where the connection is to end. */
static inline bool http_stub_serve(struct http_stub *stub, int file, const char *head,
                                   size_t head_bytes, const char *body, size_t body_bytes)
{
    const char *path = strchr(head, ' ') + 1;
    char status[32];
    if (strncmp(path, "/status/", 8) == 0) {
        snprintf(status, sizeof status, "%.3s What", path + 8);
        return http_stub_answer(file, status, "", "{}", 2);
    }
    if (strncmp(path, "/chunked ", 9) == 0) {
        return http_stub_says(file, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n");
    }
    if (strncmp(path, "/close ", 7) == 0) {
        (void)http_stub_answer(file, "200 OK", "Connection: close\r\n", "bye", 3);
        return false;
    }
    if (strncmp(path, "/old ", 5) == 0) {
        (void)http_stub_says(file, "HTTP/1.0 200 OK\r\n\r\nuntil the end");
        return false;
    }
    if (strncmp(path, "/echo", 5) == 0) {
        return http_stub_answer(file, "200 OK", "", body, body_bytes);
    }
    if (strncmp(path, "/head", 5) == 0) {
        return http_stub_answer(file, "200 OK", "", head, head_bytes);
    }
    if (strncmp(path, "/garbage ", 9) == 0) {
        return http_stub_says(file, "SMTP ready\r\n\r\n");
    }
    if (strncmp(path, "/extra ", 7) == 0) {
        return http_stub_says(file, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxmore");
    }
    if (strncmp(path, "/rude ", 6) == 0) {
        return false;
    }
    if (strncmp(path, "/hold ", 6) == 0) {
        http_stub_hold(stub);
    }
    return http_stub_answer(file, "200 OK", "", "{}", 2);
}

/* The size of the first whole request in `data`; 0 where it is not whole yet. */
static inline size_t http_stub_request_size(const char *data, size_t size, size_t *ret_head_bytes)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    *ret_head_bytes = (size_t)(end - data) + 4;
    const char *length = memmem(data, *ret_head_bytes, "Content-Length: ", 16);
    const size_t body_bytes = length == NULL ? 0 : strtoul(length + 16, NULL, 10);
    return *ret_head_bytes + body_bytes <= size ? *ret_head_bytes + body_bytes : 0;
}

static inline void *http_stub_connection_main(void *argument)
{
    struct http_stub_connection *connection = argument;
    struct http_stub *stub = connection->stub;
    char *data = malloc(HTTP_STUB_REQUEST_BYTES_MAX + 1);
    size_t size = 0;
    bool goes_on = data != NULL;
    while (goes_on) {
        const ssize_t received =
            recv(connection->file, data + size, HTTP_STUB_REQUEST_BYTES_MAX - size, 0);
        if (received <= 0) {
            break;
        }
        size += (size_t)received;
        data[size] = '\0';
        size_t head_bytes = 0;
        size_t used = http_stub_request_size(data, size, &head_bytes);
        while (used > 0 && goes_on) {
            atomic_fetch_add(&stub->request_count, 1);
            atomic_fetch_add(&stub->body_bytes, (int)(used - head_bytes));
            goes_on = http_stub_serve(stub, connection->file, data, head_bytes, data + head_bytes,
                                      used - head_bytes);
            memmove(data, data + used, size - used + 1);
            size -= used;
            used = http_stub_request_size(data, size, &head_bytes);
        }
    }
    shutdown(connection->file, SHUT_RDWR);
    free(data);
    return NULL;
}

static inline void *http_stub_main(void *argument)
{
    struct http_stub *stub = argument;
    for (;;) {
        const int file = accept4(stub->listener, NULL, NULL, SOCK_CLOEXEC);
        if (file < 0) {
            return NULL;
        }
        const int place = atomic_fetch_add(&stub->connection_count, 1);
        if (place >= HTTP_STUB_CONNECTIONS_MAX) {
            abort();
        }
        const int yes = 1;
        (void)setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        stub->connections[place] = (struct http_stub_connection){.stub = stub, .file = file};
        if (pthread_create(&stub->connections[place].thread, NULL, http_stub_connection_main,
                           &stub->connections[place]) != 0) {
            abort();
        }
    }
}

static inline struct http_stub *http_stub_start(void)
{
    struct http_stub *stub = calloc(1, sizeof *stub);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_bytes = sizeof address;
    pthread_mutex_init(&stub->mutex, NULL);
    pthread_cond_init(&stub->changed, NULL);
    stub->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(stub->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(stub->listener, 1024) != 0 ||
        getsockname(stub->listener, (struct sockaddr *)&address, &address_bytes) != 0) {
        abort();
    }
    stub->port = ntohs(address.sin_port);
    snprintf(stub->url, sizeof stub->url, "http://127.0.0.1:%d", stub->port);
    pthread_create(&stub->thread, NULL, http_stub_main, stub);
    return stub;
}

static inline void http_stub_open_gate(struct http_stub *stub)
{
    pthread_mutex_lock(&stub->mutex);
    stub->gate_is_open = true;
    pthread_cond_broadcast(&stub->changed);
    pthread_mutex_unlock(&stub->mutex);
}

static inline void http_stub_await_held(struct http_stub *stub, int count)
{
    pthread_mutex_lock(&stub->mutex);
    while (stub->held_count < count) {
        pthread_cond_wait(&stub->changed, &stub->mutex);
    }
    pthread_mutex_unlock(&stub->mutex);
}

/* Takes no more connections; those that are there go on. */
static inline void http_stub_refuse(struct http_stub *stub)
{
    shutdown(stub->listener, SHUT_RDWR);
    pthread_join(stub->thread, NULL);
    close(stub->listener);
    stub->listener = -1;
}

/* Ends every connection. */
static inline void http_stub_hang_up(struct http_stub *stub)
{
    http_stub_open_gate(stub);
    for (int i = 0; i < atomic_load(&stub->connection_count); i++) {
        if (stub->connections[i].file >= 0) {
            shutdown(stub->connections[i].file, SHUT_RDWR);
            pthread_join(stub->connections[i].thread, NULL);
            close(stub->connections[i].file);
            stub->connections[i].file = -1;
        }
    }
}

static inline void http_stub_stop(struct http_stub *stub)
{
    if (stub->listener >= 0) {
        http_stub_refuse(stub);
    }
    http_stub_hang_up(stub);
    pthread_cond_destroy(&stub->changed);
    pthread_mutex_destroy(&stub->mutex);
    free(stub);
}

#endif
