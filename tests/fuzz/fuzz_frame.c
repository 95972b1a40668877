/* A message of frames, and the header of each frame through an arena, as both ends of a call read
 * it: a RequestHeader, or a ResponseHeader where the frame is a response. */
#include "ds/frame.h"
#include "fuzz/fuzz.h"
#include "schema.gen.h"

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
        fuzz_check_unpacked(frame.type == DS_FRAME_RESPONSE ? &ds_message_rpc_response_header
                                                            : &ds_message_rpc_request_header,
                            frame.header);
        consumed += before.size - message.size;
        fuzz_require(message.data == data + consumed && message.size == size - consumed,
                     "a frame is taken off the front");
    }
    return 0;
}
