/* How many connections each client address has open. IPv6 clients are counted by their /64, since
 * one client has a whole one. */
#ifndef HTTP_PEERS_H
#define HTTP_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_PEER_KEY_BYTES 16
#define HTTP_PEER_BUCKETS 4096

struct sockaddr;
struct http_peer;

struct http_peers {
    struct http_peer *buckets[HTTP_PEER_BUCKETS];
};

/* What an address is counted under. */
void http_peer_key(const struct sockaddr *address, uint8_t target[HTTP_PEER_KEY_BYTES]);

/* Counts one more connection, unless the address has count_max already: then NULL. */
struct http_peer *http_peers_add(struct http_peers *peers, const uint8_t key[HTTP_PEER_KEY_BYTES],
                                 uint32_t count_max);

/* Counts one connection less. Takes NULL. */
void http_peers_remove(struct http_peers *peers, struct http_peer *peer);

#endif
