#include "integration/rpc_nursery.h"

#include "ds/rpc_server.h"
#include "schema.gen.h"
#include "support/handlers.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum order {
    ORDER_START = 'S',
    ORDER_KILL = 'K',
};

/* Not assert(): what it checks must also happen in builds without it. */
static void require(bool holds, const char *what)
{
    if (!holds) {
        perror(what);
        abort();
    }
}

static ds_code answer(void *context, struct ds_call *call, const ProtobufCMessage *request,
                      ProtobufCMessage *response)
{
    (void)context;
    (void)call;
    (void)request;
    (void)response;
    return DS_OK;
}

/* In a process of its own; says so in `ready` when it listens. */
static _Noreturn void serve(const char *url, int ready)
{
    static ds_handler_fn handlers[HANDLERS_MAX];
    static const struct ds_service_handlers service = {
        .service = &ds_service_storage,
        .handlers = handlers,
    };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    handlers_fill(&ds_service_storage, handlers);
    handlers[ds_method_storage_ingest_ticks->index] = answer;
    struct ds_rpc_server *server =
        ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "nursery/1"});
    ds_rpc_server_add_service(server, &service, NULL);
    require(ds_rpc_server_listen(server, url, NULL, 0) == DS_OK, "listen");
    require(write(ready, "", 1) == 1, "ready");
    for (;;) {
        pause();
    }
}

static pid_t start_server(const char *url, int control)
{
    int ready[2];
    char byte;
    require(pipe(ready) == 0, "pipe");
    const pid_t pid = fork();
    require(pid >= 0, "fork");
    if (pid == 0) {
        close(control);
        close(ready[0]);
        serve(url, ready[1]);
    }
    close(ready[1]);
    require(read(ready[0], &byte, 1) == 1, "the server's start");
    close(ready[0]);
    return pid;
}

static void kill_server(pid_t pid)
{
    if (pid > 0) {
        require(kill(pid, SIGKILL) == 0, "kill");
        require(waitpid(pid, NULL, 0) == pid, "waitpid");
    }
}

/* Follows the tester's orders until it hangs up, and answers each with the server's pid. */
static _Noreturn void nursery_main(const char *url, int control)
{
    pid_t server = 0;
    char order;
    while (read(control, &order, 1) == 1) {
        if (order == ORDER_START) {
            server = start_server(url, control);
        } else {
            kill_server(server);
            server = 0;
        }
        require(write(control, &server, sizeof server) == sizeof server, "the nursery's answer");
    }
    kill_server(server);
    _exit(0);
}

void rpc_nursery_open(struct rpc_nursery *nursery)
{
    int sockets[2];
    memset(nursery, 0, sizeof *nursery);
    strcpy(nursery->folder, "/tmp/ds-rpc-XXXXXX");
    require(mkdtemp(nursery->folder) != NULL, "mkdtemp");
    snprintf(nursery->url, sizeof nursery->url, "ipc://%s/rpc.sock", nursery->folder);
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0, "socketpair");
    nursery->child = fork();
    require(nursery->child >= 0, "fork");
    if (nursery->child == 0) {
        close(sockets[0]);
        nursery_main(nursery->url, sockets[1]);
    }
    close(sockets[1]);
    nursery->control = sockets[0];
}

static void nursery_order(struct rpc_nursery *nursery, enum order order)
{
    const char byte = (char)order;
    require(write(nursery->control, &byte, 1) == 1, "the order");
    require(read(nursery->control, &nursery->server, sizeof nursery->server) ==
                sizeof nursery->server,
            "the nursery's answer");
}

void rpc_nursery_close(struct rpc_nursery *nursery)
{
    char path[96];
    close(nursery->control);
    waitpid(nursery->child, NULL, 0);
    snprintf(path, sizeof path, "%s/rpc.sock", nursery->folder);
    unlink(path);
    rmdir(nursery->folder);
}

void rpc_nursery_start_server(struct rpc_nursery *nursery)
{
    nursery_order(nursery, ORDER_START);
}

void rpc_nursery_kill_server(struct rpc_nursery *nursery)
{
    nursery_order(nursery, ORDER_KILL);
}

size_t rpc_nursery_open_files(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    require(folder != NULL, path);
    size_t count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

/* One connection at a time: it ends when the other side has hung up. */
static void *silent_peer_main(void *argument)
{
    /* The protocol's greeting, with the number of REP in it. */
    static const char greeting[] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    struct rpc_silent_peer *peer = argument;
    for (;;) {
        const int connection = accept(peer->listener, NULL, NULL);
        if (connection < 0) {
            return NULL;
        }
        char ignored[4096];
        if (send(connection, greeting, sizeof greeting, MSG_NOSIGNAL) == sizeof greeting) {
            sem_post(&peer->connected);
        }
        while (read(connection, ignored, sizeof ignored) > 0) {
        }
        close(connection);
    }
}

void rpc_silent_peer_open(struct rpc_silent_peer *peer, const struct rpc_nursery *nursery)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(peer->path, sizeof peer->path, "%s/silent.sock", nursery->folder);
    snprintf(peer->url, sizeof peer->url, "ipc://%s", peer->path);
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", peer->path);
    sem_init(&peer->connected, 0, 0);
    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(bind(peer->listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    require(listen(peer->listener, 1) == 0, "listen");
    require(pthread_create(&peer->thread, NULL, silent_peer_main, peer) == 0, "thread");
}

void rpc_silent_peer_close(struct rpc_silent_peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    unlink(peer->path);
    sem_destroy(&peer->connected);
}
