/*
 * rpc_bench serve URL…            serves an echo of 200 bytes until SIGTERM; says "ready URL" each
 * rpc_bench call URL|direct MODE IN_FLIGHT WARM_SECONDS SECONDS
 *                                 holds that many calls in flight; MODE is alone, alone-inline or
 *                                 sharing; prints a line of JSON
 * tests/bench/rpc/compare.py runs it beside its peers, which take the same arguments.
 */
#include "rpc_bench.h"

#include "ds/daemon.h"
#include "ds/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_BYTES_MAX 256
#define GRACE_MS 2000

void bench_require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "rpc_bench: %s failed\n", what);
        exit(EXIT_FAILURE);
    }
}

static int tell_usage(void)
{
    fprintf(stderr, "usage: rpc_bench serve URL...\n"
                    "       rpc_bench call URL|direct alone|alone-inline|sharing IN_FLIGHT "
                    "WARM_SECONDS SECONDS\n");
    return 2;
}

static int serve(char **urls, int count)
{
    char url[URL_BYTES_MAX];
    struct ds_rpc_server *server = bench_server_create();
    for (int i = 0; i < count; i++) {
        bench_require(ds_rpc_server_listen(server, urls[i], url, sizeof url) == DS_OK, urls[i]);
        printf("ready %s\n", url);
    }
    fflush(stdout);
    ds_daemon_wait_for_stop(NULL, NULL);
    ds_rpc_server_drain(server, GRACE_MS);
    ds_rpc_server_destroy(server);
    return EXIT_SUCCESS;
}

static bool mode_read(const char *text, enum bench_mode *ret_mode)
{
    static const char *const names[] = {[BENCH_ALONE] = "alone",
                                        [BENCH_ALONE_INLINE] = "alone-inline",
                                        [BENCH_SHARING] = "sharing"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_mode = (enum bench_mode)i;
            return true;
        }
    }
    return false;
}

static int call(const char *url, struct bench_load_options *options)
{
    struct ds_rpc_server *server = NULL;
    struct ds_channel_options channel_options = {.url = url};
    if (strcmp(url, "direct") == 0) {
        server = bench_server_create();
        channel_options.url = NULL;
        channel_options.server = server;
    }
    bench_require(ds_channel_open(&channel_options, &options->channel) == DS_OK, url);
    bench_load_run(options);
    ds_channel_close(options->channel);
    if (server != NULL) {
        ds_rpc_server_drain(server, GRACE_MS);
        ds_rpc_server_destroy(server);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    ds_daemon_block_signals();
    ds_log_set_level(DS_LOG_ERROR);
    if (argc >= 3 && strcmp(argv[1], "serve") == 0) {
        return serve(argv + 2, argc - 2);
    }
    struct bench_load_options options = {.mode = BENCH_ALONE};
    if (argc != 7 || strcmp(argv[1], "call") != 0 || !mode_read(argv[3], &options.mode)) {
        return tell_usage();
    }
    options.in_flight = strtoul(argv[4], NULL, 10);
    options.warm_seconds = strtod(argv[5], NULL);
    options.seconds = strtod(argv[6], NULL);
    /* An inline call on a direct channel ends within its flush: begun from its end, the next would
     * lie on top of it. */
    const bool nests = options.mode == BENCH_ALONE_INLINE && strcmp(argv[2], "direct") == 0;
    if (options.in_flight < 1 || options.in_flight > BENCH_IN_FLIGHT_MAX || options.seconds <= 0 ||
        nests) {
        return tell_usage();
    }
    return call(argv[2], &options);
}
