/*
 * The inside of the dialer: sp_dialer.c has its beginning and end, sp_request.c what becomes of a
 * request, sp_pool.c picks a connection for it, sp_link_connect.c connects one, sp_link.c greets
 * its peer and listens to it. Private to these.
 *
 * Whatever has `locked` in its name is called with the dialer's lock; everything else that is
 * declared here runs on the loop's thread and without that.
 */
#ifndef DS_SP_DIALER_INTERNAL_H
#define DS_SP_DIALER_INTERNAL_H

#include "ds/sp_address.h"
#include "ds/sp_connection.h"
#include "ds/sp_dialer.h"
#include "ds/sp_lookup.h"

#include <pthread.h>

#define DS_SP_LINKS_MAX 4
/* Unanswered requests of a connection: the server refuses more. */
#define DS_SP_SLOTS_MAX 64

/* A connection in the middle of a message of which so much is left is spared: what is sent by it
 * would wait behind that. */
#define DS_SP_LARGE_BYTES 65536

/* A request that is on its way by a connection. */
struct ds_sp_slot {
    uint32_t id;                   /* on the wire; 0: nothing is on its way */
    struct ds_sp_request *request; /* NULL: it was given up, and its answer is still to come */
    uint64_t end; /* see ds_sp_connection_send(); UINT64_MAX: not all can be sent */
};

enum ds_sp_link_phase {
    DS_SP_LINK_DOWN,
    DS_SP_LINK_LOOKING_UP,
    DS_SP_LINK_CONNECTING,
    DS_SP_LINK_GREETING, /* connected; hands are shaken, the peer's greeting is awaited */
    DS_SP_LINK_OPEN,
    DS_SP_LINK_ENDING, /* waits for those who are just sending by it */
};

/* A place that is just being connected to. */
struct ds_sp_attempt {
    struct ds_sp_watch watch; /* first: `ready` is given it; its descriptor is -1 where none is */
    struct ds_sp_link *link;
};

/* A connection, or the place for one. */
struct ds_sp_link {
    struct ds_sp_connection connection; /* first: its events come here; from GREETING on */
    struct ds_sp_dialer *dialer;

    /* The loop's thread alone. */
    struct ds_timer timer; /* the end of the phase, or when the next place is tried */
    struct ds_sp_lookup *lookup;
    struct ds_sp_address address;
    int place;                                       /* the next one */
    struct ds_sp_attempt attempts[DS_SP_PLACES_MAX]; /* while CONNECTING */
    int reconnect_ms;
    bool is_refused; /* the peer of the last try is none that would do the next time */
    bool is_corked;

    /* Guarded by the dialer's lock; `phase` is changed on the loop's thread only. */
    struct ds_sp_task end_task;
    enum ds_sp_link_phase phase;
    bool is_wanted;    /* to be dialed soon */
    bool is_failing;   /* it takes no request any more */
    bool is_useless;   /* to be ended soon */
    bool is_receiving; /* a large reply has come in part */
    int sender_count;  /* who are just sending by it, without the lock */
    int large_senders; /* of these, those with a large request */
    int64_t used_us;
    int64_t retry_us; /* before which it is not dialed again; 0: any time */
    uint32_t generation;
    uint64_t free_slots; /* a bit each */
    struct ds_sp_slot slots[DS_SP_SLOTS_MAX];
};

enum ds_sp_request_state {
    DS_SP_REQUEST_IDLE, /* the caller's, or nobody's */
    DS_SP_REQUEST_WAITING,
    DS_SP_REQUEST_SENT, /* a slot has it */
    DS_SP_REQUEST_ENDED,
};

struct ds_sp_request {
    struct ds_sp_dialer *dialer;
    enum ds_sp_request_state state;
    bool is_cancelled;
    bool was_sent;
    bool is_sending; /* its message is the caller's, who is still being read from: the end waits */
    const char *failure;
    ds_code code;              /* once it has ended */
    struct ds_sp_reply *reply; /* that came while it was sending */
    struct ds_timer timer;
    int64_t deadline_us;
    int patience_ms;         /* what is left of it, without a connection */
    struct ds_buffer unsent; /* the message while it waits */
    struct ds_sp_link *link; /* of the slot */
    size_t slot;
    ds_sp_done_fn done;
    void *context;
    struct ds_sp_request *next; /* free, waiting or ended */
};

struct ds_sp_request_list {
    struct ds_sp_request *first;
    struct ds_sp_request *last;
};

struct ds_sp_dialer {
    struct ds_sp_loop *loop;
    struct ds_sp_target target;
    size_t message_bytes_max;
    int64_t idle_us;
    struct ds_tls_trust *trust; /* NULL unless it is tls+tcp */

    /* The loop's thread alone. */
    struct ds_timer timer; /* of the requests' timers */
    int batch_depth;       /* replies are being told: what is sent meanwhile goes out together */

    pthread_mutex_t mutex; /* guards what follows, but for what is the loop's thread's alone */
    struct ds_sp_task task;
    bool is_task_posted;
    bool is_closed;
    struct ds_timers timers;
    int64_t armed_us; /* for when `timer` is set, or about to be */
    const char *failure;
    int64_t lost_us; /* since when there has been no connection; INT64_MAX: there is one */
    uint64_t stray_replies;
    struct ds_sp_request *free_requests;
    struct ds_sp_request_list waiting;
    struct ds_sp_request_list ended;
    struct ds_sp_link links[DS_SP_LINKS_MAX];
    size_t open_count;
    size_t request_count;
    struct ds_sp_request requests[]; /* used as they are needed */
};

/* ---- sp_dialer.c ---- */

/* Has the loop look at timers, at requests that have ended and at links that are wanted. */
void ds_sp_dialer_wake_locked(struct ds_sp_dialer *dialer);

/* Sets a request's timer. */
void ds_sp_dialer_arm_locked(struct ds_sp_dialer *dialer, struct ds_timer *timer, int64_t at_us);

/* ---- sp_request.c ---- */

void ds_sp_request_push(struct ds_sp_request_list *list, struct ds_sp_request *request);
struct ds_sp_request *ds_sp_request_pop(struct ds_sp_request_list *list);

/* Of the request's timer. */
void ds_sp_request_due(struct ds_timer *timer);

/* The end of a request whose slot, if it has one, is the caller's to see to. ds_sp_requests_tell()
 * or a wake must follow. It is told once nobody reads the message any more. */
void ds_sp_request_finish_locked(struct ds_sp_request *request, ds_code code);

/* Ends all that wait, for the reason that there is no connection. */
void ds_sp_requests_fail_waiting_locked(struct ds_sp_dialer *dialer, ds_code code);

/* Tells of those that have ended. */
void ds_sp_requests_tell(struct ds_sp_dialer *dialer);

/* Sends what waits, as far as there is room. */
void ds_sp_requests_send_waiting(struct ds_sp_dialer *dialer);

/* A reply that has come by the link. False where it answers what the peer can't have got yet. */
bool ds_sp_request_answer(struct ds_sp_link *link, uint32_t id, struct ds_bytes body);

/* ---- sp_pool.c ---- */

/* The connection for the next request, or NULL where none has room. May want another one. */
struct ds_sp_link *ds_sp_pool_pick_locked(struct ds_sp_dialer *dialer);

bool ds_sp_pool_is_open_locked(const struct ds_sp_dialer *dialer);
/* Whether a peer of TLS is there, with whom hands are being shaken. */
bool ds_sp_pool_is_shaking_locked(const struct ds_sp_dialer *dialer);

void ds_sp_slots_init_locked(struct ds_sp_link *link);
/* Takes a free one, of which there is one. */
struct ds_sp_slot *ds_sp_slot_take_locked(struct ds_sp_link *link, struct ds_sp_request *request);
/* NULL where the link has none of that id. */
struct ds_sp_slot *ds_sp_slot_find_locked(struct ds_sp_link *link, uint32_t id);
void ds_sp_slot_free_locked(struct ds_sp_link *link, struct ds_sp_slot *slot);

/* ---- sp_link.c ---- */

void ds_sp_link_init(struct ds_sp_link *link, struct ds_sp_dialer *dialer);

/* Connects one that is down. */
void ds_sp_link_dial(struct ds_sp_link *link);

/* Goes on with a descriptor that is connected, which is the link's then. */
void ds_sp_link_greet(struct ds_sp_link *link, int fd);

void ds_sp_link_phase_begin(struct ds_sp_link *link, enum ds_sp_link_phase phase);
void ds_sp_link_timer_set(struct ds_sp_link *link, int64_t wait_us);

/* Ends it at once; requests that it has are failed. Dials again only where `dials_again`. */
void ds_sp_link_end(struct ds_sp_link *link, bool dials_again);

/* Between the two, what is sent by the dialer's links is gathered. */
void ds_sp_links_cork(struct ds_sp_dialer *dialer);
void ds_sp_links_uncork(struct ds_sp_dialer *dialer);

/* ---- sp_link_connect.c ---- */

void ds_sp_attempts_init(struct ds_sp_link *link);
void ds_sp_attempts_end(struct ds_sp_link *link);

/* From DOWN to GREETING, or to its end. */
void ds_sp_link_connect(struct ds_sp_link *link);

/* Begins with the next place that can be tried; ends the link where nothing is left. */
void ds_sp_link_connect_next(struct ds_sp_link *link);

#endif
