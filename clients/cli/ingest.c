#include "clients/cli/ingest.h"

#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/clock.h"
#include "ds/exit_code.h"
#include "ds/wire.h"
#include "ds/wire_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INGEST_TICKS "deltastream.storage.v1.Storage/IngestTicks"
/* Well below what the method takes, so that one more row always fits. */
#define INGEST_BATCH_BYTES (4 * 1024 * 1024)
#define INGEST_REPLY_ARENA_BYTES_MAX (64 * 1024 * 1024)
/* Refused rows that are told one by one; the others are only counted. */
#define INGEST_TOLD_MAX 100

enum {
    REQUEST_TICKS = 1,
    REQUEST_CONFLICT_POLICY = 2,
};

const char *const ingest_conflict_choices[] = {"error", "first", "last", NULL};
const char *const ingest_on_error_choices[] = {"stop", "skip", NULL};

/* In the order of the choices. */
static const uint64_t conflict_policies[] = {STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR,
                                             STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_FIRST,
                                             STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_LAST};

struct ingest {
    struct ingest_options options;
    const struct ds_method *method;
    struct ds_buffer request;
    size_t row_count; /* in the request */
    uint64_t lines[INGEST_BATCH_ROWS_MAX];
    struct ingest_counts counts;
    int64_t begun_us;
};

struct ingest *ingest_create(const struct ingest_options *options)
{
    struct ingest *ingest = calloc(1, sizeof(*ingest));
    if (ingest == NULL) {
        abort();
    }
    ingest->options = *options;
    ingest->method = ds_method_find(INGEST_TICKS, strlen(INGEST_TICKS));
    ingest->begun_us = ds_clock_monotonic_us(ds_clock_system());
    ds_buffer_init(&ingest->request, ingest->method->request_bytes_max);
    return ingest;
}

void ingest_destroy(struct ingest *ingest)
{
    ds_buffer_deinit(&ingest->request);
    free(ingest);
}

struct ingest_counts ingest_counts(const struct ingest *ingest)
{
    return ingest->counts;
}

static ds_code count_rejected(struct ingest *ingest, uint64_t line, const char *column,
                              const char *reason)
{
    ingest->counts.rejected++;
    if (ingest->counts.rejected <= INGEST_TOLD_MAX) {
        fprintf(stderr, "line %" PRIu64 ": %s%s%s\n", line, column, column[0] == '\0' ? "" : ": ",
                reason);
    } else if (ingest->counts.rejected == INGEST_TOLD_MAX + 1) {
        fprintf(stderr, "(further rows are counted only)\n");
    }
    return ingest->options.stops_on_error ? DS_ABORTED : DS_OK;
}

ds_code ingest_reject(struct ingest *ingest, uint64_t line, const char *column, const char *reason)
{
    ingest->counts.read++;
    return count_rejected(ingest, line, column, reason);
}

static ds_code count_reply(struct ingest *ingest, const Storage__IngestTicksResponse *reply)
{
    ds_code code = DS_OK;
    ingest->counts.accepted += (uint64_t)reply->accepted;
    ingest->counts.duplicate += (uint64_t)reply->duplicate;
    ingest->counts.late += (uint64_t)reply->late;
    for (size_t i = 0; i < reply->n_rejected; i++) {
        const int32_t index = reply->rejected[i]->index;
        const bool is_known = index >= 0 && (size_t)index < ingest->row_count;
        const ds_code row_code = count_rejected(ingest, is_known ? ingest->lines[index] : 0, "",
                                                reply->rejected[i]->reason);
        code = code == DS_OK ? row_code : code;
    }
    return code;
}

static ds_code read_reply(struct ingest *ingest, struct ds_bytes response)
{
    struct ds_wire_error error;
    if (ds_wire_check(ingest->method->response, response, &error) != DS_OK) {
        fprintf(stderr, "deltastream: the reply is damaged: %s\n", error.message);
        return DS_DATA_LOSS;
    }
    struct ds_arena *arena = ds_arena_create(INGEST_REPLY_ARENA_BYTES_MAX);
    const Storage__IngestTicksResponse *reply = storage__ingest_ticks_response__unpack(
        ds_arena_allocator(arena), response.size, response.data);
    const ds_code code = reply == NULL ? DS_DATA_LOSS : count_reply(ingest, reply);
    ds_arena_destroy(arena);
    return code;
}

static ds_code send_batch(struct ingest *ingest)
{
    ds_wire_write_varint_field(&ingest->request, REQUEST_CONFLICT_POLICY,
                               conflict_policies[ingest->options.conflict]);
    struct ds_client_call call;
    ds_code code = connection_call(ingest->options.connection, ingest->method,
                                   ds_buffer_bytes(&ingest->request), &call);
    if (code == DS_OK) {
        code = read_reply(ingest, call.response);
    } else {
        fprintf(stderr, "  while sending lines %" PRIu64 " to %" PRIu64 "\n", ingest->lines[0],
                ingest->lines[ingest->row_count - 1]);
    }
    ds_client_call_release(&call);
    return code;
}

ds_code ingest_flush(struct ingest *ingest)
{
    if (ingest->row_count == 0) {
        return DS_OK;
    }
    const ds_code code = ingest->options.connection == NULL ? DS_OK : send_batch(ingest);
    ds_buffer_clear(&ingest->request);
    ingest->row_count = 0;
    return code;
}

ds_code ingest_add(struct ingest *ingest, uint64_t line, struct ds_bytes row)
{
    if (row.size > INGEST_BATCH_BYTES / 4) {
        return ingest_reject(ingest, line, "", "larger than 1 MiB");
    }
    ingest->counts.read++;
    ds_wire_write_bytes_field(&ingest->request, REQUEST_TICKS, row);
    ingest->lines[ingest->row_count++] = line;
    if (ingest->row_count == ingest->options.batch_rows ||
        ingest->request.size >= INGEST_BATCH_BYTES) {
        return ingest_flush(ingest);
    }
    return DS_OK;
}

static void print_summary(const struct ingest *ingest)
{
    const struct ingest_counts *counts = &ingest->counts;
    const int64_t elapsed_us = ds_clock_monotonic_us(ds_clock_system()) - ingest->begun_us;
    fprintf(stderr, "%" PRIu64 " rows read", counts->read);
    if (ingest->options.connection == NULL) {
        fprintf(stderr, ", %" PRIu64 " rejected; a dry run: nothing was sent\n", counts->rejected);
        return;
    }
    fprintf(stderr,
            ", %" PRIu64 " accepted (%" PRIu64 " late), %" PRIu64 " duplicate, %" PRIu64
            " rejected in %.3f s\n",
            counts->accepted, counts->late, counts->duplicate, counts->rejected,
            (double)elapsed_us / 1e6);
}

int ingest_finish(struct ingest *ingest, ds_code code)
{
    if (code == DS_OK) {
        code = ingest_flush(ingest);
    } else if (code == DS_ABORTED) {
        /* The sound rows in front of the one that ended the work are sent all the same. */
        const ds_code flush_code = ingest_flush(ingest);
        code = flush_code == DS_OK ? code : flush_code;
    }
    print_summary(ingest);
    if (code != DS_OK && code != DS_ABORTED) {
        return ds_exit_code_of(code);
    }
    return ingest->counts.rejected > 0 ? DS_EXIT_ERROR : DS_EXIT_OK;
}
