/* Asks a socket of nng's ipc transport for its greeting, in bytes of our own. Private to ds_common.
 */
#ifndef DS_IPC_PROBE_H
#define DS_IPC_PROBE_H

enum ds_ipc_probe {
    DS_IPC_ANSWERS, /* it greets, and refuses a peer of a foreign protocol */
    DS_IPC_SILENT,  /* it does not, though the kernel takes connections for it */
    DS_IPC_GONE,    /* there is no socket of that name, or nobody has it open */
    DS_IPC_UNKNOWN, /* we could not ask, or no descriptor is left with which to answer */
};

/*
 * Connects to the socket of a replier or a publisher at `path`, exchanges the greeting of the
 * Scalability Protocols (8 bytes a side: 0, 'S', 'P', 0, the protocol's number in two bytes, two of
 * 0) as a publisher, and waits to be hung up on, which only a listener does that still hands its
 * connections on. Blocks for timeout_ms at most. Any thread.
 */
enum ds_ipc_probe ds_ipc_probe(const char *path, int timeout_ms);

#endif
