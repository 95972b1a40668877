/* Servers in processes of their own that a test starts and kills at will. */
#ifndef TESTS_INTEGRATION_RPC_NURSERY_H
#define TESTS_INTEGRATION_RPC_NURSERY_H

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/types.h>

/* A child process that forks the servers, since a process that has used nng can't be forked. */
struct rpc_nursery {
    int control; /* a socket to the child */
    pid_t child;
    pid_t server; /* 0: none */
    char folder[64];
    char url[128]; /* always the same, whichever server listens on it */
};

/* Before any use of nng. */
void rpc_nursery_open(struct rpc_nursery *nursery);
void rpc_nursery_close(struct rpc_nursery *nursery);

/* Starts a server that answers every method of the storage service with an empty response, and
 * waits until it listens. */
void rpc_nursery_start_server(struct rpc_nursery *nursery);

/* SIGKILL; the socket file stays behind. */
void rpc_nursery_kill_server(struct rpc_nursery *nursery);

size_t rpc_nursery_open_files(pid_t pid);

/* A peer that greets whoever connects as a REP socket would and then says nothing more. */
struct rpc_silent_peer {
    int listener;
    pthread_t thread;
    sem_t connected; /* posted for each connection that was greeted */
    char path[128];
    char url[160];
};

void rpc_silent_peer_open(struct rpc_silent_peer *peer, const struct rpc_nursery *nursery);
void rpc_silent_peer_close(struct rpc_silent_peer *peer);

#endif
