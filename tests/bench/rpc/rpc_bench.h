/* Our side of the comparison of RPC layers: a server of an echo, and a client that holds calls in
 * flight. */
#ifndef TESTS_BENCH_RPC_RPC_BENCH_H
#define TESTS_BENCH_RPC_RPC_BENCH_H

#include "ds/rpc_client.h"
#include "ds/rpc_server.h"

/* As a frame's payload: a string of 197 bytes with its tag and length. */
#define BENCH_PAYLOAD_BYTES 200
#define BENCH_IN_FLIGHT_MAX 1024

enum bench_mode {
    BENCH_ALONE,        /* a method of the read pool: a message a call */
    BENCH_ALONE_INLINE, /* an inline method, flushed after each call: a message a call */
    BENCH_SHARING,      /* an inline method, flushed once a turn of a loop */
};

struct bench_load_options {
    struct ds_channel *channel;
    enum bench_mode mode;
    size_t in_flight;
    double warm_seconds;
    double seconds;
};

/* Ends the program with the text unless `condition` holds. */
void bench_require(bool condition, const char *what);

/* As storaged makes its own, but for the handlers: each answers with what it was asked. */
struct ds_rpc_server *bench_server_create(void);

/* Holds the calls in flight for the time, then prints a line of JSON: calls_per_second, p50_us,
 * p99_us, cpu_us_per_call (of this process). */
void bench_load_run(const struct bench_load_options *options);

#endif
