/*
 * Requests that were given up after a connection had taken them: by a cancel, their time limit or a
 * close. Parts of them, or of their replies, may still come and go.
 */
#include "ds/clock.h"
#include "ds/nng_request.h"

#include <stddef.h>
#include <stdlib.h>

#define OWING_CHECK_US 100000

/* Looks which of the requests that owe something have got it over with; tells whether any has not.
 * Nobody uses them meanwhile. */
static bool dialer_still_owes(struct ds_nng_dialer *dialer, nng_stat *counts)
{
    bool is_owing = false;
    for (size_t i = 0; i < dialer->open_count; i++) {
        struct ds_nng_request *request = &dialer->requests[i];
        request->is_owing = request->is_owing &&
                            !ds_nng_traffic_is_over(&request->traffic, request->socket, counts);
        is_owing = is_owing || request->is_owing;
    }
    return is_owing;
}

/* Closes the sockets that are not closed yet, or only those that owe nothing. */
static bool dialer_close_sockets(struct ds_nng_dialer *dialer, bool with_owing)
{
    size_t count = 0;
    nng_socket *sockets = calloc(dialer->open_count, sizeof *sockets);
    if (sockets == NULL) {
        abort();
    }
    for (size_t i = 0; i < dialer->open_count; i++) {
        struct ds_nng_request *request = &dialer->requests[i];
        if (!request->is_closed && (with_owing || !request->is_owing)) {
            request->is_closed = true;
            sockets[count++] = request->socket;
        }
    }
    const bool is_closed = count == 0 || ds_nng_sockets_close(sockets, count);
    free(sockets);
    return is_closed;
}

static void dialer_end(struct ds_nng_dialer *dialer)
{
    if (!dialer_close_sockets(dialer, true)) {
        return;
    }
    for (size_t i = 0; i < dialer->open_count; i++) {
        nng_aio_free(dialer->requests[i].aio);
        nng_aio_free(dialer->requests[i].try_aio);
    }
    pthread_mutex_destroy(&dialer->mutex);
    ds_nng_dialer_free(dialer);
}

static struct ds_nng_dialer *dialer_of(struct ds_nng_drain *drain)
{
    return (struct ds_nng_dialer *)((char *)drain - offsetof(struct ds_nng_dialer, drain));
}

static bool drain_is_over(struct ds_nng_drain *drain, nng_stat *counts)
{
    return !dialer_still_owes(dialer_of(drain), counts);
}

static void drain_end(struct ds_nng_drain *drain)
{
    dialer_end(dialer_of(drain));
}

/* Whether requests are left that must not be closed yet. */
static bool dialer_is_owing(struct ds_nng_dialer *dialer)
{
    bool is_owing = false;
    for (size_t i = 0; i < dialer->open_count; i++) {
        is_owing = is_owing || dialer->requests[i].is_owing;
    }
    if (!is_owing) {
        return false;
    }
    nng_stat *counts = ds_nng_counts();
    is_owing = dialer_still_owes(dialer, counts);
    ds_nng_counts_free(counts);
    return is_owing;
}

void ds_nng_dialer_end(struct ds_nng_dialer *dialer)
{
    if (!dialer_is_owing(dialer)) {
        dialer_end(dialer);
    } else if (dialer_close_sockets(dialer, false)) {
        dialer->drain = (struct ds_nng_drain){.is_over = drain_is_over, .end = drain_end};
        ds_nng_drain_begin(&dialer->drain);
    }
}

static void owing_push_locked(struct ds_nng_dialer *dialer, struct ds_nng_request *request)
{
    request->next = NULL;
    if (dialer->owing_last != NULL) {
        dialer->owing_last->next = request;
    } else {
        dialer->owing_first = request;
    }
    dialer->owing_last = request;
}

struct ds_nng_request *ds_nng_owing_pop_locked(struct ds_nng_dialer *dialer)
{
    struct ds_nng_request *request = dialer->owing_first;
    if (request != NULL) {
        dialer->owing_first = request->next;
        dialer->owing_last = request->next != NULL ? dialer->owing_last : NULL;
    }
    return request;
}

void ds_nng_request_put_back_locked(struct ds_nng_request *request)
{
    struct ds_nng_dialer *dialer = request->dialer;
    if (request->is_owing) {
        owing_push_locked(dialer, request);
    } else {
        request->next = dialer->free_requests;
        dialer->free_requests = request;
    }
}

void ds_nng_owing_check_locked(struct ds_nng_dialer *dialer)
{
    const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
    struct ds_nng_request *request = dialer->owing_first;
    if (request == NULL || now_us - dialer->owing_checked_us < OWING_CHECK_US) {
        return;
    }
    dialer->owing_checked_us = now_us;
    dialer->owing_first = NULL;
    dialer->owing_last = NULL;
    nng_stat *counts = ds_nng_counts();
    while (request != NULL) {
        struct ds_nng_request *next = request->next;
        request->is_owing = !ds_nng_traffic_is_over(&request->traffic, request->socket, counts);
        ds_nng_request_put_back_locked(request);
        request = next;
    }
    ds_nng_counts_free(counts);
}
