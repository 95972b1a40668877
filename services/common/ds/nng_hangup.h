/*
 * How this side ends a connection of nng 1.5.2 that may be in the middle of a message: not by nng's
 * own close, which can stop nng's only reaper (docs/rpc-guards.md), but by shutdown(2) of the
 * connection. nng then reads its end and closes it as any that its peer has left. For the files
 * nng_*.c only.
 */
#ifndef DS_NNG_HANGUP_H
#define DS_NNG_HANGUP_H

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* What tells one of our connections from all others. */
struct ds_nng_ends {
    struct sockaddr_storage here;  /* our side's address; of ipc the listener's */
    struct sockaddr_storage there; /* the peer's; AF_UNSPEC: over ipc it has none */
    uint64_t process;              /* the peer's, over ipc */
    bool is_found;                 /* by ds_nng_hang_up() */
};

/* False where the connection is gone already. */
bool ds_nng_ends_of(nng_pipe pipe, struct ds_nng_ends *ret_ends);

/*
 * Takes the next step to the end of these connections and returns how many were found: over tcp
 * there are two, which must be some milliseconds apart. One that was not found is gone, or the
 * process is out of descriptors. Over ipc nothing names a connection: there it is one of the peer's
 * process that the listener has, and that takes no bytes.
 */
size_t ds_nng_hang_up(struct ds_nng_ends *ends, size_t count);

#endif
