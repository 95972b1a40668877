/* A request's way: it goes out by a connection or waits for one, and ends. */
#include "ds/sp_dialer_internal.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

/* How long a request waits for a connection where there is none, in time that the process runs. */
#define CONNECT_PATIENCE_MS 1000
/* How much longer it waits while hands are being shaken, which takes time. */
#define HANDSHAKE_PATIENCE_MS 4000
/* Patience goes by steps and not by the clock: a process that was stopped for longer has had no
 * time to connect. */
#define STEP_MS 50
#define US_PER_MS 1000
#define ID_BYTES 4

struct ds_sp_reply {
    struct ds_bytes bytes;
    struct ds_buffer memory; /* that the stream had put it together in; empty: it is `copy` */
    uint8_t copy[];
};

/* ---- lists ---- */

void ds_sp_request_push(struct ds_sp_request_list *list, struct ds_sp_request *request)
{
    request->next = NULL;
    if (list->last != NULL) {
        list->last->next = request;
    } else {
        list->first = request;
    }
    list->last = request;
}

struct ds_sp_request *ds_sp_request_pop(struct ds_sp_request_list *list)
{
    struct ds_sp_request *request = list->first;
    if (request != NULL) {
        list->first = request->next;
        list->last = request->next != NULL ? list->last : NULL;
    }
    return request;
}

static void list_remove(struct ds_sp_request_list *list, const struct ds_sp_request *request)
{
    struct ds_sp_request *before = NULL;
    for (struct ds_sp_request *other = list->first; other != request; other = other->next) {
        before = other;
    }
    if (before != NULL) {
        before->next = request->next;
    } else {
        list->first = request->next;
    }
    list->last = list->last == request ? before : list->last;
}

/* ---- the end ---- */

void ds_sp_request_finish_locked(struct ds_sp_request *request, ds_code code)
{
    struct ds_sp_dialer *dialer = request->dialer;
    ds_timers_stop(&dialer->timers, &request->timer);
    ds_buffer_deinit(&request->unsent);
    request->state = DS_SP_REQUEST_ENDED;
    request->code = code;
    request->failure = code == DS_UNAVAILABLE ? dialer->failure : NULL;
    if (!request->is_sending) {
        ds_sp_request_push(&dialer->ended, request);
    }
}

/* What is on its way goes on, and its answer will find nobody. */
static void give_up_locked(struct ds_sp_request *request, ds_code code)
{
    if (request->state == DS_SP_REQUEST_WAITING) {
        list_remove(&request->dialer->waiting, request);
    } else if (request->state == DS_SP_REQUEST_SENT) {
        request->link->slots[request->slot].request = NULL;
        request->was_sent = true;
    }
    ds_sp_request_finish_locked(request, code);
}

void ds_sp_requests_fail_waiting_locked(struct ds_sp_dialer *dialer, ds_code code)
{
    for (struct ds_sp_request *request = ds_sp_request_pop(&dialer->waiting); request != NULL;
         request = ds_sp_request_pop(&dialer->waiting)) {
        ds_sp_request_finish_locked(request, code);
    }
}

void ds_sp_requests_tell(struct ds_sp_dialer *dialer)
{
    for (;;) {
        pthread_mutex_lock(&dialer->mutex);
        struct ds_sp_request *request = ds_sp_request_pop(&dialer->ended);
        pthread_mutex_unlock(&dialer->mutex);
        if (request == NULL) {
            return;
        }
        struct ds_sp_reply *reply = request->reply;
        request->reply = NULL;
        request->done(request->context, request->code, reply);
    }
}

/* ---- waiting ---- */

static void step_locked(struct ds_sp_request *request)
{
    const int64_t step_us = ds_sp_now_us() + STEP_MS * US_PER_MS;
    ds_sp_dialer_arm_locked(request->dialer, &request->timer,
                            step_us < request->deadline_us ? step_us : request->deadline_us);
}

static void wait_locked(struct ds_sp_request *request)
{
    request->state = DS_SP_REQUEST_WAITING;
    ds_sp_request_push(&request->dialer->waiting, request);
    step_locked(request);
}

/* Whether the next try for a connection comes while the request would still wait: one is put off
 * for longer where the last peer would refuse it again. */
static bool is_try_near_locked(const struct ds_sp_request *request)
{
    const int64_t patient_us = (int64_t)request->patience_ms * US_PER_MS;
    return request->dialer->links[0].retry_us <= ds_sp_now_us() + patient_us;
}

/* Whether there is a connection, or may be one soon. */
static bool has_hope_locked(struct ds_sp_request *request)
{
    const struct ds_sp_dialer *dialer = request->dialer;
    if (ds_sp_pool_is_open_locked(dialer)) {
        return true;
    }
    request->patience_ms -= STEP_MS;
    if (request->patience_ms > 0 && !is_try_near_locked(request)) {
        return false;
    }
    return request->patience_ms > 0 ||
           (request->patience_ms > -HANDSHAKE_PATIENCE_MS && ds_sp_pool_is_shaking_locked(dialer));
}

void ds_sp_request_due(struct ds_timer *timer)
{
    struct ds_sp_request *request =
        (struct ds_sp_request *)((char *)timer - offsetof(struct ds_sp_request, timer));
    if (ds_sp_loop_now_us(request->dialer->loop) >= request->deadline_us) {
        give_up_locked(request, DS_DEADLINE_EXCEEDED);
    } else if (has_hope_locked(request)) {
        step_locked(request);
    } else {
        give_up_locked(request, DS_UNAVAILABLE);
    }
}

/* ---- sending ---- */

static void gather(struct ds_buffer *target, const struct ds_bytes *parts, size_t part_count)
{
    for (size_t i = 0; i < part_count; i++) {
        ds_buffer_append(target, parts[i].data, parts[i].size);
    }
}

static bool is_large(const struct ds_bytes *parts, size_t part_count)
{
    size_t size = 0;
    for (size_t i = 0; i < part_count; i++) {
        size += parts[i].size;
    }
    return size > DS_SP_LARGE_BYTES;
}

/* A slot of the link has the request from here on; returns the id. transmit() must follow. */
static uint32_t start_locked(struct ds_sp_request *request, struct ds_sp_link *link,
                             const struct ds_bytes *parts, size_t part_count)
{
    const struct ds_sp_slot *slot = ds_sp_slot_take_locked(link, request);
    request->state = DS_SP_REQUEST_SENT;
    request->is_sending = true;
    request->link = link;
    request->slot = (size_t)(slot - link->slots);
    link->sender_count++;
    link->large_senders += is_large(parts, part_count) ? 1 : 0;
    link->used_us = ds_sp_now_us();
    ds_sp_dialer_arm_locked(request->dialer, &request->timer, request->deadline_us);
    return slot->id;
}

/* A request that has ended while it was being sent is told of now. */
static void tell_late_locked(struct ds_sp_link *link, struct ds_sp_request *request,
                             const uint64_t *end)
{
    const bool was_answered = request->code == DS_OK;
    if (was_answered && end != NULL && ds_sp_connection_sent(&link->connection) < *end) {
        /* By a peer that can't have got it: it answers ids that it guesses. */
        link->is_failing = true;
        link->is_useless = true;
    }
    ds_sp_request_push(&link->dialer->ended, request);
    ds_sp_dialer_wake_locked(link->dialer);
}

/* Notes what has become of the message. One that the connection could not take whole waits for
 * another, since nobody can have executed it. */
static void transmitted(struct ds_sp_link *link, struct ds_sp_request *request, uint32_t id,
                        const struct ds_bytes *parts, size_t part_count, const uint64_t *end)
{
    struct ds_sp_dialer *dialer = link->dialer;
    pthread_mutex_lock(&dialer->mutex);
    struct ds_sp_slot *slot = ds_sp_slot_find_locked(link, id);
    const bool is_ours = slot != NULL && slot->request == request;
    if (end == NULL) {
        link->is_failing = true;
    }
    request->is_sending = false;
    if (slot != NULL && end != NULL) {
        slot->end = *end;
    }
    if (is_ours && end == NULL) {
        ds_sp_slot_free_locked(link, slot);
        gather(&request->unsent, parts, part_count);
        wait_locked(request);
        ds_sp_dialer_wake_locked(dialer); /* Another connection may be there already. */
    } else if (!is_ours) {
        tell_late_locked(link, request, end);
    }
    link->sender_count--;
    link->large_senders -= is_large(parts, part_count) ? 1 : 0;
    if (link->sender_count == 0 && link->phase == DS_SP_LINK_ENDING) {
        ds_sp_loop_post(dialer->loop, &link->end_task);
    }
    pthread_mutex_unlock(&dialer->mutex);
}

static void cork_for_batch(struct ds_sp_link *link)
{
    if (ds_sp_loop_is_own_thread(link->dialer->loop) && link->dialer->batch_depth > 0 &&
        !link->is_corked) {
        link->is_corked = true;
        ds_sp_connection_cork(&link->connection);
    }
}

static void transmit(struct ds_sp_link *link, struct ds_sp_request *request, uint32_t id,
                     const struct ds_bytes *parts, size_t part_count)
{
    const uint8_t number[ID_BYTES] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
                                      (uint8_t)id};
    struct ds_bytes pieces[DS_SP_PARTS_MAX];
    uint64_t end;
    assert(part_count < DS_SP_PARTS_MAX);
    pieces[0] = ds_bytes_of(number, sizeof number);
    memcpy(pieces + 1, parts, part_count * sizeof *parts);
    cork_for_batch(link);
    const bool is_taken = ds_sp_connection_send(&link->connection, pieces, part_count + 1, &end);
    transmitted(link, request, id, parts, part_count, is_taken ? &end : NULL);
}

/* What a request has waited for before counts as far as there was no connection meanwhile. Behind
 * slow requests it has waited for nothing that would tell of one. */
static int waited_ms_locked(const struct ds_sp_dialer *dialer, int waited_ms)
{
    const int64_t now_us = ds_sp_now_us();
    const int64_t lost_ms = dialer->lost_us < now_us ? (now_us - dialer->lost_us) / US_PER_MS : 0;
    return lost_ms < waited_ms ? (int)lost_ms : waited_ms;
}

void ds_sp_request_send(struct ds_sp_request *request, const struct ds_bytes *parts,
                        size_t part_count, const struct ds_sp_request_times *times,
                        ds_sp_done_fn done, void *context)
{
    struct ds_sp_dialer *dialer = request->dialer;
    pthread_mutex_lock(&dialer->mutex);
    request->was_sent = false;
    request->deadline_us = ds_sp_now_us() + (int64_t)times->timeout_ms * US_PER_MS;
    request->patience_ms = CONNECT_PATIENCE_MS;
    request->done = done;
    request->context = context;
    if (request->is_cancelled) {
        ds_sp_request_finish_locked(request, DS_CANCELLED);
        ds_sp_dialer_wake_locked(dialer);
        pthread_mutex_unlock(&dialer->mutex);
        return;
    }
    struct ds_sp_link *link = ds_sp_pool_pick_locked(dialer);
    if (link == NULL) {
        request->patience_ms -= waited_ms_locked(dialer, times->waited_ms);
        gather(&request->unsent, parts, part_count);
        wait_locked(request);
        pthread_mutex_unlock(&dialer->mutex);
        return;
    }
    const uint32_t id = start_locked(request, link, parts, part_count);
    pthread_mutex_unlock(&dialer->mutex);
    transmit(link, request, id, parts, part_count);
}

/* False where nothing waits, or it goes on to. */
static bool send_first_waiting(struct ds_sp_dialer *dialer)
{
    pthread_mutex_lock(&dialer->mutex);
    struct ds_sp_request *request = dialer->waiting.first;
    struct ds_sp_link *link = request != NULL ? ds_sp_pool_pick_locked(dialer) : NULL;
    if (link == NULL) {
        pthread_mutex_unlock(&dialer->mutex);
        return false;
    }
    (void)ds_sp_request_pop(&dialer->waiting);
    struct ds_buffer message = request->unsent;
    ds_buffer_init(&request->unsent, SIZE_MAX);
    const struct ds_bytes part = ds_buffer_bytes(&message);
    const uint32_t id = start_locked(request, link, &part, 1);
    pthread_mutex_unlock(&dialer->mutex);
    transmit(link, request, id, &part, 1);
    ds_buffer_deinit(&message);
    return true;
}

void ds_sp_requests_send_waiting(struct ds_sp_dialer *dialer)
{
    ds_sp_links_cork(dialer);
    while (send_first_waiting(dialer)) {
    }
    ds_sp_links_uncork(dialer);
}

/* ---- answers ---- */

/* A large reply is not copied. */
static struct ds_sp_reply *reply_create(struct ds_sp_stream *stream, struct ds_bytes body)
{
    const struct ds_buffer memory = ds_sp_stream_take(stream);
    const size_t copied = memory.size == 0 ? body.size : 0;
    struct ds_sp_reply *reply = malloc(sizeof *reply + copied);
    if (reply == NULL) {
        abort();
    }
    reply->memory = memory;
    reply->bytes = body;
    if (copied > 0) {
        memcpy(reply->copy, body.data, copied);
        reply->bytes.data = reply->copy;
    }
    return reply;
}

/* Whether all of the slot's request has gone to the kernel; of one that is just being sent nobody
 * knows yet. */
static bool may_be_answered(struct ds_sp_link *link, const struct ds_sp_slot *slot)
{
    return slot->end == UINT64_MAX || ds_sp_connection_sent(&link->connection) >= slot->end;
}

/* Takes the slot's request, if it still has one; NULL also where that is told of by who sends it.
 */
static struct ds_sp_request *take_answered_locked(struct ds_sp_link *link, struct ds_sp_slot *slot,
                                                  struct ds_bytes body)
{
    struct ds_sp_dialer *dialer = link->dialer;
    struct ds_sp_request *request = slot->request;
    ds_sp_slot_free_locked(link, slot);
    link->used_us = ds_sp_loop_now_us(dialer->loop);
    if (request == NULL) {
        dialer->stray_replies++;
        return NULL;
    }
    ds_timers_stop(&dialer->timers, &request->timer);
    request->was_sent = true;
    request->state = DS_SP_REQUEST_ENDED;
    request->code = DS_OK;
    if (!request->is_sending) {
        return request;
    }
    request->reply = reply_create(&link->connection.stream, body);
    return NULL;
}

bool ds_sp_request_answer(struct ds_sp_link *link, uint32_t id, struct ds_bytes body)
{
    struct ds_sp_dialer *dialer = link->dialer;
    struct ds_sp_request *request = NULL;
    pthread_mutex_lock(&dialer->mutex);
    struct ds_sp_slot *slot = ds_sp_slot_find_locked(link, id);
    const bool is_honest = slot == NULL || may_be_answered(link, slot);
    if (slot == NULL) {
        dialer->stray_replies++;
    } else if (is_honest) {
        request = take_answered_locked(link, slot, body);
    }
    pthread_mutex_unlock(&dialer->mutex);
    if (request != NULL) {
        request->done(request->context, DS_OK, reply_create(&link->connection.stream, body));
    }
    return is_honest;
}

struct ds_bytes ds_sp_reply_bytes(const struct ds_sp_reply *reply)
{
    return reply->bytes;
}

void ds_sp_reply_free(struct ds_sp_reply *reply)
{
    if (reply != NULL) {
        ds_buffer_deinit(&reply->memory);
        free(reply);
    }
}

/* ---- the caller's side ---- */

static struct ds_sp_request *take_locked(struct ds_sp_dialer *dialer)
{
    struct ds_sp_request *request = dialer->free_requests;
    if (request != NULL) {
        dialer->free_requests = request->next;
        return request;
    }
    if (dialer->open_count == dialer->request_count) {
        return NULL;
    }
    request = &dialer->requests[dialer->open_count++];
    request->dialer = dialer;
    request->timer.fire = ds_sp_request_due;
    ds_buffer_init(&request->unsent, SIZE_MAX);
    return request;
}

struct ds_sp_request *ds_sp_request_begin(struct ds_sp_dialer *dialer)
{
    pthread_mutex_lock(&dialer->mutex);
    struct ds_sp_request *request = take_locked(dialer);
    if (request != NULL) {
        request->state = DS_SP_REQUEST_IDLE;
        /* Not sooner: the last user may cancel until it has heard of its end. */
        request->is_cancelled = false;
        request->failure = NULL;
    }
    pthread_mutex_unlock(&dialer->mutex);
    return request;
}

void ds_sp_request_end(struct ds_sp_request *request)
{
    struct ds_sp_dialer *dialer = request->dialer;
    pthread_mutex_lock(&dialer->mutex);
    request->state = DS_SP_REQUEST_IDLE;
    request->next = dialer->free_requests;
    dialer->free_requests = request;
    pthread_mutex_unlock(&dialer->mutex);
}

void ds_sp_request_cancel(struct ds_sp_request *request)
{
    struct ds_sp_dialer *dialer = request->dialer;
    pthread_mutex_lock(&dialer->mutex);
    if (request->state == DS_SP_REQUEST_WAITING || request->state == DS_SP_REQUEST_SENT) {
        give_up_locked(request, DS_CANCELLED);
        ds_sp_dialer_wake_locked(dialer);
    } else {
        request->is_cancelled = true;
    }
    pthread_mutex_unlock(&dialer->mutex);
}

bool ds_sp_request_was_sent(const struct ds_sp_request *request)
{
    return request->was_sent;
}

const char *ds_sp_request_failure(const struct ds_sp_request *request)
{
    return request->failure;
}
