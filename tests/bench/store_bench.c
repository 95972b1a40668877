/*
 * What the store takes for reads, bars, ingest and deletion, as Markdown tables for
 * docs/benchmarks.md. A plain program; it ends with 1 where an operation fails and judges no
 * figure. Needs 4 GB of disk and some minutes; --rows-max 1000000 is for a quick look.
 */
#include "store_bench.h"

#include "ds/log.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS_MAX_DEFAULT 10000000
#define ROWS_MAX_LEAST 10000

static const struct {
    const char *name;
    void (*run)(const struct bench_options *options);
} parts[] = {
    {"reads", bench_reads},
    {"ingest", bench_ingest},
    {"retention", bench_retention},
    {"chains", bench_chains},
};

static int tell_usage(void)
{
    fprintf(stderr,
            "usage: store_bench [--rows-max N] [--folder DIR] "
            "[reads|ingest|retention|chains]...\n"
            "N is %d or more; everything is made in a new folder below DIR, /tmp, and "
            "removed\n",
            ROWS_MAX_LEAST);
    return 2;
}

/* False where the arguments are others; *ret_first is the first name of a part. */
static bool read_arguments(int argc, char **argv, struct bench_options *options, int *ret_first)
{
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "--rows-max") == 0) {
            options->rows_max = strtoul(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--folder") == 0) {
            options->folder = argv[i + 1];
        } else {
            return false;
        }
    }
    *ret_first = i;
    return options->rows_max >= ROWS_MAX_LEAST && (i == argc || argv[i][0] != '-');
}

static bool is_wanted(const char *name, int argc, char **argv, int first)
{
    for (int i = first; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return true;
        }
    }
    return first == argc;
}

static void print_command(int argc, char **argv)
{
    printf("Command: `");
    for (int i = 0; i < argc; i++) {
        printf("%s%s", i == 0 ? "" : " ", argv[i]);
    }
    printf("`\n");
}

static void run_parts(const struct bench_options *options, int argc, char **argv, int first)
{
    ds_log_set_level(DS_LOG_ERROR);
    print_command(argc, argv);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (is_wanted(parts[i].name, argc, argv, first)) {
            parts[i].run(options);
        }
    }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_folder(const char *folder)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Waits for the child; a signal that ends us ends it first. */
static int wait_for_child(pid_t child, const sigset_t *signals)
{
    int status = 0;
    for (;;) {
        int number = 0;
        sigwait(signals, &number);
        if (number != SIGCHLD) {
            kill(child, SIGKILL);
        }
        if (waitpid(child, &status, number == SIGCHLD ? WNOHANG : 0) == child) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
        }
    }
}

/* The parts run in a child, so that their gigabytes go whatever becomes of them. */
int main(int argc, char **argv)
{
    struct bench_options options = {.folder = "/tmp", .rows_max = ROWS_MAX_DEFAULT};
    int first = 1;
    if (!read_arguments(argc, argv, &options, &first)) {
        return tell_usage();
    }
    char folder[BENCH_PATH_BYTES_MAX / 2];
    snprintf(folder, sizeof(folder), "%s/ds-store-bench-XXXXXX", options.folder);
    bench_require(mkdtemp(folder) != NULL, "a folder");
    options.folder = folder;
    sigset_t signals;
    sigset_t before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before);
    const pid_t child = fork();
    bench_require(child >= 0, "fork");
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        run_parts(&options, argc, argv, first);
        return EXIT_SUCCESS;
    }
    const int exit_code = wait_for_child(child, &signals);
    remove_folder(folder);
    return exit_code;
}
