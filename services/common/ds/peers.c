#include "ds/peers.h"

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* An address with connections. */
struct place {
    uint32_t address;
    size_t count;
    struct place *next;
};

struct ds_peers {
    size_t connections_max;
    size_t connections_per_address_max;
    pthread_mutex_t mutex; /* guards what follows */
    size_t count;
    size_t bucket_count;
    struct place *buckets[]; /* by address modulo bucket_count */
};

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

struct ds_peers *ds_peers_create(size_t connections_max, size_t connections_per_address_max)
{
    assert(connections_max > 0);
    struct ds_peers *peers = calloc(1, sizeof *peers + connections_max * sizeof *peers->buckets);
    if (peers == NULL) {
        abort();
    }
    peers->connections_max = connections_max;
    peers->connections_per_address_max = connections_per_address_max;
    peers->bucket_count = connections_max;
    pthread_mutex_init(&peers->mutex, NULL);
    return peers;
}

void ds_peers_destroy(struct ds_peers *peers)
{
    if (peers == NULL) {
        return;
    }
    for (size_t i = 0; i < peers->bucket_count; i++) {
        struct place *next = NULL;
        for (struct place *place = peers->buckets[i]; place != NULL; place = next) {
            next = place->next;
            free(place);
        }
    }
    pthread_mutex_destroy(&peers->mutex);
    free(peers);
}

/* Where the pointer to that address stands, or the NULL where it would. */
static struct place **find_locked(struct ds_peers *peers, uint32_t address)
{
    struct place **found = &peers->buckets[address % peers->bucket_count];
    while (*found != NULL && (*found)->address != address) {
        found = &(*found)->next;
    }
    return found;
}

static bool has_room_locked(struct ds_peers *peers, uint32_t address)
{
    const struct place *place = *find_locked(peers, address);
    return peers->count < peers->connections_max &&
           (address == 0 || place == NULL || place->count < peers->connections_per_address_max);
}

static void count_locked(struct ds_peers *peers, uint32_t address)
{
    struct place **found = find_locked(peers, address);
    if (*found == NULL) {
        *found = calloc(1, sizeof **found);
        if (*found == NULL) {
            abort();
        }
        (*found)->address = address;
    }
    (*found)->count++;
    peers->count++;
}

bool ds_peers_admit(struct ds_peers *peers, uint32_t address)
{
    pthread_mutex_lock(&peers->mutex);
    const bool has_room = has_room_locked(peers, address);
    if (has_room) {
        count_locked(peers, address);
    }
    pthread_mutex_unlock(&peers->mutex);
    return has_room;
}

void ds_peers_leave(struct ds_peers *peers, uint32_t address)
{
    pthread_mutex_lock(&peers->mutex);
    struct place **found = find_locked(peers, address);
    struct place *place = *found;
    assert(place != NULL && place->count > 0);
    place->count--;
    peers->count--;
    if (place->count == 0) {
        *found = place->next;
        free(place);
    }
    pthread_mutex_unlock(&peers->mutex);
}

size_t ds_peers_count(struct ds_peers *peers)
{
    pthread_mutex_lock(&peers->mutex);
    const size_t count = peers->count;
    pthread_mutex_unlock(&peers->mutex);
    return count;
}
