#include "ds/peers.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct peer {
    uint32_t id;
    uint32_t address;
    int64_t came_us;
    bool has_asked;       /* has sent a whole request */
    bool is_overdue;      /* whether it has asked or not */
    size_t request_count; /* in work */
    uint64_t asked_count; /* so far */
    struct peer *next;
};

struct ds_peers {
    struct ds_peer_limits limits;
    pthread_mutex_t mutex; /* guards what follows */
    size_t count;
    size_t bucket_count;
    struct peer *buckets[]; /* by id modulo bucket_count */
};

struct ds_peers *ds_peers_create(const struct ds_peer_limits *limits)
{
    const size_t bucket_count = limits->connections_max;
    struct ds_peers *peers = calloc(1, sizeof *peers + bucket_count * sizeof *peers->buckets);
    if (peers == NULL) {
        abort();
    }
    assert(bucket_count > 0);
    peers->limits = *limits;
    peers->bucket_count = bucket_count;
    pthread_mutex_init(&peers->mutex, NULL);
    return peers;
}

void ds_peers_destroy(struct ds_peers *peers)
{
    if (peers == NULL) {
        return;
    }
    for (size_t i = 0; i < peers->bucket_count; i++) {
        struct peer *next = NULL;
        for (struct peer *peer = peers->buckets[i]; peer != NULL; peer = next) {
            next = peer->next;
            free(peer);
        }
    }
    pthread_mutex_destroy(&peers->mutex);
    free(peers);
}

/* Where the pointer to that connection stands, or the NULL where it would. */
static struct peer **place_locked(struct ds_peers *peers, uint32_t id)
{
    struct peer **place = &peers->buckets[id % peers->bucket_count];
    while (*place != NULL && (*place)->id != id) {
        place = &(*place)->next;
    }
    return place;
}

static size_t count_of_address_locked(const struct ds_peers *peers, uint32_t address)
{
    size_t count = 0;
    for (size_t i = 0; i < peers->bucket_count; i++) {
        for (const struct peer *peer = peers->buckets[i]; peer != NULL; peer = peer->next) {
            count += peer->address == address ? 1 : 0;
        }
    }
    return count;
}

static bool has_room_locked(const struct ds_peers *peers, uint32_t address)
{
    return peers->count < peers->limits.connections_max &&
           (address == 0 ||
            count_of_address_locked(peers, address) < peers->limits.connections_per_address_max);
}

bool ds_peers_admit(struct ds_peers *peers, uint32_t id, uint32_t address, int64_t now_us)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        abort();
    }
    *peer = (struct peer){.id = id, .address = address, .came_us = now_us};
    pthread_mutex_lock(&peers->mutex);
    const bool has_room = has_room_locked(peers, address);
    if (has_room) {
        *place_locked(peers, id) = peer;
        peers->count++;
    }
    pthread_mutex_unlock(&peers->mutex);
    if (!has_room) {
        free(peer);
    }
    return has_room;
}

void ds_peers_leave(struct ds_peers *peers, uint32_t id)
{
    pthread_mutex_lock(&peers->mutex);
    struct peer **place = place_locked(peers, id);
    struct peer *peer = *place;
    if (peer != NULL) {
        *place = peer->next;
        peers->count--;
    }
    pthread_mutex_unlock(&peers->mutex);
    free(peer);
}

bool ds_peers_has(struct ds_peers *peers, uint32_t id)
{
    pthread_mutex_lock(&peers->mutex);
    const bool has = *place_locked(peers, id) != NULL;
    pthread_mutex_unlock(&peers->mutex);
    return has;
}

bool ds_peers_request_begin(struct ds_peers *peers, uint32_t id)
{
    bool may = true;
    pthread_mutex_lock(&peers->mutex);
    struct peer *peer = *place_locked(peers, id);
    if (peer != NULL) {
        peer->has_asked = true;
        peer->request_count++;
        peer->asked_count++;
        may = peer->request_count <= peers->limits.requests_per_connection_max;
    }
    pthread_mutex_unlock(&peers->mutex);
    return may;
}

void ds_peers_request_end(struct ds_peers *peers, uint32_t id)
{
    pthread_mutex_lock(&peers->mutex);
    struct peer *peer = *place_locked(peers, id);
    if (peer != NULL) {
        assert(peer->request_count > 0);
        peer->request_count--;
    }
    pthread_mutex_unlock(&peers->mutex);
}

size_t ds_peers_list(struct ds_peers *peers, struct ds_peer_view *views, size_t view_max)
{
    size_t count = 0;
    pthread_mutex_lock(&peers->mutex);
    for (size_t i = 0; i < peers->bucket_count; i++) {
        const struct peer *peer = peers->buckets[i];
        for (; peer != NULL && count < view_max; peer = peer->next) {
            views[count++] = (struct ds_peer_view){.id = peer->id,
                                                   .came_us = peer->came_us,
                                                   .request_count = peer->asked_count,
                                                   .requests_in_work = peer->request_count};
        }
    }
    pthread_mutex_unlock(&peers->mutex);
    return count;
}

bool ds_peers_mark_overdue(struct ds_peers *peers, uint32_t id)
{
    pthread_mutex_lock(&peers->mutex);
    struct peer *peer = *place_locked(peers, id);
    const bool is_new = peer != NULL && !peer->is_overdue;
    if (is_new) {
        peer->is_overdue = true;
    }
    pthread_mutex_unlock(&peers->mutex);
    return is_new;
}

static bool is_overdue_locked(const struct ds_peers *peers, const struct peer *peer, int64_t now_us)
{
    const int64_t time_us = (int64_t)peers->limits.first_request_ms * 1000;
    return peer->is_overdue ||
           (!peer->has_asked && time_us > 0 && now_us - peer->came_us >= time_us);
}

size_t ds_peers_overdue(struct ds_peers *peers, int64_t now_us, uint32_t *ids, size_t id_max)
{
    size_t count = 0;
    pthread_mutex_lock(&peers->mutex);
    for (size_t i = 0; i < peers->bucket_count; i++) {
        for (struct peer *peer = peers->buckets[i]; peer != NULL; peer = peer->next) {
            if (count < id_max && is_overdue_locked(peers, peer, now_us)) {
                ids[count++] = peer->id;
                peer->is_overdue = true;
            }
        }
    }
    pthread_mutex_unlock(&peers->mutex);
    return count;
}
