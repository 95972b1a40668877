/* A message of frames, and the header of each frame through an arena, as both ends of a call read
 * it: a RequestHeader, or a ResponseHeader where the frame is a response. */
#include "ds/arena.h"
#include "ds/frame.h"
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"
#include "schema.gen.h"

#define UNPACK_BUDGET_BYTES (1024 * 1024)

static ProtobufCMessage *unpack(const struct ds_message *message, struct ds_arena *arena,
                                struct ds_bytes wire)
{
    return protobuf_c_message_unpack(message->descriptor, ds_arena_allocator(arena), wire.size,
                                     wire.data);
}

static struct ds_bytes pack(const ProtobufCMessage *unpacked, struct ds_arena *arena)
{
    const size_t size = protobuf_c_message_get_packed_size(unpacked);
    uint8_t *bytes = ds_arena_alloc(arena, size);
    fuzz_require(bytes != NULL, "there is room for the packed header");
    fuzz_require(protobuf_c_message_pack(unpacked, bytes) == size,
                 "a header has as many bytes as it says");
    return ds_bytes_of(bytes, size);
}

static void check_header(const struct ds_message *message, struct ds_bytes header)
{
    struct ds_wire_error error;
    if (ds_wire_check(message, header, &error) != DS_OK) {
        fuzz_require(error.message[0] != '\0', "a failure says what is wrong");
        return;
    }
    fuzz_check_json_of(message, header);
    struct ds_arena *arena = ds_arena_create(UNPACK_BUDGET_BYTES);
    struct ds_arena *rest = ds_arena_create(SIZE_MAX);
    const ProtobufCMessage *unpacked = unpack(message, arena, header);
    fuzz_require(ds_arena_used_bytes(arena) <= UNPACK_BUDGET_BYTES, "the budget is kept");
    if (unpacked != NULL) {
        const struct ds_bytes packed = pack(unpacked, rest);
        fuzz_require(ds_wire_check(message, packed, &error) == DS_OK,
                     "what protobuf-c packs passes the check");
        const ProtobufCMessage *again = unpack(message, rest, packed);
        fuzz_require(again != NULL, "what protobuf-c packs it unpacks");
        fuzz_require(ds_bytes_equal(packed, pack(again, rest)),
                     "a header that goes round stays the same");
    }
    ds_arena_destroy(rest);
    ds_arena_destroy(arena);
}

/* `before` is what was left of the message in front of the frame. */
static void check_frame(struct ds_bytes before, const struct ds_frame *frame)
{
    const size_t size = DS_FRAME_PREFACE_BYTES + frame->header.size + frame->payload.size;
    fuzz_require(frame->header.size <= DS_FRAME_HEADER_BYTES_MAX &&
                     frame->payload.size <= DS_FRAME_PAYLOAD_BYTES_MAX,
                 "header and payload are within their limits");
    fuzz_require(frame->header.data == before.data + DS_FRAME_PREFACE_BYTES &&
                     frame->payload.data == frame->header.data + frame->header.size,
                 "header and payload lie end to end");

    uint8_t preface[DS_FRAME_PREFACE_BYTES];
    ds_frame_write_preface(preface, (enum ds_frame_type)frame->type, frame->flags,
                           frame->header.size, frame->payload.size);
    preface[6] = before.data[6];
    preface[7] = before.data[7];
    fuzz_require(memcmp(preface, before.data, sizeof preface) == 0,
                 "the preface is written as it was read");

    struct ds_bytes cut_off = ds_bytes_of(before.data, size - 1);
    struct ds_frame untouched = {.type = 77};
    fuzz_require(ds_frame_next(&cut_off, &untouched) == DS_INVALID_ARGUMENT,
                 "a frame without its last byte is none");
    fuzz_require(untouched.type == 77 && cut_off.size == size - 1,
                 "a failure leaves frame and message as they were");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    struct ds_bytes message = ds_bytes_of(data, size);
    size_t consumed = 0;
    while (message.size > 0) {
        struct ds_frame frame;
        const struct ds_bytes before = message;
        const ds_code code = ds_frame_next(&message, &frame);
        if (code != DS_OK) {
            fuzz_require(code == DS_INVALID_ARGUMENT || code == DS_UNIMPLEMENTED,
                         "bytes that are no frame are refused");
            fuzz_require(message.data == before.data && message.size == before.size,
                         "a failure takes nothing");
            break;
        }
        check_frame(before, &frame);
        check_header(frame.type == DS_FRAME_RESPONSE ? &ds_message_rpc_response_header
                                                     : &ds_message_rpc_request_header,
                     frame.header);
        consumed += before.size - message.size;
        fuzz_require(message.data == data + consumed && message.size == size - consumed,
                     "a frame is taken off the front");
    }
    return 0;
}
