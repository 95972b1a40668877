#include "http/peers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct http_peer {
    struct http_peer *next;
    uint32_t count;
    uint8_t key[HTTP_PEER_KEY_BYTES];
};

void http_peer_key(const struct sockaddr *address, uint8_t target[HTTP_PEER_KEY_BYTES])
{
    memset(target, 0, HTTP_PEER_KEY_BYTES);
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        memcpy(target + 12, &v4.sin_addr, 4);
        return;
    }
    if (address->sa_family != AF_INET6) {
        return;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        memcpy(target + 12, v6.sin6_addr.s6_addr + 12, 4);
        return;
    }
    memcpy(target, &v6.sin6_addr, 8);
}

static struct http_peer **bucket_of(struct http_peers *peers,
                                    const uint8_t key[HTTP_PEER_KEY_BYTES])
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < HTTP_PEER_KEY_BYTES; i++) {
        hash = (hash ^ key[i]) * 16777619U;
    }
    return &peers->buckets[(hash ^ hash >> 16) % HTTP_PEER_BUCKETS];
}

struct http_peer *http_peers_add(struct http_peers *peers, const uint8_t key[HTTP_PEER_KEY_BYTES],
                                 uint32_t count_max)
{
    struct http_peer **bucket = bucket_of(peers, key);
    struct http_peer *peer = *bucket;
    while (peer != NULL && memcmp(peer->key, key, HTTP_PEER_KEY_BYTES) != 0) {
        peer = peer->next;
    }
    if (peer == NULL) {
        peer = calloc(1, sizeof *peer);
        if (peer == NULL) {
            abort();
        }
        memcpy(peer->key, key, HTTP_PEER_KEY_BYTES);
        peer->next = *bucket;
        *bucket = peer;
    }
    if (peer->count >= count_max) {
        return NULL;
    }
    peer->count++;
    return peer;
}

void http_peers_remove(struct http_peers *peers, struct http_peer *peer)
{
    if (peer == NULL || --peer->count > 0) {
        return;
    }
    struct http_peer **link = bucket_of(peers, peer->key);
    while (*link != peer) {
        link = &(*link)->next;
    }
    *link = peer->next;
    free(peer);
}
