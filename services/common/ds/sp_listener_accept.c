/* Hands the connections that come round the lanes. */
#include "ds/sp_listener_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

/* Of all connections of the process. */
static atomic_uint_fast64_t last_id;

static void write_name(const struct sockaddr_storage *address, char target[DS_SP_PEER_NAME_BYTES])
{
    char host[INET6_ADDRSTRLEN];
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(target, DS_SP_PEER_NAME_BYTES, "%s:%u", host, ntohs(four->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(target, DS_SP_PEER_NAME_BYTES, "[%s]:%u", host, ntohs(six->sin6_port));
    }
}

static void run_begin(struct ds_sp_task *task)
{
    struct ds_sp_peer *peer =
        (struct ds_sp_peer *)((uint8_t *)task - offsetof(struct ds_sp_peer, task));
    ds_sp_peer_begin(peer);
}

static struct ds_sp_peer *peer_create(struct ds_sp_listener *listener, int fd,
                                      const struct sockaddr_storage *address)
{
    struct ds_sp_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        abort();
    }
    peer->lane = &listener->lanes[listener->accepted_count++ % listener->lane_count];
    peer->fd = fd;
    peer->id = atomic_fetch_add(&last_id, 1) + 1;
    peer->address = ds_peer_address_of(address);
    peer->came_us = ds_sp_now_us();
    peer->task.run = run_begin;
    atomic_init(&peer->reference_count, 1);
    write_name(address, peer->name);
    pthread_mutex_lock(&listener->mutex);
    listener->held_count++;
    pthread_mutex_unlock(&listener->mutex);
    return peer;
}

void ds_sp_peer_came(void *context, int fd, const struct sockaddr_storage *address)
{
    struct ds_sp_peer *peer = peer_create(context, fd, address);
    if (ds_sp_loop_is_own_thread(peer->lane->loop)) {
        ds_sp_peer_begin(peer);
    } else {
        ds_sp_loop_post(peer->lane->loop, &peer->task);
    }
}
