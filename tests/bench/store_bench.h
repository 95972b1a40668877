/* What the parts of store_bench share: a service on a store of its own, ticks, and figures. */
#ifndef TESTS_BENCH_STORE_BENCH_H
#define TESTS_BENCH_STORE_BENCH_H

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/buffer.h"
#include "ds/rpc_client.h"
#include "storage/storage.h"

#define BENCH_PATH_BYTES_MAX 256
#define BENCH_SAMPLES_MAX 4096
/* The first timestamp of what is loaded. */
#define BENCH_EPOCH_US INT64_C(1735689600000000)

struct bench_options {
    const char *folder; /* everything is made below it, and removed */
    size_t rows_max;
};

/* A store in a folder of its own, the service on it, and channels to the service. */
struct bench_service {
    char folder[BENCH_PATH_BYTES_MAX];
    struct market_store *store;
    struct storage *storage;
    struct ds_rpc_server *server;
    struct ds_channel *direct;
    struct ds_channel *ipc;
};

/* Ends the program with the text unless `condition` holds. */
void bench_require(bool condition, const char *what);

void bench_service_open(struct bench_service *service, const struct bench_options *options,
                        const char *name);
/* Closes it and removes its files. */
void bench_service_close(struct bench_service *service);

/* Fills a call of the storage service by somebody who may do everything. */
void bench_call_fill(struct ds_client_call *call, const char *method, struct ds_bytes request);

/* Makes a call that must succeed; the caller releases it. */
void bench_call(struct ds_channel *channel, struct ds_client_call *call, const char *method,
                const ProtobufCMessage *request);

/* A request on the wire; free its data. */
struct ds_bytes bench_pack(const ProtobufCMessage *request);

int64_t bench_now_us(void);

/* A pseudo-random number; the same sequence in every run. */
uint64_t bench_random(uint64_t *state);

/* A tick as a feed sends it, with its timestamp and processed_at in `moments`. */
void bench_tick_set(Storage__Tick *tick, Google__Protobuf__Timestamp moments[2],
                    const char *product, int64_t timestamp_us, int64_t tick_id);

/* Samples of one figure. */
struct bench_samples {
    double values[BENCH_SAMPLES_MAX];
    size_t count;
};

void bench_samples_add(struct bench_samples *samples, double value);
/* Sorts them; `part` 0: the lowest, 0.5: the median, 1: the highest. */
double bench_samples_part(struct bench_samples *samples, double part);

/* The parts; each prints one Markdown table or more. */
void bench_reads(const struct bench_options *options);
void bench_ingest(const struct bench_options *options);
void bench_retention(const struct bench_options *options);
void bench_chains(const struct bench_options *options);

#endif
