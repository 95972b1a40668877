#include "ds/process.h"

#include "ds/clock.h"
#include "ds/number.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* /proc/self/status and stat have less than 2 KiB. */
#define FILE_BYTES_MAX 8192
#define PATH_BYTES_MAX 64
/* In /proc/self/stat, counted behind the name in brackets, which may hold blanks. */
#define STATE_FIELD 1
#define USER_TICKS_FIELD 12
#define SYSTEM_TICKS_FIELD 13
#define START_TICKS_FIELD 20

/* Reads a whole file of /proc as text; "" where it can't be read. */
static void read_text(const char *path, char ret_text[FILE_BYTES_MAX])
{
    size_t size = 0;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? 0 : read(file, ret_text, FILE_BYTES_MAX - 1);
    while (count > 0) {
        size += (size_t)count;
        count = read(file, ret_text + size, FILE_BYTES_MAX - 1 - size);
    }
    ret_text[size] = '\0';
    if (file >= 0) {
        close(file);
    }
}

/* The number behind "name:" at the beginning of a line. */
static uint64_t status_field(const char *status, const char *name)
{
    const char *at = strstr(status, name);
    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

/* Calls `take` for each entry of a folder, while it returns true. */
static void visit_folder(const char *path, bool (*take)(void *context, const char *name),
                         void *context)
{
    /* Not opendir(): ThreadSanitizer does not see the descriptor that it opens, only its end. */
    const int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = file < 0 ? NULL : fdopendir(file);
    if (folder == NULL) {
        if (file >= 0) {
            close(file);
        }
        return;
    }
    const struct dirent *entry = readdir(folder);
    while (entry != NULL && (entry->d_name[0] == '.' || take(context, entry->d_name))) {
        entry = readdir(folder);
    }
    closedir(folder);
}

static bool count_entry(void *context, const char *name)
{
    (void)name;
    (*(uint64_t *)context)++;
    return true;
}

/* Entries of a folder of descriptors. */
static uint64_t count_files(const char *path)
{
    uint64_t count = 0;
    visit_folder(path, count_entry, &count);
    return count;
}

static uint64_t count_open_files(void)
{
    const uint64_t count = count_files("/proc/self/fd");
    return count > 0 ? count - 1 : 0; /* The descriptor that looks. */
}

static int64_t time_us(int64_t seconds, int64_t microseconds)
{
    return seconds * 1000000 + microseconds;
}

/* A field of a stat file, with the blank in front of it; NULL where it has none. */
static const char *stat_field(const char *stat, int wanted)
{
    const char *at = strrchr(stat, ')');
    for (int field = 0; at != NULL && field < wanted; field++) {
        at = strchr(at + 1, ' ');
    }
    return at;
}

static uint64_t stat_number(const char *stat, int wanted)
{
    const char *at = stat_field(stat, wanted);
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

static int64_t ticks_us(uint64_t ticks)
{
    const long ticks_per_second = sysconf(_SC_CLK_TCK);
    return ticks_per_second <= 0 ? 0 : (int64_t)ticks * (1000000 / ticks_per_second);
}

static int64_t stat_cpu_us(const char *stat)
{
    return ticks_us(stat_number(stat, USER_TICKS_FIELD) + stat_number(stat, SYSTEM_TICKS_FIELD));
}

/* How long ago the kernel started the process. */
static int64_t uptime_us(void)
{
    char stat[FILE_BYTES_MAX];
    read_text("/proc/self/stat", stat);
    struct timespec now;
    if (stat_field(stat, START_TICKS_FIELD) == NULL || clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
        return 0;
    }
    const int64_t started_us = ticks_us(stat_number(stat, START_TICKS_FIELD));
    return time_us(now.tv_sec, now.tv_nsec / 1000) - started_us;
}

/* Of the first look for good: a start that moves with the wall clock would read as a restart. */
static int64_t started_at_us(int64_t uptime)
{
    static atomic_int_fast64_t remembered_us;
    int64_t none = 0;
    const int64_t now_us = ds_clock_wall_us(ds_clock_system()) - uptime;
    return atomic_compare_exchange_strong(&remembered_us, &none, now_us) ? now_us : none;
}

static uint64_t resident_bytes(const char *status)
{
    return status_field(status, "\nVmRSS:") * 1024;
}

static uint64_t anonymous_bytes(const char *status)
{
    return (status_field(status, "\nRssAnon:") + status_field(status, "\nRssShmem:")) * 1024;
}

bool ds_process_look_at(int64_t process_id, struct ds_process_use *ret_use)
{
    char path[PATH_BYTES_MAX];
    char status[FILE_BYTES_MAX];
    char stat[FILE_BYTES_MAX];
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/status", process_id);
    read_text(path, status);
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", process_id);
    read_text(path, stat);
    const char *state = stat_field(stat, STATE_FIELD);
    if (state == NULL || state[1] == 'Z' || state[1] == 'X') {
        return false;
    }
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/fd", process_id);
    *ret_use = (struct ds_process_use){
        .resident_bytes = resident_bytes(status),
        .anonymous_bytes = anonymous_bytes(status),
        .open_files = count_files(path),
        .cpu_us = stat_cpu_us(stat),
        .start_ticks = stat_number(stat, START_TICKS_FIELD),
    };
    return true;
}

static bool thread_cpu_us(int64_t thread_id, int64_t *ret_cpu_us)
{
    char path[PATH_BYTES_MAX];
    char stat[FILE_BYTES_MAX];
    (void)snprintf(path, sizeof path, "/proc/self/task/%" PRId64 "/stat", thread_id);
    read_text(path, stat);
    if (stat_field(stat, STATE_FIELD) == NULL) {
        return false;
    }
    *ret_cpu_us = stat_cpu_us(stat);
    return true;
}

struct thread_list {
    struct ds_thread_use *threads;
    size_t count;
    size_t count_max;
};

static bool take_thread(void *context, const char *name)
{
    struct thread_list *list = context;
    struct ds_thread_use *thread = &list->threads[list->count];
    thread->thread_id = strtoll(name, NULL, 10);
    list->count += thread_cpu_us(thread->thread_id, &thread->cpu_us);
    return list->count < list->count_max;
}

size_t ds_process_threads(struct ds_thread_use *ret_threads, size_t count_max)
{
    struct thread_list list = {.threads = ret_threads, .count_max = count_max};
    if (count_max > 0) {
        visit_folder("/proc/self/task", take_thread, &list);
    }
    return list.count;
}

void ds_process_look(struct ds_process_view *ret_view)
{
    char status[FILE_BYTES_MAX];
    read_text("/proc/self/status", status);
    struct ds_process_view view = {
        .resident_bytes = resident_bytes(status),
        .anonymous_bytes = anonymous_bytes(status),
        .threads = status_field(status, "\nThreads:"),
        .open_files = count_open_files(),
        .uptime_us = uptime_us(),
    };
    view.started_at_us = started_at_us(view.uptime_us);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        view.open_files_max = files.rlim_cur;
    }
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0) {
        view.cpu_us = time_us(used.ru_utime.tv_sec, used.ru_utime.tv_usec) +
                      time_us(used.ru_stime.tv_sec, used.ru_stime.tv_usec);
    }
    *ret_view = view;
}

static void write_process(void *context, struct ds_buffer *text)
{
    (void)context;
    struct ds_process_view view;
    ds_process_look(&view);
    const struct {
        const char *name;
        const char *type;
        const char *help;
        double value;
    } rows[] = {
        {"process_resident_memory_bytes", "gauge", "Memory in RAM, mapped files included.",
         (double)view.resident_bytes},
        {"process_anonymous_memory_bytes", "gauge", "Memory that is the process's alone.",
         (double)view.anonymous_bytes},
        {"process_threads", "gauge", "Threads.", (double)view.threads},
        {"process_open_fds", "gauge", "Open file descriptors.", (double)view.open_files},
        {"process_max_fds", "gauge", "File descriptors that may be open.",
         (double)view.open_files_max},
        {"process_cpu_seconds_total", "counter", "Processor time used.", (double)view.cpu_us / 1e6},
        {"process_start_time_seconds", "gauge", "When the process began, since 1970.",
         (double)view.started_at_us / 1e6},
        {"process_uptime_seconds", "gauge", "How long the process has run.",
         (double)view.uptime_us / 1e6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ds_buffer_printf(text, "# HELP %s %s\n# TYPE %s %s\n%s ", rows[i].name, rows[i].help,
                         rows[i].name, rows[i].type, rows[i].name);
        char value[DS_DOUBLE_TEXT_MAX];
        ds_buffer_append(text, value, ds_double_format(rows[i].value, value));
        ds_buffer_append_text(text, "\n");
    }
}

static void collect_build(void *context, struct ds_metrics_samples *samples)
{
    const struct ds_metrics_label labels[] = {{"program", context}, {"version", DS_VERSION}};
    ds_metrics_sample(samples, labels, sizeof labels / sizeof *labels, 1);
}

struct ds_metrics *ds_process_metrics_create(const char *program)
{
    struct ds_metrics *metrics = ds_metrics_create(NULL);
    ds_metrics_watch_family(metrics, &(struct ds_metrics_family){
                                         .name = "ds_build_info",
                                         .help = "The program that runs.",
                                         .type = "gauge",
                                         .collect = collect_build,
                                         .context = (char *)(uintptr_t)program,
                                     });
    ds_metrics_watch_writer(metrics, write_process, NULL);
    return metrics;
}
