/* The inside of the dialer: nng_dialer.c brings requests on their way, nng_owing.c has those that
 * were given up. Private to these. */
#ifndef DS_NNG_REQUEST_H
#define DS_NNG_REQUEST_H

#include "ds/nng_dialer.h"
#include "ds/nng_drain.h"
#include "ds/nng_redial.h"
#include "ds/nng_socket.h"
#include "ds/tls_prober.h"

#include <pthread.h>

enum request_state {
    REQUEST_FREE,
    REQUEST_SENDING,
    REQUEST_WAITING,
};

/*
 * One REQ socket with a connection of its own, which thus carries one message at a time. Where
 * requests share one, a peer's sudden end can make nng fail at sending one request while it is
 * between the header and the body of the reply to another; it then closes the connection itself,
 * and its only reaper stops for good (ds/nng_drain.h): the process never connects again. Between
 * begin and end the request belongs to the caller; `aio` moves it along.
 */
struct ds_nng_request {
    struct ds_nng_dialer *dialer;
    nng_socket socket;
    struct ds_nng_redial redial;
    struct ds_nng_traffic traffic;
    nng_ctx context;
    nng_aio *aio;
    nng_aio *try_aio; /* without a callback and without patience */
    enum request_state state;
    bool was_sent;
    bool is_owing;  /* its connection may still have to do with a message that was given up */
    bool is_closed; /* the socket, or nng is at it for good */
    atomic_bool is_cancelled;
    int64_t deadline_ms; /* monotonic */
    int patience_ms;     /* what is left of it, without a connection */
    int check_ms;        /* how long the look that is under way waits */
    uint64_t probe_ticket;
    const char *failure; /* what a probe has found; NULL: nothing */
    ds_nng_done_fn done;
    void *done_context;
    struct ds_nng_request *next; /* free or owing */
};

struct ds_nng_dialer {
    struct ds_nng_dialer_options options;
    char url[DS_NNG_URL_BYTES_MAX];
    int check_ms;
    nng_tls_config *tls_config; /* NULL unless it is tls+tcp, as is `prober` */
    struct ds_tls_prober *prober;
    struct ds_nng_drain drain; /* of a dialer that is closed, but for the owing requests */
    pthread_mutex_t mutex;     /* guards all that follows, but for what is in the requests */
    struct ds_nng_request *free_requests;
    struct ds_nng_request *owing_first; /* these ended the longest time ago */
    struct ds_nng_request *owing_last;
    int64_t owing_checked_us;
    size_t open_count;
    struct ds_nng_request requests[]; /* opened as they are needed */
};

/* Ends the dialer's memory. */
void ds_nng_dialer_free(struct ds_nng_dialer *dialer);

/*
 * Closes the sockets and ends the dialer, whose requests have all ended. Where some of them owe
 * something their sockets, and the dialer, stay until that is over, while the caller goes on.
 */
void ds_nng_dialer_end(struct ds_nng_dialer *dialer);

/* Makes a request one of the free ones, or of the owing ones. */
void ds_nng_request_put_back_locked(struct ds_nng_request *request);

/* Frees the owing requests whose connections are through with what was given up; looks at most ten
 * times a second. */
void ds_nng_owing_check_locked(struct ds_nng_dialer *dialer);

/* The one that has owed longest, or NULL. */
struct ds_nng_request *ds_nng_owing_pop_locked(struct ds_nng_dialer *dialer);

#endif
