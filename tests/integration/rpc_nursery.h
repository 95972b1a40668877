/* Servers in processes of their own that a test starts and kills at will. */
#ifndef TESTS_INTEGRATION_RPC_NURSERY_H
#define TESTS_INTEGRATION_RPC_NURSERY_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

#define RPC_NURSERY_SERVERS 3
/* Calls whose executions are counted, by the number that they carry. */
#define RPC_NURSERY_CALLS_MAX 2000000

/* Where all processes write; kept through the end of each. */
struct rpc_nursery_counts {
    atomic_uint executions[RPC_NURSERY_CALLS_MAX];
    atomic_uint served[RPC_NURSERY_SERVERS]; /* of both, by each server */
};

/* A child process that forks the servers, since a process that has used nng can't be forked. */
struct rpc_nursery {
    int control; /* a socket to the child */
    pid_t child;
    pid_t server; /* the first one; 0: none */
    pid_t servers[RPC_NURSERY_SERVERS];
    char folder[64];
    char url[128]; /* of the first server; always the same, whichever listens on it */
    char urls[RPC_NURSERY_SERVERS][128];
    struct rpc_nursery_counts *counts;
};

/* Before any use of nng. */
void rpc_nursery_open(struct rpc_nursery *nursery);
void rpc_nursery_close(struct rpc_nursery *nursery);

/*
 * Starts a server that answers every method of the storage service with an empty response, and
 * waits until it listens. It counts the executions of ListTicks by the request's limit, those of
 * IngestTicks by the first tick's volume; those of StartBackup count as served only.
 */
void rpc_nursery_start_server(struct rpc_nursery *nursery);

/* SIGKILL; the socket file stays behind. */
void rpc_nursery_kill_server(struct rpc_nursery *nursery);

/* The same for one of several servers, each on its URL. */
void rpc_nursery_start(struct rpc_nursery *nursery, int place);
void rpc_nursery_kill(struct rpc_nursery *nursery, int place);

/* SIGSTOP, after which not one thread of it runs, and SIGCONT. */
void rpc_nursery_hang(struct rpc_nursery *nursery, int place);
void rpc_nursery_wake(struct rpc_nursery *nursery, int place);

/* The server refuses new calls from now on, but lives. Returns before it does so. */
void rpc_nursery_drain(struct rpc_nursery *nursery, int place);

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
