#include "ds/sp_acceptor.h"

#include "ds/log.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Before the connections have their turn. */
#define ACCEPTS_PER_TURN_MAX 64
/* How long it rests when no descriptor is left, and how often the log is told. */
#define REST_US 100000
#define REST_TOLD_US 60000000

static void rest(struct ds_sp_acceptor *acceptor, int failure)
{
    struct ds_sp_loop *loop = acceptor->options.loop;
    const int64_t now_us = ds_sp_loop_now_us(loop);
    /* What waits there would be told of again at once. */
    ds_sp_loop_change(loop, &acceptor->watch, 0);
    ds_timers_set(ds_sp_loop_timers(loop), &acceptor->rest, now_us + REST_US);
    if (acceptor->rest_told_us == 0 || now_us - acceptor->rest_told_us >= REST_TOLD_US) {
        acceptor->rest_told_us = now_us;
        ds_log(DS_LOG_ERROR, "no_connection_can_be_accepted",
               DS_LOG_TEXT("url", acceptor->options.binding->url),
               DS_LOG_TEXT("reason", strerror(failure)));
    }
}

static void rested(struct ds_timer *timer)
{
    struct ds_sp_acceptor *acceptor =
        (struct ds_sp_acceptor *)((uint8_t *)timer - offsetof(struct ds_sp_acceptor, rest));
    ds_sp_loop_change(acceptor->options.loop, &acceptor->watch, EPOLLIN);
}

static void take_in(struct ds_sp_acceptor *acceptor, int fd, const struct sockaddr_storage *address)
{
    const struct ds_sp_acceptor_options *options = &acceptor->options;
    if (!ds_peers_admit(options->peers, ds_peer_address_of(address))) {
        atomic_fetch_add(&acceptor->refused_count, 1);
        ds_log(DS_LOG_DEBUG, "connection_refused", DS_LOG_TEXT("url", options->binding->url));
        close(fd);
        return;
    }
    options->came(options->context, fd, address);
}

static bool is_out_of_room(int failure)
{
    return failure == EMFILE || failure == ENFILE || failure == ENOBUFS || failure == ENOMEM;
}

static void acceptor_ready(struct ds_sp_watch *watch, uint32_t events)
{
    struct ds_sp_acceptor *acceptor = (struct ds_sp_acceptor *)watch;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN_MAX; i++) {
        struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
        socklen_t address_bytes = sizeof address;
        const int fd = accept4(watch->fd, (struct sockaddr *)&address, &address_bytes,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_in(acceptor, fd, &address);
        } else if (is_out_of_room(errno)) {
            rest(acceptor, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
        /* Any other failure is of a peer that has gone already, or of its network. */
    }
}

bool ds_sp_acceptor_start(struct ds_sp_acceptor *acceptor,
                          const struct ds_sp_acceptor_options *options)
{
    *acceptor = (struct ds_sp_acceptor){
        .watch = {.fd = options->binding->fd, .ready = acceptor_ready},
        .options = *options,
        .rest.fire = rested,
    };
    return ds_sp_loop_add(options->loop, &acceptor->watch, EPOLLIN);
}

void ds_sp_acceptor_stop(struct ds_sp_acceptor *acceptor)
{
    ds_timers_stop(ds_sp_loop_timers(acceptor->options.loop), &acceptor->rest);
    ds_sp_loop_remove(acceptor->options.loop, &acceptor->watch);
}
