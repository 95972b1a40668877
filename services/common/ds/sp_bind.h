/* The listening sockets of ipc, tcp and tls+tcp addresses. Private to ds_common. */
#ifndef DS_SP_BIND_H
#define DS_SP_BIND_H

#include "ds/code.h"

#include <stdbool.h>
#include <sys/types.h>

#define DS_SP_URL_BYTES_MAX 256

struct ds_sp_binding {
    int fd; /* listens, does not block */
    bool is_ipc;
    bool is_tls;
    char url[DS_SP_URL_BYTES_MAX]; /* in use: with the port that was picked for port 0 */
    dev_t device;                  /* of the socket's file, of ipc */
    ino_t inode;
};

/*
 * Reads ipc://PATH, tcp://HOST:PORT or tls+tcp://HOST:PORT; HOST is an IPv4 address, an IPv6
 * address in brackets or a name, which is looked up. A socket's file that nobody listens at any
 * more is replaced; only this user may connect to the new one. DS_ALREADY_EXISTS: the address is in
 * use; DS_INVALID_ARGUMENT: none that can be listened on; DS_RESOURCE_EXHAUSTED: no descriptor is
 * left. May wait for a name, and for another process that binds in the same folder.
 */
DS_MUST_USE ds_code ds_sp_bind(const char *url, struct ds_sp_binding *ret_binding);

/* Closes, and removes the file unless another socket has taken its place. */
void ds_sp_unbind(struct ds_sp_binding *binding);

#endif
