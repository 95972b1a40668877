/* A server on plain sockets that answers requests with as many bytes as they ask for, and tells
 * when a message is on its way in parts. What is in the messages is nothing of ours. */
#ifndef TESTS_INTEGRATION_STREAM_SERVER_H
#define TESTS_INTEGRATION_STREAM_SERVER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define STREAM_CONNECTIONS_MAX 1024

enum stream_part {
    STREAM_REPLY,
    STREAM_REQUEST,
};

struct stream_connection {
    struct stream_server *server;
    pthread_t thread;
    int fd;
};

struct stream_server {
    char folder[32];
    char path[64];
    char url[80];
    int listener;
    enum stream_part watched;
    sem_t part_passed; /* of a large message of the watched kind: its first part */
    pthread_t thread;

    pthread_mutex_t mutex; /* guards is_holding */
    pthread_cond_t changed;
    bool is_holding;
    atomic_bool hangs_up;
    atomic_size_t connection_count;
    struct stream_connection connections[STREAM_CONNECTIONS_MAX];
};

void stream_server_open(struct stream_server *server, bool is_tcp, enum stream_part watched);
void stream_server_close(struct stream_server *server);

/* Waits until a part of a large message has passed, but not all of it. */
void stream_server_await_part(struct stream_server *server);

/* Whether replies stop after their first part; false lets them go on. */
void stream_server_hold(struct stream_server *server, bool is_holding);

/* Hangs up on every connection after the first part of its next large message. */
void stream_server_hang_up(struct stream_server *server);

#endif
