#include "clients/load/sampler.h"

#include "clients/load/memory.h"

#include <stdlib.h>
#include <sys/resource.h>

#define US_PER_SECOND 1e6

void load_watch_init(struct load_watch *watch, const struct load_watched *watched)
{
    *watch = (struct load_watch){.watched = watched};
}

void load_watch_deinit(struct load_watch *watch)
{
    free(watch->samples);
}

static void sample_add(struct load_watch *watch, const struct load_sample *sample)
{
    if (watch->sample_count == LOAD_SAMPLES_MAX) {
        return;
    }
    if (watch->sample_count == watch->sample_capacity) {
        watch->sample_capacity = watch->sample_capacity == 0 ? 64 : watch->sample_capacity * 2;
        watch->samples =
            load_reallocate(watch->samples, watch->sample_capacity * sizeof *watch->samples);
    }
    watch->samples[watch->sample_count++] = *sample;
}

void load_watch_take(struct load_watch *watch, uint32_t second, const struct ds_process_use *use)
{
    watch->has_ended = watch->has_ended || use == NULL;
    if (watch->has_ended) {
        return;
    }
    if (watch->has_before) {
        const int64_t used_us = use->cpu_us - watch->before.cpu_us;
        sample_add(watch, &(struct load_sample){
                              .second = second,
                              .cpu_seconds = (double)used_us / US_PER_SECOND,
                              .memory_bytes = use->anonymous_bytes,
                              .resident_bytes = use->resident_bytes,
                              .open_files = (uint32_t)use->open_files,
                          });
    }
    watch->has_before = true;
    watch->before = *use;
    watch->newest_cpu_us = use->cpu_us;
}

void load_watch_measure(struct load_watch *watch, const struct ds_process_use *use)
{
    watch->has_measured = true;
    watch->measured_cpu_us = use->cpu_us;
    watch->newest_cpu_us = use->cpu_us;
}

struct load_watched_result load_watch_result(const struct load_watch *watch, uint64_t ok_count)
{
    struct load_watched_result result = {
        .name = watch->watched->name,
        .samples = watch->samples,
        .sample_count = watch->sample_count,
        .has_ended = watch->has_ended,
    };
    if (watch->has_measured) {
        result.cpu_seconds =
            (double)(watch->newest_cpu_us - watch->measured_cpu_us) / US_PER_SECOND;
    }
    if (result.cpu_seconds > 0) {
        result.calls_per_cpu_second = (double)ok_count / result.cpu_seconds;
    }
    for (size_t i = 0; i < watch->sample_count; i++) {
        if (watch->samples[i].memory_bytes > result.memory_bytes_max) {
            result.memory_bytes_max = watch->samples[i].memory_bytes;
        }
    }
    return result;
}

bool load_watch_look(const struct load_watch *watch, struct ds_process_use *ret_use)
{
    struct ds_process_use use;
    if (watch->has_ended || !ds_process_look_at(watch->watched->process_id, &use)) {
        return false;
    }
    if (watch->has_before && watch->before.start_ticks != use.start_ticks) {
        return false;
    }
    *ret_use = use;
    return true;
}

static int64_t time_us(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

void load_own_use_look(struct load_own_use *ret_use)
{
    struct rusage used;
    ret_use->thread_count = ds_process_threads(ret_use->threads, LOAD_THREADS_WATCHED_MAX);
    ret_use->cpu_us =
        getrusage(RUSAGE_SELF, &used) == 0 ? time_us(used.ru_utime) + time_us(used.ru_stime) : 0;
}

static int64_t cpu_us_of(const struct load_own_use *use, int64_t thread_id)
{
    for (size_t i = 0; i < use->thread_count; i++) {
        if (use->threads[i].thread_id == thread_id) {
            return use->threads[i].cpu_us;
        }
    }
    return 0;
}

int64_t load_own_use_busiest_us(const struct load_own_use *use, const struct load_own_use *before)
{
    int64_t most_us = 0;
    for (size_t i = 0; i < use->thread_count; i++) {
        const int64_t used_us =
            use->threads[i].cpu_us - cpu_us_of(before, use->threads[i].thread_id);
        most_us = used_us > most_us ? used_us : most_us;
    }
    return most_us;
}
