/* One connection of a TLS relay: its outer side speaks TLS, its inner side plain bytes. Private to
 * tls_relay.c. */
#ifndef DS_TLS_CONNECTION_H
#define DS_TLS_CONNECTION_H

#include "ds/tls_internal.h"

#include <netinet/in.h>

/* A record of TLS: nothing of one that was read stays in mbedTLS, where epoll does not see it. */
#define DS_TLS_RECORD_BYTES_MAX 16384

struct ds_tls_bytes {
    size_t at; /* where what is left begins */
    size_t size;
    uint8_t bytes[DS_TLS_RECORD_BYTES_MAX];
};

struct ds_tls_connection {
    int outer;
    int inner; /* -1 until the handshake is done */
    uint32_t address;
    int inner_port;        /* of our side of it; 0: none yet */
    int64_t deadline_us;   /* when it is ended unless it has gone on; 0: never */
    uint32_t outer_events; /* that epoll knows of */
    uint32_t inner_events;
    bool inner_is_watched;
    bool inner_is_joined;
    bool inner_has_ended;
    bool outer_wants_write;
    struct ds_tls_identity *identity;
    mbedtls_ssl_context tls;
    struct ds_tls_bytes inward;  /* on their way in */
    struct ds_tls_bytes outward; /* on their way out */
};

enum ds_tls_progress {
    DS_TLS_WAITS,
    DS_TLS_SHOOK_HANDS, /* the inner side is to be joined now */
    DS_TLS_ENDED,
};

/* Takes the descriptor and the reference. Never NULL. */
struct ds_tls_connection *ds_tls_connection_create(int outer, struct ds_tls_identity *identity);
void ds_tls_connection_destroy(struct ds_tls_connection *connection);

/* Connects the inner side. */
enum ds_tls_progress ds_tls_connection_join(struct ds_tls_connection *connection,
                                            const struct sockaddr_in *inner);

/* Does what can be done without waiting. */
enum ds_tls_progress ds_tls_connection_advance(struct ds_tls_connection *connection);

/* Takes note of what epoll tells; false where the connection is over. */
bool ds_tls_connection_note(struct ds_tls_connection *connection, bool is_inner, uint32_t events);

/* What to wait for on each side. */
uint32_t ds_tls_connection_outer_events(const struct ds_tls_connection *connection);
uint32_t ds_tls_connection_inner_events(const struct ds_tls_connection *connection);

#endif
