#include "clients/cli/row_shift.h"

#include "deltastream/storage/v1/rows.pb-c.h"
#include "ds/arena.h"
#include "ds/time.h"

/* A row of 1 MiB may hold many small quotes. */
#define SHIFT_ARENA_BYTES_MAX (64 * 1024 * 1024)
#define MICROSECOND_NANOS 1000
#define SECOND_NANOS 1000000000

static ds_code shift_time(Google__Protobuf__Timestamp *time, int64_t shift_us)
{
    if (time == NULL) {
        return DS_OK;
    }
    time->seconds += shift_us / DS_MICROSECONDS;
    int64_t nanos = time->nanos + shift_us % DS_MICROSECONDS * MICROSECOND_NANOS;
    if (nanos < 0) {
        nanos += SECOND_NANOS;
        time->seconds--;
    } else if (nanos >= SECOND_NANOS) {
        nanos -= SECOND_NANOS;
        time->seconds++;
    }
    time->nanos = (int32_t)nanos;
    const bool is_in_range =
        time->seconds >= DS_TIME_SECONDS_MIN && time->seconds <= DS_TIME_SECONDS_MAX;
    return is_in_range ? DS_OK : DS_OUT_OF_RANGE;
}

static ds_code shift_tick(Storage__Tick *tick, int64_t shift_us)
{
    tick->processed_at = NULL;
    return shift_time(tick->timestamp, shift_us);
}

static ds_code shift_quote(Storage__Quote *quote, int64_t shift_us)
{
    quote->processed_at = NULL;
    return shift_time(quote->timestamp, shift_us);
}

static ds_code shift_chain(Storage__OptionChain *chain, int64_t shift_us)
{
    chain->processed_at = NULL;
    for (size_t i = 0; i < chain->n_calls; i++) {
        DS_TRY(shift_quote(chain->calls[i], shift_us));
    }
    for (size_t i = 0; i < chain->n_puts; i++) {
        DS_TRY(shift_quote(chain->puts[i], shift_us));
    }
    return shift_time(chain->timestamp, shift_us);
}

static ds_code shift_message(enum row_kind kind, ProtobufCMessage *message, int64_t shift_us)
{
    switch (kind) {
    case ROW_KIND_TICKS:
        return shift_tick((Storage__Tick *)message, shift_us);
    case ROW_KIND_QUOTES:
        return shift_quote((Storage__Quote *)message, shift_us);
    default:
        return shift_chain((Storage__OptionChain *)message, shift_us);
    }
}

static const ProtobufCMessageDescriptor *descriptor_of(enum row_kind kind)
{
    switch (kind) {
    case ROW_KIND_TICKS:
        return &storage__tick__descriptor;
    case ROW_KIND_QUOTES:
        return &storage__quote__descriptor;
    default:
        return &storage__option_chain__descriptor;
    }
}

ds_code row_shift(enum row_kind kind, struct ds_bytes row, int64_t shift_us,
                  struct ds_buffer *target)
{
    struct ds_arena *arena = ds_arena_create(SHIFT_ARENA_BYTES_MAX);
    ProtobufCMessage *message = protobuf_c_message_unpack(
        descriptor_of(kind), ds_arena_allocator(arena), row.size, row.data);
    ds_code code = DS_RESOURCE_EXHAUSTED;
    if (message != NULL) {
        code = shift_message(kind, message, shift_us);
    }
    if (code == DS_OK) {
        const size_t bytes = protobuf_c_message_get_packed_size(message);
        uint8_t *room = ds_buffer_reserve(target, bytes);
        if (room != NULL) {
            protobuf_c_message_pack(message, room);
            ds_buffer_commit(target, bytes);
        }
        code = room == NULL ? DS_RESOURCE_EXHAUSTED : DS_OK;
    }
    ds_arena_destroy(arena);
    return code;
}
