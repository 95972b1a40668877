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
/* In /proc/self/stat, counted behind the name in brackets, which may hold blanks. */
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

static uint64_t count_open_files(void)
{
    /* Not opendir(): ThreadSanitizer does not see the descriptor that it opens, only its end. */
    const int file = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = file < 0 ? NULL : fdopendir(file);
    if (folder == NULL) {
        if (file >= 0) {
            close(file);
        }
        return 0;
    }
    uint64_t count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    /* "." and ".." and the descriptor that looks. */
    return count > 3 ? count - 3 : 0;
}

static int64_t time_us(int64_t seconds, int64_t microseconds)
{
    return seconds * 1000000 + microseconds;
}

/* How long ago the kernel started the process. */
static int64_t uptime_us(void)
{
    char stat[FILE_BYTES_MAX];
    read_text("/proc/self/stat", stat);
    const char *at = strrchr(stat, ')');
    for (int field = 0; at != NULL && field < START_TICKS_FIELD; field++) {
        at = strchr(at + 1, ' ');
    }
    const long ticks_per_second = sysconf(_SC_CLK_TCK);
    struct timespec now;
    if (at == NULL || ticks_per_second <= 0 || clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
        return 0;
    }
    const int64_t started_us = strtoll(at, NULL, 10) * (1000000 / ticks_per_second);
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

void ds_process_look(struct ds_process_view *ret_view)
{
    char status[FILE_BYTES_MAX];
    read_text("/proc/self/status", status);
    struct ds_process_view view = {
        .resident_bytes = status_field(status, "\nVmRSS:") * 1024,
        .anonymous_bytes =
            (status_field(status, "\nRssAnon:") + status_field(status, "\nRssShmem:")) * 1024,
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
