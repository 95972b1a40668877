#include "ds/sp_dialer.h"

#include "ds/log.h"
#include "ds/sp_dialer_internal.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define IDLE_MS 10000

/* The loop of all dialers of the process, while there are any. */
static pthread_mutex_t shared_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ds_sp_loop *shared_loop;
static size_t shared_count;

static ds_code loop_hold(struct ds_sp_loop **ret_loop)
{
    pthread_mutex_lock(&shared_mutex);
    const ds_code code =
        shared_loop == NULL ? ds_sp_loop_create("ds-requests", &shared_loop) : DS_OK;
    if (code == DS_OK) {
        shared_count++;
        *ret_loop = shared_loop;
    }
    pthread_mutex_unlock(&shared_mutex);
    return code;
}

static void loop_release(void)
{
    pthread_mutex_lock(&shared_mutex);
    if (--shared_count == 0) {
        ds_sp_loop_destroy(shared_loop);
        shared_loop = NULL;
    }
    pthread_mutex_unlock(&shared_mutex);
}

/* ---- what the loop does for it ---- */

void ds_sp_dialer_wake_locked(struct ds_sp_dialer *dialer)
{
    if (!dialer->is_task_posted) {
        dialer->is_task_posted = true;
        ds_sp_loop_post(dialer->loop, &dialer->task);
    }
}

void ds_sp_dialer_arm_locked(struct ds_sp_dialer *dialer, struct ds_timer *timer, int64_t at_us)
{
    ds_timers_set(&dialer->timers, timer, at_us);
    if (at_us < dialer->armed_us) {
        dialer->armed_us = at_us;
        ds_sp_dialer_wake_locked(dialer);
    }
}

static void set_timer_locked(struct ds_sp_dialer *dialer)
{
    struct ds_timers *timers = ds_sp_loop_timers(dialer->loop);
    int64_t due_us;
    if (ds_timers_due(&dialer->timers, &due_us)) {
        dialer->armed_us = due_us;
        ds_timers_set(timers, &dialer->timer, due_us);
    } else {
        dialer->armed_us = INT64_MAX;
        ds_timers_stop(timers, &dialer->timer);
    }
}

static void dialer_due(struct ds_timer *timer)
{
    struct ds_sp_dialer *dialer =
        (struct ds_sp_dialer *)((char *)timer - offsetof(struct ds_sp_dialer, timer));
    pthread_mutex_lock(&dialer->mutex);
    ds_timers_fire(&dialer->timers, ds_sp_loop_now_us(dialer->loop));
    set_timer_locked(dialer);
    pthread_mutex_unlock(&dialer->mutex);
    ds_sp_requests_tell(dialer);
    ds_sp_requests_send_waiting(dialer);
}

static void see_to_link(struct ds_sp_dialer *dialer, struct ds_sp_link *link)
{
    pthread_mutex_lock(&dialer->mutex);
    const bool is_wanted = link->is_wanted;
    const bool is_useless = link->is_useless;
    link->is_wanted = false;
    link->is_useless = false;
    pthread_mutex_unlock(&dialer->mutex);
    if (is_useless) {
        ds_sp_link_end(link, true);
    }
    if (is_wanted) {
        ds_sp_link_dial(link);
    }
}

static void dialer_run(struct ds_sp_task *task)
{
    struct ds_sp_dialer *dialer =
        (struct ds_sp_dialer *)((char *)task - offsetof(struct ds_sp_dialer, task));
    pthread_mutex_lock(&dialer->mutex);
    const bool is_closed = dialer->is_closed;
    dialer->is_task_posted = false;
    if (!is_closed) {
        set_timer_locked(dialer);
    }
    pthread_mutex_unlock(&dialer->mutex);
    for (size_t i = 0; i < DS_SP_LINKS_MAX && !is_closed; i++) {
        see_to_link(dialer, &dialer->links[i]);
    }
    ds_sp_requests_tell(dialer);
    if (!is_closed) {
        ds_sp_requests_send_waiting(dialer);
    }
}

/* ---- the beginning ---- */

static ds_code load_trust(const struct ds_sp_dialer_options *options,
                          struct ds_tls_trust **ret_trust)
{
    struct ds_tls_refusal refusal;
    const ds_code code = ds_tls_trust_load(options->tls, options->url, ret_trust, &refusal);
    if (code != DS_OK) {
        ds_log(DS_LOG_ERROR, "tls_refused", DS_LOG_TEXT("setting", refusal.setting),
               DS_LOG_TEXT("reason", refusal.reason));
    }
    return code;
}

static void dialer_start(struct ds_sp_dialer *dialer)
{
    pthread_mutex_init(&dialer->mutex, NULL);
    ds_timers_init(&dialer->timers);
    dialer->armed_us = INT64_MAX;
    dialer->lost_us = ds_sp_now_us();
    dialer->timer.fire = dialer_due;
    dialer->task.run = dialer_run;
    for (size_t i = 0; i < DS_SP_LINKS_MAX; i++) {
        ds_sp_link_init(&dialer->links[i], dialer);
    }
    pthread_mutex_lock(&dialer->mutex);
    dialer->links[0].is_wanted = true;
    ds_sp_dialer_wake_locked(dialer);
    pthread_mutex_unlock(&dialer->mutex);
}

ds_code ds_sp_dial(const struct ds_sp_dialer_options *options, struct ds_sp_dialer **ret_dialer)
{
    struct ds_sp_target target;
    struct ds_tls_trust *trust = NULL;
    struct ds_sp_loop *loop;
    DS_TRY(ds_sp_target_read(options->url, &target));
    if (target.is_tls) {
        DS_TRY(load_trust(options, &trust));
    }
    const ds_code code = loop_hold(&loop);
    if (code != DS_OK) {
        ds_tls_trust_destroy(trust);
        return code;
    }
    struct ds_sp_dialer *dialer =
        calloc(1, sizeof *dialer + options->request_count * sizeof *dialer->requests);
    if (dialer == NULL) {
        abort();
    }
    dialer->loop = loop;
    dialer->target = target;
    dialer->trust = trust;
    dialer->message_bytes_max = options->message_bytes_max;
    dialer->request_count = options->request_count;
    dialer->idle_us = (int64_t)(options->idle_ms > 0 ? options->idle_ms : IDLE_MS) * 1000;
    dialer_start(dialer);
    *ret_dialer = dialer;
    return DS_OK;
}

/* ---- the end ---- */

static void close_on_loop(void *context)
{
    struct ds_sp_dialer *dialer = context;
    for (size_t i = 0; i < DS_SP_LINKS_MAX; i++) {
        ds_sp_link_end(&dialer->links[i], false);
    }
    pthread_mutex_lock(&dialer->mutex);
    dialer->is_closed = true;
    ds_sp_requests_fail_waiting_locked(dialer, DS_CANCELLED);
    ds_timers_stop(ds_sp_loop_timers(dialer->loop), &dialer->timer);
    pthread_mutex_unlock(&dialer->mutex);
    ds_sp_requests_tell(dialer);
}

static void free_on_loop(void *context)
{
    struct ds_sp_dialer *dialer = context;
    ds_timers_deinit(&dialer->timers);
    ds_tls_trust_destroy(dialer->trust);
    pthread_mutex_destroy(&dialer->mutex);
    free(dialer);
}

bool ds_sp_dialer_is_connected(struct ds_sp_dialer *dialer)
{
    pthread_mutex_lock(&dialer->mutex);
    const bool is_connected = ds_sp_pool_is_open_locked(dialer);
    pthread_mutex_unlock(&dialer->mutex);
    return is_connected;
}

uint64_t ds_sp_dialer_stray_replies(struct ds_sp_dialer *dialer)
{
    pthread_mutex_lock(&dialer->mutex);
    const uint64_t count = dialer->stray_replies;
    pthread_mutex_unlock(&dialer->mutex);
    return count;
}

void ds_sp_dialer_close(struct ds_sp_dialer *dialer)
{
    assert(!ds_sp_loop_is_own_thread(dialer->loop));
    ds_sp_loop_run(dialer->loop, close_on_loop, dialer);
    /* Behind the tasks that were posted meanwhile. */
    ds_sp_loop_run(dialer->loop, free_on_loop, dialer);
    loop_release();
}
