#include "clients/cli/follow.h"

#define DELTASTREAM_UNTYPED
#include "clients/c/deltastream.h"
#include "clients/cli/event_queue.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/output.h"
#include "clients/cli/poll_wait.h"
#include "clients/cli/row_page.h"
#include "ds/exit_code.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

/* Without a heartbeat for so long, which comes every 250 ms, events count as unheard. A service
 * that only stumbled is asked once too often then. */
#define SILENCE_MS 2000

/*
 * Rows come each once because of the order of three things: a subscription tells behind which event
 * it begins, then the store is read, then that subscription's events are taken. An event is told
 * after its row is stored. So the row of every event up to the beginning is there to be read, and
 * those behind it come; what comes and was read too is dropped by take(). A gap is the same again:
 * it tells the event behind which it ends, in its place among the others.
 */
struct follow {
    const struct follow_options *options;
    struct event_queue *queue;
    struct deltastream_subscription *subscription; /* NULL: the service offers no events */
    char url[DELTASTREAM_EVENT_URL_BYTES_MAX];     /* of the subscription */
    uint64_t heard_count;                          /* its messages when that was looked at last */
    bool has_started;                              /* it has told where it begins */
    bool is_following; /* events come, so that nothing needs to be asked */
    bool must_find;    /* where events are is not known for sure */
    bool must_read;
    bool has_told_mode;
    struct poll_wait wait;
};

static void tell_done(const struct follow *follow)
{
    if (follow->options->told != NULL) {
        follow->options->told(follow->options->context);
    }
}

static void set_following(struct follow *follow, bool is_following)
{
    const bool is_news = !follow->has_told_mode || follow->is_following != is_following;
    follow->is_following = is_following;
    follow->has_told_mode = true;
    if (!is_news || !follow->options->is_verbose) {
        return;
    }
    if (is_following) {
        fprintf(stderr, "following the events at %s\n", follow->url);
    } else if (follow->subscription != NULL) {
        fprintf(stderr, "nothing is heard from %s; asking the service every %" PRId64 " ms\n",
                follow->url, follow->options->interval_ms);
    } else {
        fprintf(stderr,
                "%s offers no events that can be heard from here; asking it every %" PRId64 " ms\n",
                follow->options->connection->url, follow->options->interval_ms);
    }
    tell_done(follow);
}

/* On the subscription's thread. */
static void take_event(void *context, const struct deltastream_event *told)
{
    const struct follow *follow = context;
    const struct follow_options *options = follow->options;
    struct queued_event event = {.is_break = told->type != DELTASTREAM_EVENT_ARRIVED};
    if (told->type == DELTASTREAM_EVENT_GAP && !told->is_new_epoch) {
        event.missed = told->missing_to - told->missing_from + 1;
    } else if (told->type == DELTASTREAM_EVENT_ARRIVED) {
        event.topic = ds_bytes_of_text(told->topic);
        event.row = ds_bytes_of(told->payload, told->payload_bytes);
        if (options->is_wanted != NULL && !options->is_wanted(options->context, event.topic)) {
            return;
        }
    }
    event_queue_put(follow->queue, &event);
}

static void close_events(struct follow *follow)
{
    /* The subscription may be waiting for room. */
    event_queue_close(follow->queue);
    deltastream_unsubscribe(follow->subscription);
    event_queue_reopen(follow->queue);
    follow->subscription = NULL;
    follow->has_started = false;
    follow->is_following = false;
}

static void open_events(struct follow *follow)
{
    const struct deltastream_interest interest = {.kind =
                                                      row_kind_info(follow->options->kind)->name,
                                                  .topic_prefix = follow->options->topic_prefix};
    const struct deltastream_subscription_options options = {.struct_size = sizeof options,
                                                             .interests = &interest,
                                                             .interest_count = 1,
                                                             .event = take_event,
                                                             .context = follow,
                                                             .event_url = follow->url};
    follow->heard_count = 0;
    /* Where that address can't be listened at, the service is asked instead. */
    (void)deltastream_subscribe(follow->options->connection->client, &options,
                                &follow->subscription, NULL, 0);
}

/*
 * Listens where the service says now, which after a restart can be elsewhere. Not through TLS: what
 * it names are addresses of its own machine, and events travel in the clear.
 */
static void find_events(struct follow *follow)
{
    const struct connection *connection = follow->options->connection;
    char url[DELTASTREAM_EVENT_URL_BYTES_MAX];
    const ds_code code =
        ds_url_is_tls(connection->url)
            ? DS_NOT_FOUND
            : (ds_code)deltastream_event_url(connection->client, url, sizeof url, NULL, 0);
    follow->must_find = row_page_is_away(code);
    if (follow->must_find) {
        return; /* Reading the store tells that. */
    }
    if (code == DS_OK && follow->subscription != NULL && strcmp(url, follow->url) == 0) {
        return;
    }
    close_events(follow);
    if (code == DS_OK) {
        snprintf(follow->url, sizeof follow->url, "%s", url);
        open_events(follow);
    }
    if (follow->subscription == NULL) {
        set_following(follow, false);
    }
}

static ds_code read_store(struct follow *follow)
{
    const struct follow_options *options = follow->options;
    const bool was_away = follow->wait.is_away;
    /* It may have come back elsewhere. */
    follow->must_find |= was_away;
    const ds_code code = options->read(options->context);
    DS_TRY(options->pause(options->context));
    const bool goes_on = poll_wait_goes_on(&follow->wait, options->connection, code);
    if (follow->wait.is_away != was_away && !follow->wait.is_quiet) {
        tell_done(follow);
    }
    if (!goes_on) {
        return code;
    }
    follow->must_read = code != DS_OK;
    if (code == DS_OK && follow->must_find) {
        find_events(follow);
    }
    return DS_OK;
}

static void take_break(struct follow *follow, uint64_t missed)
{
    follow->has_started = true;
    follow->must_read = true;
    set_following(follow, true);
    if (missed > 0 && !follow->options->is_quiet) {
        fprintf(stderr,
                "up to %" PRIu64 " %s were missed; reading them from the store\n"
                "  they come faster than this output is taken: let a file or a faster program "
                "take it\n",
                missed, row_kind_info(follow->options->kind)->name);
        tell_done(follow);
    }
}

static void look_for_outdated(struct follow *follow)
{
    const struct follow_options *options = follow->options;
    follow->must_read |= options->is_outdated != NULL && options->is_outdated(options->context);
}

static ds_code take_events(struct follow *follow)
{
    const struct follow_options *options = follow->options;
    struct queued_event event;
    while (!follow->must_read && !interrupt_came() && event_queue_take(follow->queue, &event)) {
        if (event.is_break) {
            take_break(follow, event.missed);
        } else {
            DS_TRY(options->take(options->context, event.topic, event.row));
            look_for_outdated(follow);
        }
    }
    return options->pause(options->context);
}

/* No event came for a while. */
static void look_for_silence(struct follow *follow)
{
    if (follow->subscription != NULL) {
        const uint64_t heard_count = deltastream_subscription_message_count(follow->subscription);
        const bool is_heard = follow->has_started && heard_count != follow->heard_count;
        follow->heard_count = heard_count;
        if (is_heard) {
            set_following(follow, true);
            return;
        }
        if (follow->is_following) {
            set_following(follow, false);
            find_events(follow);
        }
    }
    follow->must_read = true;
}

static int64_t choose_wait_ms(const struct follow *follow)
{
    const int64_t interval_ms = follow->options->interval_ms;
    if (follow->must_read) { /* The service is away. */
        return interval_ms < SILENCE_MS ? interval_ms : SILENCE_MS;
    }
    return follow->is_following && interval_ms < SILENCE_MS ? SILENCE_MS : interval_ms;
}

/* Until there is something to do; false where there is no more of it. */
static bool wait_for_more(struct follow *follow)
{
    /* Of standard output poll(2) tells only that nobody reads it any more. */
    struct pollfd descriptors[] = {
        {.fd = STDOUT_FILENO},
        {.fd = follow->must_read ? -1 : event_queue_descriptor(follow->queue), .events = POLLIN},
    };
    if (interrupt_wait_for(descriptors, 2, choose_wait_ms(follow)) || descriptors[0].revents != 0) {
        return false;
    }
    if (descriptors[1].revents == 0) {
        look_for_silence(follow);
    }
    look_for_outdated(follow);
    return true;
}

static ds_code go_on(struct follow *follow)
{
    do {
        if (follow->must_read) {
            DS_TRY(read_store(follow));
        }
        /* A break among the events is read at once, and what stands behind it taken. */
        while (!follow->must_read && !interrupt_came()) {
            DS_TRY(take_events(follow));
            if (!follow->must_read) {
                break;
            }
            DS_TRY(read_store(follow));
        }
    } while (wait_for_more(follow));
    return DS_OK;
}

ds_code follow(const struct follow_options *options)
{
    struct follow follow = {.options = options,
                            .queue = event_queue_create(),
                            .must_read = true,
                            .wait = {.is_quiet = options->is_quiet}};
    find_events(&follow);
    const ds_code code = go_on(&follow);
    close_events(&follow);
    event_queue_destroy(follow.queue);
    return code;
}

int follow_end(ds_code code, int write_failure)
{
    if (interrupt_came()) {
        if (write_failure == EINTR) {
            /* Nobody took the output. That part of it is given up is no failure to be told. */
            clearerr(stdout);
        }
        return DS_EXIT_INTERRUPTED;
    }
    if (write_failure != 0) {
        return output_fail(write_failure);
    }
    return code == DS_OK ? output_fail(EPIPE) : ds_exit_code_of(code);
}
