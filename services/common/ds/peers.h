/*
 * How many connections a listener has, in all and from each address, and whether one more may come.
 * Knows no sockets. Any thread.
 */
#ifndef DS_PEERS_H
#define DS_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ds_peers;

/* What the cap of a peer goes by: of IPv6 the network, since whoever has one address there has
 * 2^64. 0 where there is none. */
uint32_t ds_peer_address_of(const struct sockaddr_storage *address);

/* Never NULL. Takes NULL for destroy. */
struct ds_peers *ds_peers_create(size_t connections_max, size_t connections_per_address_max);
void ds_peers_destroy(struct ds_peers *peers);

/* A connection came; false where it is one too many, and is not counted then. Address 0 stands for
 * none, which has no cap of its own. */
bool ds_peers_admit(struct ds_peers *peers, uint32_t address);

/* One that was admitted from that address is gone. */
void ds_peers_leave(struct ds_peers *peers, uint32_t address);

size_t ds_peers_count(struct ds_peers *peers);

#endif
