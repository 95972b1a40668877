/* How a link comes to a connected descriptor: its host is looked up, the places are tried. */
#include "ds/sp_dialer_internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 5000
/* Of several places the next one is tried then, while those before go on (RFC 8305). */
#define NEXT_PLACE_MS 250
#define US_PER_MS 1000

static void attempt_end(struct ds_sp_attempt *attempt)
{
    if (attempt->watch.fd >= 0) {
        ds_sp_loop_remove(attempt->link->dialer->loop, &attempt->watch);
        close(attempt->watch.fd);
        attempt->watch.fd = -1;
    }
}

void ds_sp_attempts_end(struct ds_sp_link *link)
{
    for (size_t i = 0; i < DS_SP_PLACES_MAX; i++) {
        attempt_end(&link->attempts[i]);
    }
}

/* The kernel has taken it on itself to connect. */
static bool attempt_begin(struct ds_sp_attempt *attempt, int fd)
{
    attempt->watch.fd = fd;
    if (!ds_sp_loop_add(attempt->link->dialer->loop, &attempt->watch, EPOLLOUT)) {
        attempt->watch.fd = -1;
        return false;
    }
    ds_sp_link_phase_begin(attempt->link, DS_SP_LINK_CONNECTING);
    return true;
}

static bool has_attempt(const struct ds_sp_link *link)
{
    for (size_t i = 0; i < DS_SP_PLACES_MAX; i++) {
        if (link->attempts[i].watch.fd >= 0) {
            return true;
        }
    }
    return false;
}

/* Begins with the next place that can be tried. */
void ds_sp_link_connect_next(struct ds_sp_link *link)
{
    bool has_begun = false;
    while (link->place < link->address.place_count && !has_begun) {
        struct ds_sp_attempt *attempt = &link->attempts[link->place];
        const struct ds_sp_place *place = &link->address.places[link->place++];
        const int fd =
            socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            break;
        }
        if (connect(fd, (const struct sockaddr *)&place->address, place->size) == 0) {
            ds_sp_attempts_end(link);
            ds_sp_link_greet(link, fd);
            return;
        }
        has_begun = errno == EINPROGRESS && attempt_begin(attempt, fd);
        if (!has_begun) {
            close(fd);
        }
    }
    if (!has_attempt(link)) {
        ds_sp_link_end(link, true);
        return;
    }
    const bool has_next = link->place < link->address.place_count;
    ds_sp_link_timer_set(link, (int64_t)(has_next ? NEXT_PLACE_MS : CONNECT_MS) * US_PER_MS);
}

static bool is_connected(int fd)
{
    int failure = 0;
    socklen_t size = sizeof failure;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
}

static void attempt_ready(struct ds_sp_watch *watch, uint32_t events)
{
    struct ds_sp_attempt *attempt = (struct ds_sp_attempt *)watch;
    struct ds_sp_link *link = attempt->link;
    const int fd = watch->fd;
    (void)events;
    if (!is_connected(fd)) {
        attempt_end(attempt);
        ds_sp_link_connect_next(link);
        return;
    }
    ds_sp_loop_remove(link->dialer->loop, watch);
    watch->fd = -1;
    ds_sp_attempts_end(link);
    ds_sp_link_greet(link, fd);
}

static void connect_to(struct ds_sp_link *link, const struct ds_sp_address *address)
{
    link->address = *address;
    link->place = 0;
    ds_sp_link_connect_next(link);
}

static void looked_up(void *context, const struct ds_sp_address *address)
{
    struct ds_sp_link *link = context;
    link->lookup = NULL;
    ds_sp_link_phase_begin(link, DS_SP_LINK_DOWN);
    connect_to(link, address);
}

static void look_up(struct ds_sp_link *link)
{
    const struct ds_sp_target *target = &link->dialer->target;
    ds_sp_link_phase_begin(link, DS_SP_LINK_LOOKING_UP);
    link->lookup =
        ds_sp_lookup_start(link->dialer->loop, target->host, target->port, looked_up, link);
    if (link->lookup == NULL) {
        ds_sp_link_end(link, true);
    }
}

void ds_sp_link_connect(struct ds_sp_link *link)
{
    const struct ds_sp_target *target = &link->dialer->target;
    if (target->is_name) {
        look_up(link);
    } else {
        connect_to(link, &target->address);
    }
}

void ds_sp_attempts_init(struct ds_sp_link *link)
{
    for (size_t i = 0; i < DS_SP_PLACES_MAX; i++) {
        link->attempts[i] = (struct ds_sp_attempt){
            .watch = {.fd = -1, .ready = attempt_ready},
            .link = link,
        };
    }
}
