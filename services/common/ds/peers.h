/*
 * The connections of one listener: who may come, who has requests in work, who has been silent for
 * too long. Knows nothing of sockets. Any thread.
 */
#ifndef DS_PEERS_H
#define DS_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds_peer_limits {
    size_t connections_max;
    size_t connections_per_address_max;
    size_t requests_per_connection_max;
    int first_request_ms; /* the time in which a connection must have sent a whole request; 0: any
                           */
};

struct ds_peers;

/* Never NULL. Takes NULL for destroy. */
struct ds_peers *ds_peers_create(const struct ds_peer_limits *limits);
void ds_peers_destroy(struct ds_peers *peers);

/* A connection came; false where it is one too many, and is not remembered then. `id` is not in use
 * yet. Address 0 stands for none, which has no cap of its own. */
bool ds_peers_admit(struct ds_peers *peers, uint32_t id, uint32_t address, int64_t now_us);

/* The connection is gone. One that was not admitted is none. */
void ds_peers_leave(struct ds_peers *peers, uint32_t id);

bool ds_peers_has(struct ds_peers *peers, uint32_t id);

/* A request of that connection came in whole; false where it has more of them in work than it may.
 * Ends in ds_peers_request_end() in any case. */
bool ds_peers_request_begin(struct ds_peers *peers, uint32_t id);
void ds_peers_request_end(struct ds_peers *peers, uint32_t id);

struct ds_peer_view {
    uint32_t id;
    int64_t came_us;
    uint64_t request_count; /* whole ones so far */
    size_t requests_in_work;
};

/* Writes at most view_max connections, in no order, and returns how many. */
size_t ds_peers_list(struct ds_peers *peers, struct ds_peer_view *views, size_t view_max);

/* The connection has had its time for something else; false where that was known, or it has left.
 */
bool ds_peers_mark_overdue(struct ds_peers *peers, uint32_t id);

/* Writes the ids of at most id_max connections that have sent no whole request in their time, or
 * were marked, and returns how many. They
 * stay overdue until they leave, whatever they send. */
size_t ds_peers_overdue(struct ds_peers *peers, int64_t now_us, uint32_t *ids, size_t id_max);

#endif
