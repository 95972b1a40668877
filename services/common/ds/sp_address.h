/* Where a socket of the Scalability Protocols listens, for those who connect to it. Private to
 * ds_common. */
#ifndef DS_SP_ADDRESS_H
#define DS_SP_ADDRESS_H

#include "ds/code.h"

#include <stdbool.h>
#include <sys/socket.h>

/* Of the places that a name may stand for the first ones are taken. */
#define DS_SP_PLACES_MAX 8
#define DS_SP_HOST_BYTES_MAX 256
#define DS_SP_PORT_BYTES_MAX 6

struct ds_sp_address {
    bool is_ipc;
    int place_count; /* localhost may be 127.0.0.1 or ::1 */
    struct ds_sp_place {
        struct sockaddr_storage address;
        socklen_t size;
    } places[DS_SP_PLACES_MAX];
};

/*
 * Reads ipc://PATH or tcp://HOST:PORT, where HOST is an IPv4 address, an IPv6 address in brackets
 * or localhost. Other names are DS_INVALID_ARGUMENT, as all else is: looking them up may take as
 * long as it likes, and nobody could interrupt it; events over tcp are for one machine
 * (docs/rpc.md).
 */
DS_MUST_USE ds_code ds_sp_address_read(const char *url, struct ds_sp_address *ret_address);

/* Whom a client connects to. */
struct ds_sp_target {
    bool is_tls;
    bool is_name;                 /* `host` and `port` are to be looked up: ds/sp_lookup.h */
    struct ds_sp_address address; /* of what is no name */
    char host[DS_SP_HOST_BYTES_MAX];
    char port[DS_SP_PORT_BYTES_MAX];
};

/* Reads what ds_sp_address_read() does, tls+tcp://HOST:PORT, and a HOST that is a name. */
DS_MUST_USE ds_code ds_sp_target_read(const char *url, struct ds_sp_target *ret_target);

#endif
