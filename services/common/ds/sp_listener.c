#include "ds/sp_listener.h"

#include "ds/sp_listener_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LANES_MAX 4
/* In which a peer must have greeted, over TLS with its handshake before, which takes three journeys
 * over the network; who takes longer does not mean it. */
#define GREETING_MS_MAX 10000
/* What peers have to take their last replies in, by looks and not by the clock: a machine that
 * stood still has given them no time. */
#define CLOSE_LOOK_US 500000
#define CLOSE_LOOKS_MAX 4
#define US_PER_MS 1000

static size_t lane_count(void)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > LANES_MAX ? LANES_MAX : (size_t)cores;
}

static void patience_over(struct ds_timer *timer);

static bool open_lanes(struct ds_sp_listener *listener)
{
    for (size_t i = 0; i < listener->lane_count; i++) {
        struct ds_sp_lane *lane = &listener->lanes[i];
        char name[16];
        snprintf(name, sizeof name, "ds-rpc-%u", (unsigned int)i % LANES_MAX);
        if (ds_sp_loop_create(name, &lane->loop) != DS_OK) {
            return false;
        }
    }
    return ds_sp_acceptor_start(&listener->acceptor, &(struct ds_sp_acceptor_options){
                                                         .loop = listener->lanes[0].loop,
                                                         .binding = &listener->binding,
                                                         .peers = listener->peers,
                                                         .came = ds_sp_peer_came,
                                                         .context = listener,
                                                     });
}

static void listener_free(struct ds_sp_listener *listener)
{
    for (size_t i = 0; i < listener->lane_count; i++) {
        ds_sp_loop_destroy(listener->lanes[i].loop);
        pthread_mutex_destroy(&listener->lanes[i].mutex);
    }
    ds_tls_identity_release(listener->identity);
    ds_peers_destroy(listener->peers);
    pthread_cond_destroy(&listener->emptied);
    pthread_mutex_destroy(&listener->mutex);
    pthread_mutex_destroy(&listener->relief_mutex);
    free(listener);
}

static struct ds_sp_listener *listener_create(const struct ds_sp_listener_options *options,
                                              const struct ds_sp_binding *binding)
{
    const size_t count = lane_count();
    const struct ds_sp_limits *limits = &options->limits;
    const int first_ms = limits->first_request_ms;
    struct ds_sp_listener *listener = calloc(1, sizeof *listener + count * sizeof *listener->lanes);
    if (listener == NULL) {
        abort();
    }
    listener->options = *options;
    listener->options.url = NULL; /* The caller's; binding.url is that in use. */
    listener->binding = *binding;
    listener->peers = ds_peers_create(limits->connections_max, limits->connections_per_address_max);
    listener->message_us = (int64_t)first_ms * US_PER_MS;
    /* Whoever may enter the socket's folder may be silent. */
    listener->first_request_us = binding->is_ipc ? 0 : listener->message_us;
    listener->greeting_us =
        (int64_t)(first_ms < GREETING_MS_MAX ? first_ms : GREETING_MS_MAX) * US_PER_MS;
    listener->identity = options->identity == NULL ? NULL : ds_tls_identity_hold(options->identity);
    listener->options.identity = NULL;
    if (limits->unsent_bytes_max == 0) {
        listener->options.limits.unsent_bytes_max = DS_SP_UNSENT_BYTES_DEFAULT;
    }
    pthread_mutex_init(&listener->relief_mutex, NULL);
    pthread_mutex_init(&listener->mutex, NULL);
    pthread_cond_init(&listener->emptied, NULL);
    listener->lane_count = count;
    for (size_t i = 0; i < count; i++) {
        listener->lanes[i].listener = listener;
        listener->lanes[i].patience.fire = patience_over;
        pthread_mutex_init(&listener->lanes[i].mutex, NULL);
    }
    return listener;
}

ds_code ds_sp_listen(const struct ds_sp_listener_options *options,
                     struct ds_sp_listener **ret_listener)
{
    struct ds_sp_binding binding;
    if (ds_url_is_tls(options->url) && options->identity == NULL) {
        return DS_INVALID_ARGUMENT;
    }
    DS_TRY(ds_sp_bind(options->url, &binding));
    struct ds_sp_listener *listener = listener_create(options, &binding);
    if (!open_lanes(listener)) {
        ds_sp_unbind(&listener->binding);
        listener_free(listener);
        return DS_RESOURCE_EXHAUSTED;
    }
    *ret_listener = listener;
    return DS_OK;
}

const char *ds_sp_listener_url(const struct ds_sp_listener *listener)
{
    return listener->binding.url;
}

void ds_sp_listener_set_identity(struct ds_sp_listener *listener, struct ds_tls_identity *identity)
{
    pthread_mutex_lock(&listener->mutex);
    struct ds_tls_identity *old = listener->identity;
    listener->identity = ds_tls_identity_hold(identity);
    pthread_mutex_unlock(&listener->mutex);
    ds_tls_identity_release(old);
}

size_t ds_sp_listener_connection_count(const struct ds_sp_listener *listener)
{
    return ds_peers_count(listener->peers);
}

struct ds_sp_listener_figures ds_sp_listener_figures(const struct ds_sp_listener *listener)
{
    return (struct ds_sp_listener_figures){
        .refused = atomic_load(&listener->acceptor.refused_count),
        .malformed = atomic_load(&listener->malformed),
        .overdue = atomic_load(&listener->overdue),
        .unread = atomic_load(&listener->unread),
        .burdens = atomic_load(&listener->burdens),
        .strayed = atomic_load(&listener->strayed),
    };
}

/* ---- what it shows ---- */

/* So many views as are allocated: connections may come meanwhile. */
struct views {
    struct ds_connection_view *views;
    size_t count;
    size_t max;
};

static void take_views(struct ds_sp_lane *lane, int64_t now_us, struct views *views)
{
    pthread_mutex_lock(&lane->mutex);
    for (struct ds_sp_peer *peer = lane->oldest; peer != NULL && views->count < views->max;
         peer = peer->newer) {
        struct ds_connection_view *view = &views->views[views->count++];
        *view = (struct ds_connection_view){
            .is_trusted = lane->listener->binding.is_ipc,
            .age_us = now_us - peer->came_us,
            .request_count = atomic_load(&peer->request_count),
            .requests_in_work = atomic_load(&peer->requests_in_work),
        };
        snprintf(view->listener, sizeof view->listener, "%.*s", (int)sizeof view->listener - 1,
                 lane->listener->binding.url);
        snprintf(view->peer, sizeof view->peer, "%s", peer->name);
        snprintf(view->client, sizeof view->client, "%s", peer->client);
    }
    pthread_mutex_unlock(&lane->mutex);
}

static int compare_ages(const void *left, const void *right)
{
    const struct ds_connection_view *first = left;
    const struct ds_connection_view *second = right;
    return (first->age_us < second->age_us) - (first->age_us > second->age_us);
}

void ds_sp_listener_connections(struct ds_sp_listener *listener, size_t max,
                                ds_connection_view_fn take, void *context)
{
    struct views views = {.max = ds_peers_count(listener->peers)};
    views.views = calloc(views.max + 1, sizeof *views.views);
    if (views.views == NULL) {
        abort();
    }
    const int64_t now_us = ds_sp_now_us();
    for (size_t i = 0; i < listener->lane_count; i++) {
        take_views(&listener->lanes[i], now_us, &views);
    }
    qsort(views.views, views.count, sizeof *views.views, compare_ages);
    for (size_t i = 0; i < views.count && i < max; i++) {
        take(context, &views.views[i]);
    }
    free(views.views);
}

static void write_printable(const char *text, char target[DS_SP_CLIENT_NAME_BYTES])
{
    size_t size = 0;
    for (; text[size] != '\0' && size < DS_SP_CLIENT_NAME_BYTES - 1; size++) {
        target[size] = text[size] >= ' ' && text[size] <= '~' ? text[size] : '?';
    }
    target[size] = '\0';
}

void ds_sp_listener_name_client(struct ds_sp_listener *listener, uint64_t peer_id,
                                const char *client)
{
    for (size_t i = 0; i < listener->lane_count; i++) {
        struct ds_sp_lane *lane = &listener->lanes[i];
        pthread_mutex_lock(&lane->mutex);
        for (struct ds_sp_peer *peer = lane->oldest; peer != NULL; peer = peer->newer) {
            if (peer->id == peer_id) {
                write_printable(client, peer->client);
                break;
            }
        }
        pthread_mutex_unlock(&lane->mutex);
    }
}

/* ---- stop and close ---- */

static void for_each_peer(struct ds_sp_lane *lane, void (*act)(struct ds_sp_peer *peer))
{
    struct ds_sp_peer *newer;
    for (struct ds_sp_peer *peer = lane->oldest; peer != NULL; peer = newer) {
        newer = peer->newer;
        act(peer);
    }
}

static void stop_accepting(void *context)
{
    struct ds_sp_listener *listener = context;
    ds_sp_acceptor_stop(&listener->acceptor);
    ds_sp_unbind(&listener->binding);
}

static void stop_lane(void *context)
{
    struct ds_sp_lane *lane = context;
    lane->is_stopped = true;
    for_each_peer(lane, ds_sp_peer_stop);
}

void ds_sp_listener_stop(struct ds_sp_listener *listener)
{
    /* What it has handed to the lanes comes before their stop. */
    ds_sp_loop_run(listener->lanes[0].loop, stop_accepting, listener);
    for (size_t i = 0; i < listener->lane_count; i++) {
        ds_sp_loop_run(listener->lanes[i].loop, stop_lane, &listener->lanes[i]);
    }
}

static void patience_over(struct ds_timer *timer)
{
    struct ds_sp_lane *lane =
        (struct ds_sp_lane *)((uint8_t *)timer - offsetof(struct ds_sp_lane, patience));
    lane->looks++;
    if (lane->looks == CLOSE_LOOKS_MAX) {
        for_each_peer(lane, ds_sp_peer_end);
        return;
    }
    ds_timers_set(ds_sp_loop_timers(lane->loop), timer,
                  ds_sp_loop_now_us(lane->loop) + CLOSE_LOOK_US);
}

static void close_lane(void *context)
{
    struct ds_sp_lane *lane = context;
    lane->is_closing = true;
    for_each_peer(lane, ds_sp_peer_close);
    ds_timers_set(ds_sp_loop_timers(lane->loop), &lane->patience,
                  ds_sp_loop_now_us(lane->loop) + CLOSE_LOOK_US);
}

void ds_sp_listener_close(struct ds_sp_listener *listener)
{
    for (size_t i = 0; i < listener->lane_count; i++) {
        ds_sp_loop_run(listener->lanes[i].loop, close_lane, &listener->lanes[i]);
    }
    pthread_mutex_lock(&listener->mutex);
    while (listener->held_count > 0) {
        pthread_cond_wait(&listener->emptied, &listener->mutex);
    }
    pthread_mutex_unlock(&listener->mutex);
    listener_free(listener);
}
