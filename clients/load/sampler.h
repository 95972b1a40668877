/*
 * What servers use of the machine while they are under load, second by second, and what this
 * program's own threads use. One thread; it is told when to look.
 */
#ifndef LOAD_SAMPLER_H
#define LOAD_SAMPLER_H

#include "clients/load/result.h"
#include "ds/process.h"

#define LOAD_SAMPLES_MAX (7 * 24 * 3600) /* of a server; the later ones are left out */

/* One server. */
struct load_watch {
    const struct load_watched *watched;
    struct load_sample *samples;
    size_t sample_count;
    size_t sample_capacity;
    bool has_ended;
    bool has_before;
    bool has_measured; /* measured_cpu_us is set */
    struct ds_process_use before;
    int64_t measured_cpu_us; /* at the start of the measured part */
    int64_t newest_cpu_us;
};

void load_watch_init(struct load_watch *watch, const struct load_watched *watched);
void load_watch_deinit(struct load_watch *watch);

/* Takes a sample of what `second` used; NULL: the process is gone. */
void load_watch_take(struct load_watch *watch, uint32_t second, const struct ds_process_use *use);

/* What has been used up to now is not of the measured part. */
void load_watch_measure(struct load_watch *watch, const struct ds_process_use *use);

/* Its samples are the watch's, until the next one is taken. */
struct load_watched_result load_watch_result(const struct load_watch *watch, uint64_t ok_count);

/* Looks at the process by its number; false where it is gone or another has come in its place. */
bool load_watch_look(const struct load_watch *watch, struct ds_process_use *ret_use);

#define LOAD_THREADS_WATCHED_MAX 1024 /* of this program */

/* CPU times of this program's threads. */
struct load_own_use {
    struct ds_thread_use threads[LOAD_THREADS_WATCHED_MAX];
    size_t thread_count;
    int64_t cpu_us; /* of all of them, those that have ended too */
};

void load_own_use_look(struct load_own_use *ret_use);

/* The CPU time of the thread that has used most since `before`. */
int64_t load_own_use_busiest_us(const struct load_own_use *use, const struct load_own_use *before);

#endif
