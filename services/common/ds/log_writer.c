#include "ds/log_writer.h"

#include "ds/buffer.h"
#include "ds/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOP_TIMEOUT_MS 1000

/*
 * A ring of lines, each behind its length. put and taken count bytes since the start, so that their
 * difference is what waits.
 */
static struct {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t came;
    pthread_cond_t went;
    uint64_t put;
    uint64_t taken;   /* out of the ring */
    uint64_t written; /* to stderr */
    uint64_t dropped_count;
    bool is_stopping;
    uint8_t bytes[DS_LOG_WAITING_BYTES_MAX];
} ring = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .came = PTHREAD_COND_INITIALIZER,
    .went = PTHREAD_COND_INITIALIZER,
};

/* What becomes of a line. */
enum way {
    WAY_DIRECT, /* who logs writes it */
    WAY_RING,
    WAY_NOWHERE, /* the writer could not be stopped: stderr stands still */
};

static atomic_int way = WAY_DIRECT;
static pthread_t writer;

/* stderr may have been made non-blocking by another program that shares it. */
static void await_room(void)
{
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    (void)poll(&room, 1, -1);
}

/* A log that can't be written must not stop the service. */
static void write_out(const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(STDERR_FILENO, bytes, size);
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            await_room();
        } else if (written == 0 || errno != EINTR) {
            return;
        }
    }
}

static void ring_copy_in(const void *bytes, size_t size)
{
    const size_t at = ring.put % sizeof ring.bytes;
    const size_t first = size < sizeof ring.bytes - at ? size : sizeof ring.bytes - at;
    memcpy(ring.bytes + at, bytes, first);
    memcpy(ring.bytes, (const uint8_t *)bytes + first, size - first);
    ring.put += size;
}

static void ring_copy_out(uint64_t from, void *bytes, size_t size)
{
    const size_t at = from % sizeof ring.bytes;
    const size_t first = size < sizeof ring.bytes - at ? size : sizeof ring.bytes - at;
    memcpy(bytes, ring.bytes + at, first);
    memcpy((uint8_t *)bytes + first, ring.bytes, size - first);
}

static bool put_locked(const void *line, size_t size)
{
    const uint32_t length = (uint32_t)size;
    if (ring.put - ring.taken + sizeof length + size > sizeof ring.bytes) {
        return false;
    }
    ring_copy_in(&length, sizeof length);
    ring_copy_in(line, size);
    return true;
}

/* Whole lines, no more than a pipe takes in one piece unless the first alone is longer: so lines of
 * several programs do not mix. */
static size_t take_locked(uint8_t batch[DS_LOG_LINE_BYTES_MAX])
{
    size_t size = 0;
    while (ring.taken < ring.put) {
        uint32_t length = 0;
        ring_copy_out(ring.taken, &length, sizeof length);
        if (size > 0 && size + length > PIPE_BUF) {
            break;
        }
        ring_copy_out(ring.taken + sizeof length, batch + size, length);
        ring.taken += sizeof length + length;
        size += length;
    }
    return size;
}

static void tell_dropped_locked(void)
{
    struct ds_buffer line;
    if (ring.dropped_count == 0) {
        return;
    }
    const struct ds_log_field fields[] = {DS_LOG_INT("count", ring.dropped_count), {.name = NULL}};
    ds_buffer_init(&line, DS_LOG_LINE_BYTES_MAX);
    ds_log_line(&line, DS_LOG_WARNING, "log_lines_dropped", fields);
    if (put_locked(line.data, line.size)) {
        ring.dropped_count = 0;
    }
    ds_buffer_deinit(&line);
}

static void *write_lines(void *argument)
{
    static uint8_t batch[DS_LOG_LINE_BYTES_MAX];
    (void)argument;
    pthread_mutex_lock(&ring.mutex);
    for (;;) {
        while (ring.taken == ring.put && !ring.is_stopping) {
            pthread_cond_wait(&ring.came, &ring.mutex);
        }
        const size_t size = take_locked(batch);
        if (size == 0) {
            break;
        }
        tell_dropped_locked();
        const uint64_t taken = ring.taken;
        pthread_mutex_unlock(&ring.mutex);
        write_out(batch, size);
        pthread_mutex_lock(&ring.mutex);
        ring.written = taken;
        pthread_cond_broadcast(&ring.went);
    }
    pthread_mutex_unlock(&ring.mutex);
    return NULL;
}

static void enqueue(const void *line, size_t size)
{
    pthread_mutex_lock(&ring.mutex);
    const bool was_empty = ring.taken == ring.put;
    if (!put_locked(line, size)) {
        ring.dropped_count++;
    }
    pthread_mutex_unlock(&ring.mutex);
    if (was_empty) {
        pthread_cond_signal(&ring.came);
    }
}

void ds_log_writer_take(const void *line, size_t size)
{
    const int where = atomic_load_explicit(&way, memory_order_acquire);
    if (where == WAY_RING) {
        enqueue(line, size);
    } else if (where == WAY_DIRECT) {
        write_out(line, size);
    }
}

/* The signals of the program are for other threads. */
static void start_thread(void)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&writer, NULL, write_lines, NULL) != 0) {
        abort();
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void ds_log_start(void)
{
    static bool stops_at_exit;
    if (atomic_load(&way) != WAY_DIRECT) {
        return;
    }
    if (!stops_at_exit) {
        stops_at_exit = atexit(ds_log_stop) == 0;
    }
    ring.is_stopping = false;
    start_thread();
    atomic_store_explicit(&way, WAY_RING, memory_order_release);
}

bool ds_log_flush(int timeout_ms)
{
    const int64_t until_us = ds_clock_monotonic_us(ds_clock_system()) + (int64_t)timeout_ms * 1000;
    pthread_mutex_lock(&ring.mutex);
    const uint64_t wanted = ring.put;
    bool has_time = true;
    while (ring.written < wanted && has_time) {
        has_time = ds_clock_wait_until(&ring.went, &ring.mutex, until_us);
    }
    const bool is_written = ring.written >= wanted;
    pthread_mutex_unlock(&ring.mutex);
    return is_written;
}

void ds_log_stop(void)
{
    if (atomic_load(&way) != WAY_RING) {
        return;
    }
    if (!ds_log_flush(STOP_TIMEOUT_MS)) {
        atomic_store(&way, WAY_NOWHERE);
        return; /* The thread stands in write() and ends with the program. */
    }
    pthread_mutex_lock(&ring.mutex);
    ring.is_stopping = true;
    pthread_cond_signal(&ring.came);
    pthread_mutex_unlock(&ring.mutex);
    pthread_join(writer, NULL);
    atomic_store(&way, WAY_DIRECT);
}
