#include "rpc_bench.h"
#include "schema.gen.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define TIMEOUT_MS 60000
#define SAMPLES_AT_FIRST 4096

struct load;

/* One of the calls in flight; only whoever holds its end touches it. */
struct slot {
    struct ds_client_call call;
    struct load *load;
    struct slot *next_ended;
    int64_t begun_ns;
    uint32_t *samples_ns;
    size_t sample_count;
    size_t sample_room;
};

struct load {
    const struct bench_load_options *options;
    int64_t measured_from_ns;
    int64_t measured_until_ns;
    struct ds_bytes payload;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct slot *ended; /* sharing: calls that the loop has not begun again yet */
    size_t running;
    struct slot slots[];
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void sample_add(struct slot *slot, int64_t duration_ns)
{
    if (slot->sample_count == slot->sample_room) {
        slot->sample_room = slot->sample_room == 0 ? SAMPLES_AT_FIRST : 2 * slot->sample_room;
        slot->samples_ns = realloc(slot->samples_ns, slot->sample_room * sizeof *slot->samples_ns);
        bench_require(slot->samples_ns != NULL, "memory");
    }
    slot->samples_ns[slot->sample_count++] =
        duration_ns < UINT32_MAX ? (uint32_t)duration_ns : UINT32_MAX;
}

/* Notes a call that has ended. False when it was the slot's last. */
static bool slot_take_end(struct slot *slot)
{
    const struct load *load = slot->load;
    struct ds_client_call *call = &slot->call;
    const int64_t now = now_ns();
    bench_require(call->code == DS_OK, call->message);
    bench_require(call->response.size == BENCH_PAYLOAD_BYTES, "a reply of 200 bytes");
    ds_client_call_release(call);
    if (now >= load->measured_until_ns) {
        return false;
    }
    if (now >= load->measured_from_ns) {
        sample_add(slot, now - slot->begun_ns);
    }
    return true;
}

static void slot_begin(struct slot *slot)
{
    slot->begun_ns = now_ns();
    ds_channel_call(slot->load->options->channel, &slot->call);
}

static void slot_leave(struct slot *slot)
{
    struct load *load = slot->load;
    pthread_mutex_lock(&load->mutex);
    load->running--;
    pthread_cond_signal(&load->changed);
    pthread_mutex_unlock(&load->mutex);
}

/* A message a call: the thread that brings the end begins the next. */
static void ended_alone(struct ds_client_call *call)
{
    struct slot *slot = call->context;
    if (!slot_take_end(slot)) {
        slot_leave(slot);
        return;
    }
    slot_begin(slot);
    ds_channel_flush(slot->load->options->channel);
}

/* Sharing: the loop begins the next. */
static void ended_for_loop(struct ds_client_call *call)
{
    struct slot *slot = call->context;
    struct load *load = slot->load;
    pthread_mutex_lock(&load->mutex);
    slot->next_ended = load->ended;
    load->ended = slot;
    if (slot->next_ended == NULL) {
        pthread_cond_signal(&load->changed);
    }
    pthread_mutex_unlock(&load->mutex);
}

static struct slot *await_ended(struct load *load)
{
    pthread_mutex_lock(&load->mutex);
    while (load->ended == NULL) {
        pthread_cond_wait(&load->changed, &load->mutex);
    }
    struct slot *ended = load->ended;
    load->ended = NULL;
    pthread_mutex_unlock(&load->mutex);
    return ended;
}

/* As the gateway does: what has come by now is answered, and the calls of that turn leave together.
 */
static void run_loop(struct load *load)
{
    while (load->running > 0) {
        struct slot *next = NULL;
        for (struct slot *slot = await_ended(load); slot != NULL; slot = next) {
            next = slot->next_ended;
            if (slot_take_end(slot)) {
                slot_begin(slot);
            } else {
                load->running--; /* Only this thread looks at it. */
            }
        }
        ds_channel_flush(load->options->channel);
    }
}

static void wait_for_end(struct load *load)
{
    pthread_mutex_lock(&load->mutex);
    while (load->running > 0) {
        pthread_cond_wait(&load->changed, &load->mutex);
    }
    pthread_mutex_unlock(&load->mutex);
}

static void slot_init(struct slot *slot, struct load *load)
{
    const enum bench_mode mode = load->options->mode;
    slot->load = load;
    slot->call = (struct ds_client_call){
        .method =
            mode == BENCH_ALONE ? ds_method_storage_list_expiries : ds_method_storage_list_ticks,
        .payload = load->payload,
        .timeout_ms = TIMEOUT_MS,
        .done = mode == BENCH_SHARING ? ended_for_loop : ended_alone,
        .context = slot,
    };
}

static int compare(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static int64_t process_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* All slots' samples in one sorted list; from malloc. */
static uint32_t *sorted_samples(struct load *load, size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < load->options->in_flight; i++) {
        count += load->slots[i].sample_count;
    }
    uint32_t *samples = malloc((count + 1) * sizeof *samples);
    bench_require(samples != NULL && count > 0, "a call in the time");
    size_t place = 0;
    for (size_t i = 0; i < load->options->in_flight; i++) {
        struct slot *slot = &load->slots[i];
        if (slot->sample_count > 0) {
            memcpy(samples + place, slot->samples_ns, slot->sample_count * sizeof *samples);
            place += slot->sample_count;
        }
        free(slot->samples_ns);
    }
    qsort(samples, count, sizeof *samples, compare);
    *ret_count = count;
    return samples;
}

static void print_result(struct load *load, int64_t cpu_ns, int64_t wall_ns)
{
    size_t count = 0;
    uint32_t *samples = sorted_samples(load, &count);
    const double rate = (double)count / load->options->seconds;
    const double calls_in_all = rate * (double)wall_ns / 1e9;
    printf("{\"calls_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"cpu_us_per_call\": %.2f}\n",
           rate, (double)samples[count / 2] / 1e3, (double)samples[count * 99 / 100] / 1e3,
           (double)cpu_ns / 1e3 / calls_in_all);
    free(samples);
}

void bench_load_run(const struct bench_load_options *options)
{
    static uint8_t payload[BENCH_PAYLOAD_BYTES];
    struct load *load = calloc(1, sizeof *load + options->in_flight * sizeof *load->slots);
    bench_require(load != NULL, "memory");
    memset(payload, 'x', sizeof payload);
    payload[0] = 1 << 3 | 2; /* field 1, a string */
    payload[1] = 0x80 | ((BENCH_PAYLOAD_BYTES - 3) & 0x7f);
    payload[2] = (BENCH_PAYLOAD_BYTES - 3) >> 7;
    load->payload = ds_bytes_of(payload, sizeof payload);
    load->options = options;
    load->running = options->in_flight;
    pthread_mutex_init(&load->mutex, NULL);
    pthread_cond_init(&load->changed, NULL);
    const int64_t cpu_before_ns = process_cpu_ns();
    const int64_t begun_ns = now_ns();
    load->measured_from_ns = begun_ns + (int64_t)(options->warm_seconds * 1e9);
    load->measured_until_ns = load->measured_from_ns + (int64_t)(options->seconds * 1e9);
    for (size_t i = 0; i < options->in_flight; i++) {
        slot_init(&load->slots[i], load);
        slot_begin(&load->slots[i]);
    }
    ds_channel_flush(options->channel);
    if (options->mode == BENCH_SHARING) {
        run_loop(load);
    } else {
        wait_for_end(load);
    }
    print_result(load, process_cpu_ns() - cpu_before_ns, now_ns() - begun_ns);
    pthread_cond_destroy(&load->changed);
    pthread_mutex_destroy(&load->mutex);
    free(load);
}
