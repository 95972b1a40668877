/*
 * Messages for which no request was free: they get one in the order in which they came, or end at
 * their deadlines. Those in flight have the dialer to look after these; here a thread does, from
 * the first message on that had to wait.
 */
#include "ds/channel_sp.h"

#include <stdlib.h>

void ds_sp_message_stop_waiting_locked(struct ds_sp_message *message)
{
    struct ds_sp_channel *channel = message->channel;
    struct ds_sp_message *before = NULL;
    for (struct ds_sp_message *other = channel->waiting_first; other != message;
         other = other->next) {
        before = other;
    }
    if (before == NULL) {
        channel->waiting_first = message->next;
    } else {
        before->next = message->next;
    }
    if (channel->waiting_last == message) {
        channel->waiting_last = before;
    }
    message->is_waiting = false;
}

struct ds_sp_message *ds_sp_waiting_pop_locked(struct ds_sp_channel *channel)
{
    struct ds_sp_message *message = channel->waiting_first;
    if (message != NULL) {
        channel->waiting_first = message->next;
        message->is_waiting = false;
    }
    return message;
}

static struct ds_sp_message *most_urgent_locked(const struct ds_sp_channel *channel)
{
    struct ds_sp_message *urgent = channel->waiting_first;
    for (struct ds_sp_message *message = urgent; message != NULL; message = message->next) {
        if (message->deadline_us < urgent->deadline_us) {
            urgent = message;
        }
    }
    return urgent;
}

static void *watch(void *argument)
{
    struct ds_sp_channel *channel = argument;
    pthread_mutex_lock(&channel->mutex);
    while (!channel->closing) {
        struct ds_sp_message *urgent = most_urgent_locked(channel);
        if (urgent == NULL) {
            pthread_cond_wait(&channel->waiting_changed, &channel->mutex);
            continue;
        }
        const int64_t left_us = urgent->deadline_us - ds_clock_monotonic_us(channel->base.clock);
        if (left_us > 0) {
            /* The channel's clock may be a test's; a wait goes by the machine's. */
            const int64_t now_us = ds_clock_monotonic_us(ds_clock_system());
            (void)ds_clock_wait_until(&channel->waiting_changed, &channel->mutex, now_us + left_us);
            continue;
        }
        ds_sp_message_stop_waiting_locked(urgent);
        ds_sp_message_forget_locked(urgent);
        pthread_mutex_unlock(&channel->mutex);
        ds_sp_message_fail(urgent, DS_DEADLINE_EXCEEDED);
        free(urgent);
        pthread_mutex_lock(&channel->mutex);
    }
    pthread_mutex_unlock(&channel->mutex);
    return NULL;
}

void ds_sp_waiting_push_locked(struct ds_sp_channel *channel, struct ds_sp_message *message)
{
    message->next = NULL;
    message->is_waiting = true;
    message->has_waited = true;
    if (channel->waiting_first == NULL) {
        channel->waiting_first = message;
    } else {
        channel->waiting_last->next = message;
    }
    channel->waiting_last = message;
    pthread_cond_signal(&channel->waiting_changed);
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
