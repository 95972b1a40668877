/*
 * Messages for which no request was free: they get one in the order in which they came, or end at
 * their deadlines. Those in flight have the dialer to look after these; here a thread does, from
 * the first message on that had to wait.
 */
#include "ds/channel_sp.h"

#include <stddef.h>
#include <stdlib.h>

void ds_sp_message_stop_waiting_locked(struct ds_sp_message *message)
{
    struct ds_sp_channel *channel = message->channel;
    *(message->previous != NULL ? &message->previous->next : &channel->waiting_first) =
        message->next;
    *(message->next != NULL ? &message->next->previous : &channel->waiting_last) =
        message->previous;
    ds_timers_stop(&channel->deadlines, &message->deadline);
    message->is_waiting = false;
}

struct ds_sp_message *ds_sp_waiting_pop_locked(struct ds_sp_channel *channel)
{
    struct ds_sp_message *message = channel->waiting_first;
    if (message != NULL) {
        ds_sp_message_stop_waiting_locked(message);
    }
    return message;
}

struct ds_sp_message *ds_sp_waiting_take_locked(struct ds_sp_channel *channel)
{
    struct ds_sp_message *first = channel->waiting_first;
    channel->waiting_first = NULL;
    channel->waiting_last = NULL;
    ds_timers_deinit(&channel->deadlines);
    return first;
}

static void deadline_passed(struct ds_timer *timer)
{
    struct ds_sp_message *message =
        (struct ds_sp_message *)((char *)timer - offsetof(struct ds_sp_message, deadline));
    ds_sp_message_stop_waiting_locked(message);
    ds_sp_message_forget_locked(message);
    message->next = message->channel->late;
    message->channel->late = message;
}

static void fail_late(struct ds_sp_message *late)
{
    while (late != NULL) {
        struct ds_sp_message *next = late->next;
        ds_sp_message_fail(late, DS_DEADLINE_EXCEEDED);
        free(late);
        late = next;
    }
}

static void *watch(void *argument)
{
    struct ds_sp_channel *channel = argument;
    pthread_mutex_lock(&channel->mutex);
    while (!channel->closing) {
        int64_t due_us;
        if (!ds_timers_due(&channel->deadlines, &due_us)) {
            pthread_cond_wait(&channel->waiting_changed, &channel->mutex);
            continue;
        }
        const int64_t channel_us = ds_clock_monotonic_us(channel->base.clock);
        if (due_us > channel_us) {
            /* The channel's clock may be a test's; a wait goes by the machine's. */
            const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
            (void)ds_clock_wait_until(&channel->waiting_changed, &channel->mutex,
                                      now_us + due_us - channel_us);
            continue;
        }
        ds_timers_fire(&channel->deadlines, channel_us);
        struct ds_sp_message *late = channel->late;
        channel->late = NULL;
        pthread_mutex_unlock(&channel->mutex);
        fail_late(late);
        pthread_mutex_lock(&channel->mutex);
    }
    pthread_mutex_unlock(&channel->mutex);
    return NULL;
}

static bool is_most_urgent(const struct ds_sp_message *message)
{
    int64_t due_us;
    return ds_timers_due(&message->channel->deadlines, &due_us) && due_us == message->deadline_us;
}

void ds_sp_waiting_push_locked(struct ds_sp_channel *channel, struct ds_sp_message *message)
{
    message->next = NULL;
    message->previous = channel->waiting_last;
    message->is_waiting = true;
    message->has_waited = true;
    message->deadline.fire = deadline_passed;
    *(channel->waiting_last != NULL ? &channel->waiting_last->next : &channel->waiting_first) =
        message;
    channel->waiting_last = message;
    ds_timers_set(&channel->deadlines, &message->deadline, message->deadline_us);
    if (is_most_urgent(message)) {
        pthread_cond_signal(&channel->waiting_changed);
    }
    if (!channel->has_waiting_watcher) {
        channel->has_waiting_watcher = true;
        if (pthread_create(&channel->waiting_watcher, NULL, watch, channel) != 0) {
            abort();
        }
    }
}

void ds_sp_waiting_end(struct ds_sp_channel *channel)
{
    pthread_mutex_lock(&channel->mutex);
    pthread_cond_signal(&channel->waiting_changed);
    const bool has_watcher = channel->has_waiting_watcher;
    pthread_mutex_unlock(&channel->mutex);
    if (has_watcher) {
        pthread_join(channel->waiting_watcher, NULL);
    }
    pthread_cond_destroy(&channel->waiting_changed);
}
