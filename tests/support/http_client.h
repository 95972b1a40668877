/*
 * A client for HTTP tests that sends what it is told, byte for byte. Reads have a time limit, so
 * that a server that says nothing fails the test instead of hanging it; nothing else waits that
 * long.
 */
#ifndef TESTS_SUPPORT_HTTP_CLIENT_H
#define TESTS_SUPPORT_HTTP_CLIENT_H

#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HTTP_CLIENT_PATIENCE_S 120
#define HTTP_CLIENT_BYTES_MAX ((size_t)32 * 1024 * 1024)

/* Connects to "127.0.0.1:PORT"; receive_bytes is the size of the receive buffer, 0 for the
 * system's. */
static inline int http_connect_with(const char *address, int receive_bytes)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval limit = {.tv_sec = HTTP_CLIENT_PATIENCE_S};
    assert_true(client >= 0);
    if (receive_bytes > 0) {
        setsockopt(client, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
    return client;
}

static inline int http_connect(const char *address)
{
    return http_connect_with(address, 0);
}

/* As recv(), but a process that was stopped and goes on does not notice: with a time limit on the
 * socket that would be an EINTR. */
static inline ssize_t http_recv(int client, void *target, size_t size, int flags)
{
    ssize_t count = -1;
    do {
        count = recv(client, target, size, flags);
    } while (count < 0 && errno == EINTR);
    return count;
}

/* The same of send(). */
static inline ssize_t http_send_some(int client, const void *data, size_t size)
{
    ssize_t count = -1;
    do {
        count = send(client, data, size, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return count;
}

static inline void http_send_bytes(int client, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        const ssize_t sent = http_send_some(client, at, size);
        assert_true(sent > 0);
        at += sent;
        size -= (size_t)sent;
    }
}

static inline void http_send(int client, const char *text)
{
    http_send_bytes(client, text, strlen(text));
}

/* Reads until `size` bytes, or until the end. Returns how many came. */
static inline size_t http_read_up_to(int client, char *target, size_t size)
{
    size_t got = 0;
    while (got < size) {
        const ssize_t count = http_recv(client, target + got, size - got, 0);
        if (count <= 0) {
            break;
        }
        got += (size_t)count;
    }
    return got;
}

struct http_client_reply {
    int status; /* 0: the connection ended instead */
    char head[4096];
    char *body; /* terminated; freed by http_reply_free() */
    size_t body_bytes;
};

static inline void http_reply_free(struct http_client_reply *reply)
{
    free(reply->body);
    reply->body = NULL;
}

/* Reads one reply; without_body for the reply to HEAD. */
static inline struct http_client_reply http_receive_with(int client, bool without_body)
{
    struct http_client_reply reply = {.status = 0};
    size_t size = 0;
    while (size < 4 || memcmp(reply.head + size - 4, "\r\n\r\n", 4) != 0) {
        assert_true(size + 1 < sizeof reply.head);
        if (http_read_up_to(client, reply.head + size, 1) == 0) {
            return reply;
        }
        size++;
    }
    reply.head[size] = '\0';
    reply.status = atoi(reply.head + strlen("HTTP/1.1 "));
    const char *length = strstr(reply.head, "\r\nContent-Length: ");
    reply.body_bytes = length == NULL || without_body || reply.status == 100
                           ? 0
                           : (size_t)atoll(length + strlen("\r\nContent-Length: "));
    assert_true(reply.body_bytes <= HTTP_CLIENT_BYTES_MAX);
    reply.body = malloc(reply.body_bytes + 1);
    assert_non_null(reply.body);
    assert_int_equal(http_read_up_to(client, reply.body, reply.body_bytes), reply.body_bytes);
    reply.body[reply.body_bytes] = '\0';
    return reply;
}

static inline struct http_client_reply http_receive(int client)
{
    return http_receive_with(client, false);
}

/* Whether the server has ended the connection, with nothing more to read. */
static inline bool http_at_end(int client)
{
    char byte;
    return http_recv(client, &byte, 1, 0) == 0;
}

/* Reads one reply and checks its status and, unless NULL, its body. */
static inline void http_expect(int client, int status, const char *body)
{
    struct http_client_reply reply = http_receive(client);
    assert_int_equal(reply.status, status);
    if (body != NULL) {
        assert_string_equal(reply.body, body);
    }
    http_reply_free(&reply);
}

#endif
