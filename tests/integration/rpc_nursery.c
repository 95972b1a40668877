#include "integration/rpc_nursery.h"

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/rpc_server.h"
#include "schema.gen.h"
#include "support/handlers.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SILENT_CONNECTIONS_MAX 64
#define DRAIN_MS 5000

enum order {
    ORDER_START = 'S',
    ORDER_KILL = 'K',
};

struct order_message {
    char order;
    char place;
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

static int served_by; /* which of the servers this process is */

static void count(struct rpc_nursery_counts *counts, int64_t number)
{
    atomic_fetch_add(&counts->served[served_by], 1);
    if (number > 0 && number < RPC_NURSERY_CALLS_MAX) {
        atomic_fetch_add(&counts->executions[number], 1);
    }
}

static ds_code count_read(void *context, struct ds_call *call, const ProtobufCMessage *request,
                          ProtobufCMessage *response)
{
    (void)call;
    (void)response;
    count(context, ((const Storage__ListTicksRequest *)request)->limit);
    return DS_OK;
}

static ds_code count_write(void *context, struct ds_call *call, const ProtobufCMessage *request,
                           ProtobufCMessage *response)
{
    const Storage__IngestTicksRequest *in = (const Storage__IngestTicksRequest *)request;
    (void)call;
    (void)response;
    if (in->n_ticks > 0) {
        count(context, in->ticks[0]->volume);
    }
    return DS_OK;
}

static ds_code count_any(void *context, struct ds_call *call, const ProtobufCMessage *request,
                         ProtobufCMessage *response)
{
    (void)call;
    (void)request;
    (void)response;
    count(context, 0);
    return DS_OK;
}

/* In a process of its own; says so in `ready` when it listens. Drains at SIGTERM. */
static _Noreturn void serve(const struct rpc_nursery *nursery, int place, int ready)
{
    static ds_handler_fn handlers[HANDLERS_MAX];
    static const struct ds_service_handlers service = {
        .service = &ds_service_storage,
        .handlers = handlers,
    };
    sigset_t drain;
    int signal_number = 0;
    served_by = place;
    sigemptyset(&drain);
    sigaddset(&drain, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &drain, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < ds_service_storage.method_count; i++) {
        handlers[i] = answer;
    }
    handlers[ds_method_storage_list_ticks->index] = count_read;
    handlers[ds_method_storage_ingest_ticks->index] = count_write;
    handlers[ds_method_storage_start_backup->index] = count_any;
    struct ds_rpc_server *server =
        ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "nursery/1"});
    ds_rpc_server_add_service(server, &service, nursery->counts);
    require(ds_rpc_server_listen(server, nursery->urls[place], NULL, 0) == DS_OK, "listen");
    require(write(ready, "", 1) == 1, "ready");
    for (;;) {
        sigwait(&drain, &signal_number);
        ds_rpc_server_drain(server, DRAIN_MS);
    }
}

static pid_t start_server(const struct rpc_nursery *nursery, int place, int control)
{
    int ready[2];
    char byte;
    require(pipe(ready) == 0, "pipe");
    const pid_t pid = fork();
    require(pid >= 0, "fork");
    if (pid == 0) {
        close(control);
        close(ready[0]);
        serve(nursery, place, ready[1]);
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
static _Noreturn void nursery_main(struct rpc_nursery *nursery, int control)
{
    struct order_message message;
    while (read(control, &message, sizeof message) == sizeof message) {
        pid_t *server = &nursery->servers[(int)message.place];
        if (message.order == ORDER_START) {
            *server = start_server(nursery, message.place, control);
        } else {
            kill_server(*server);
            *server = 0;
        }
        require(write(control, server, sizeof *server) == sizeof *server, "the nursery's answer");
    }
    for (int i = 0; i < RPC_NURSERY_SERVERS; i++) {
        kill_server(nursery->servers[i]);
    }
    _exit(0);
}

static void name_urls(struct rpc_nursery *nursery)
{
    snprintf(nursery->url, sizeof nursery->url, "ipc://%s/rpc.sock", nursery->folder);
    snprintf(nursery->urls[0], sizeof nursery->urls[0], "%s", nursery->url);
    for (int i = 1; i < RPC_NURSERY_SERVERS; i++) {
        snprintf(nursery->urls[i], sizeof nursery->urls[i], "ipc://%s/rpc-%d.sock", nursery->folder,
                 i);
    }
}

void rpc_nursery_open(struct rpc_nursery *nursery)
{
    int sockets[2];
    memset(nursery, 0, sizeof *nursery);
    strcpy(nursery->folder, "/tmp/ds-rpc-XXXXXX");
    require(mkdtemp(nursery->folder) != NULL, "mkdtemp");
    name_urls(nursery);
    nursery->counts = mmap(NULL, sizeof *nursery->counts, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(nursery->counts != MAP_FAILED, "mmap");
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0, "socketpair");
    nursery->child = fork();
    require(nursery->child >= 0, "fork");
    if (nursery->child == 0) {
        close(sockets[0]);
        nursery_main(nursery, sockets[1]);
    }
    close(sockets[1]);
    nursery->control = sockets[0];
}

static void nursery_order(struct rpc_nursery *nursery, enum order order, int place)
{
    const struct order_message message = {.order = (char)order, .place = (char)place};
    pid_t *server = &nursery->servers[place];
    require(write(nursery->control, &message, sizeof message) == sizeof message, "the order");
    require(read(nursery->control, server, sizeof *server) == sizeof *server,
            "the nursery's answer");
    nursery->server = nursery->servers[0];
}

void rpc_nursery_close(struct rpc_nursery *nursery)
{
    close(nursery->control);
    waitpid(nursery->child, NULL, 0);
    for (int i = 0; i < RPC_NURSERY_SERVERS; i++) {
        unlink(nursery->urls[i] + strlen("ipc://"));
    }
    rmdir(nursery->folder);
    munmap(nursery->counts, sizeof *nursery->counts);
}

void rpc_nursery_start(struct rpc_nursery *nursery, int place)
{
    nursery_order(nursery, ORDER_START, place);
}

void rpc_nursery_kill(struct rpc_nursery *nursery, int place)
{
    nursery_order(nursery, ORDER_KILL, place);
}

void rpc_nursery_start_server(struct rpc_nursery *nursery)
{
    rpc_nursery_start(nursery, 0);
}

void rpc_nursery_kill_server(struct rpc_nursery *nursery)
{
    rpc_nursery_kill(nursery, 0);
}

static bool is_stopped(const char *thread_folder)
{
    char path[96];
    char text[256] = "";
    snprintf(path, sizeof path, "%s/stat", thread_folder);
    FILE *file = fopen(path, "r");
    require(file != NULL, path);
    require(fread(text, 1, sizeof text - 1, file) > 0, path);
    fclose(file);
    /* The state stands behind the name, which is in brackets. */
    const char *name_end = strrchr(text, ')');
    require(name_end != NULL, path);
    return name_end[1] == ' ' && name_end[2] == 'T';
}

/* SIGSTOP goes to one thread, and until that runs, which may take long on a busy machine, the
 * others go on. */
static bool all_threads_are_stopped(pid_t pid)
{
    char path[64];
    bool are_stopped = true;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    require(folder != NULL, path);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            char thread_folder[80];
            snprintf(thread_folder, sizeof thread_folder, "%s/%.10s", path, entry->d_name);
            are_stopped = is_stopped(thread_folder) && are_stopped;
        }
    }
    closedir(folder);
    return are_stopped;
}

void rpc_nursery_hang(struct rpc_nursery *nursery, int place)
{
    const pid_t server = nursery->servers[place];
    require(kill(server, SIGSTOP) == 0, "SIGSTOP");
    while (!all_threads_are_stopped(server)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

void rpc_nursery_wake(struct rpc_nursery *nursery, int place)
{
    require(kill(nursery->servers[place], SIGCONT) == 0, "SIGCONT");
}

void rpc_nursery_drain(struct rpc_nursery *nursery, int place)
{
    require(kill(nursery->servers[place], SIGTERM) == 0, "SIGTERM");
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
    /* None is waited for: a client that closes waits for an answer in the background. */
    int connections[SILENT_CONNECTIONS_MAX];
    struct rpc_silent_peer *peer = argument;
    size_t count = 0;
    for (int came; (came = accept(peer->listener, NULL, NULL)) >= 0; count++) {
        int *place = &connections[count % SILENT_CONNECTIONS_MAX];
        if (count >= SILENT_CONNECTIONS_MAX) {
            close(*place);
        }
        *place = came;
        if (send(came, greeting, sizeof greeting, MSG_NOSIGNAL) == sizeof greeting) {
            sem_post(&peer->connected);
        }
    }
    for (size_t i = 0; i < count && i < SILENT_CONNECTIONS_MAX; i++) {
        close(connections[i]);
    }
    return NULL;
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
