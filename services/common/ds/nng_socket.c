#include "ds/nng_socket.h"

#include "ds/clock.h"
#include "ds/ipc_probe.h"
#include "ds/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define IPC_SCHEME "ipc://"
#define INNER_URL "tcp://127.0.0.1:0"
#define CLOSE_PATIENCE_US 2000000
/* How long an address may take to answer, and how long the second time before it counts as deaf. */
#define PROBE_TIMEOUT_MS 500
#define PROBE_AGAIN_TIMEOUT_MS 3000

void ds_nng_check(int outcome)
{
    if (outcome != 0) {
        ds_log(DS_LOG_ERROR, "nng_failed", DS_LOG_TEXT("reason", nng_strerror(outcome)));
        (void)ds_log_flush(1000);
        abort(); /* Only for what fails for want of memory or by a mistake of ours. */
    }
}

nng_msg *ds_nng_message_of(const struct ds_bytes *parts, size_t part_count)
{
    size_t size = 0;
    for (size_t i = 0; i < part_count; i++) {
        size += parts[i].size;
    }
    nng_msg *message = NULL;
    ds_nng_check(nng_msg_alloc(&message, size));
    uint8_t *target = nng_msg_body(message);
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0) {
            memcpy(target, parts[i].data, parts[i].size);
            target += parts[i].size;
        }
    }
    return message;
}

/*
 * nng 1.5.2 can wait for ever in nng_close: a pipe that is closed between the header and the body
 * of a message never finishes its receive (mended in 1.6 for tcp, nng pull request 1636). So a
 * thread of its own closes, and we wait for it only so long.
 */
struct closer {
    pthread_mutex_t mutex; /* guards is_closed and is_abandoned */
    pthread_cond_t closed;
    bool is_closed;
    bool is_abandoned; /* nobody waits any more: the thread frees the struct */
    size_t socket_count;
    nng_socket sockets[];
};

static void closer_free(struct closer *closer)
{
    pthread_cond_destroy(&closer->closed);
    pthread_mutex_destroy(&closer->mutex);
    free(closer);
}

static void *closer_main(void *argument)
{
    struct closer *closer = argument;
    for (size_t i = 0; i < closer->socket_count; i++) {
        nng_close(closer->sockets[i]);
    }
    pthread_mutex_lock(&closer->mutex);
    closer->is_closed = true;
    const bool is_abandoned = closer->is_abandoned;
    pthread_cond_signal(&closer->closed);
    pthread_mutex_unlock(&closer->mutex);
    if (is_abandoned) {
        closer_free(closer);
    }
    return NULL;
}

static void wait_for_closer(struct closer *closer)
{
    const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) + CLOSE_PATIENCE_US;
    bool has_time = true;
    while (!closer->is_closed && has_time) {
        has_time = ds_clock_wait_until(&closer->closed, &closer->mutex, until_us);
    }
}

bool ds_nng_sockets_close(const nng_socket *sockets, size_t socket_count)
{
    struct closer *closer = calloc(1, sizeof *closer + socket_count * sizeof *sockets);
    pthread_t thread;
    if (closer == NULL) {
        abort();
    }
    closer->socket_count = socket_count;
    memcpy(closer->sockets, sockets, socket_count * sizeof *sockets);
    pthread_mutex_init(&closer->mutex, NULL);
    pthread_cond_init(&closer->closed, NULL);
    if (pthread_create(&thread, NULL, closer_main, closer) != 0) {
        abort();
    }
    pthread_detach(thread);
    pthread_mutex_lock(&closer->mutex);
    wait_for_closer(closer);
    const bool is_closed = closer->is_closed;
    closer->is_abandoned = !is_closed;
    pthread_mutex_unlock(&closer->mutex);
    if (is_closed) {
        closer_free(closer);
    } else {
        ds_log(DS_LOG_WARNING, "nng_close_is_stuck",
               DS_LOG_INT("socket", nng_socket_id(sockets[0])));
    }
    return is_closed;
}

bool ds_nng_url_is_ipc(const char *url)
{
    return strncmp(url, IPC_SCHEME, strlen(IPC_SCHEME)) == 0;
}

bool ds_nng_address_find_peer(const struct ds_nng_address *address, nng_pipe pipe,
                              struct sockaddr_storage *ret_peer)
{
    nng_sockaddr found;
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    if (!address->is_ipc && nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &found) == 0) {
        if (found.s_family == NNG_AF_INET) {
            *(struct sockaddr_in *)&peer = (struct sockaddr_in){
                .sin_family = AF_INET,
                .sin_addr.s_addr = found.s_in.sa_addr,
                .sin_port = found.s_in.sa_port,
            };
        } else if (found.s_family == NNG_AF_INET6) {
            struct sockaddr_in6 *six = (struct sockaddr_in6 *)&peer;
            six->sin6_family = AF_INET6;
            six->sin6_port = found.s_in6.sa_port;
            memcpy(&six->sin6_addr, found.s_in6.sa_addr, sizeof six->sin6_addr);
        }
    }
    if (address->is_tls) {
        return peer.ss_family == AF_INET &&
               ds_tls_relay_find_peer(address->relay, (const struct sockaddr_in *)&peer, ret_peer);
    }
    *ret_peer = peer;
    return true;
}

/* nng reports port 0 as it was asked for; the port in use has an option of its own. */
static void note_port(struct ds_nng_address *address, int port)
{
    char *colon = strrchr(address->url, ':');
    const size_t room = sizeof address->url - (size_t)(colon - address->url);
    snprintf(colon, room, ":%d", port);
}

static int address_start(struct ds_nng_address *address, const char *url)
{
    nng_listener handle;
    const int created = nng_listener_create(&handle, address->socket, url);
    if (created != 0) {
        return created;
    }
    /* The default is unlimited: a header of 16 bytes would reserve 16 GiB. */
    ds_nng_check(nng_listener_set_size(handle, NNG_OPT_RECVMAXSZ, address->message_bytes_max));
    const int started = nng_listener_start(handle, 0);
    if (started != 0) {
        nng_listener_close(handle);
        return started;
    }
    address->handle = handle;
    return 0;
}

static ds_code open_relay(const struct ds_nng_address_options *options,
                          struct ds_nng_address *address)
{
    if (options->identity == NULL) {
        return DS_INVALID_ARGUMENT;
    }
    return ds_tls_relay_open(
        &(struct ds_tls_relay_options){
            .address = options->url + strlen(DS_TLS_SCHEME),
            .identity = options->identity,
            .connections_max = options->connections_max,
            .connections_per_address_max = options->connections_per_address_max,
            .handshake_ms = options->handshake_ms,
        },
        &address->relay);
}

ds_code ds_nng_address_open(const struct ds_nng_address_options *options,
                            struct ds_nng_address *ret_address)
{
    struct ds_nng_address *address = ret_address;
    int port = 0;
    *address = (struct ds_nng_address){
        .socket = options->socket,
        .message_bytes_max = options->message_bytes_max,
        .is_ipc = ds_nng_url_is_ipc(options->url),
        .is_tls = ds_url_is_tls(options->url),
    };
    const int length = snprintf(address->url, sizeof address->url, "%s", options->url);
    if (length >= DS_NNG_URL_BYTES_MAX) {
        return DS_INVALID_ARGUMENT;
    }
    if (address->is_tls) {
        DS_TRY(open_relay(options, address));
    }
    const int outcome = address_start(address, address->is_tls ? INNER_URL : address->url);
    if (outcome != 0) {
        ds_nng_address_close(address);
        return outcome == NNG_EADDRINUSE ? DS_ALREADY_EXISTS : DS_INVALID_ARGUMENT;
    }
    if (!address->is_ipc) {
        ds_nng_check(nng_listener_get_int(address->handle, NNG_OPT_TCP_BOUND_PORT, &port));
        note_port(address, address->is_tls ? ds_tls_relay_port(address->relay) : port);
    }
    if (address->is_tls) {
        ds_tls_relay_start(address->relay, port);
    }
    return DS_OK;
}

void ds_nng_address_close(struct ds_nng_address *address)
{
    ds_tls_relay_close(address->relay);
    address->relay = NULL;
}

static void address_revive(struct ds_nng_address *address)
{
    nng_listener_close(address->handle);
    const int outcome = address_start(address, address->url);
    if (outcome == 0) {
        ds_log(DS_LOG_WARNING, "listener_revived", DS_LOG_TEXT("url", address->url));
    } else {
        ds_log(DS_LOG_ERROR, "listener_is_deaf", DS_LOG_TEXT("url", address->url),
               DS_LOG_TEXT("reason", nng_strerror(outcome)));
    }
}

static bool is_deaf(const char *path, int timeout_ms)
{
    const enum ds_ipc_probe probe = ds_ipc_probe(path, timeout_ms);
    return probe == DS_IPC_SILENT || probe == DS_IPC_GONE;
}

void ds_nng_address_look_after(struct ds_nng_address *address)
{
    const char *path = address->url + strlen(IPC_SCHEME);
    if (address->is_ipc && is_deaf(path, PROBE_TIMEOUT_MS) &&
        is_deaf(path, PROBE_AGAIN_TIMEOUT_MS)) {
        address_revive(address);
    }
}
