/* What a subscriber reads: behind an 'l' a ListEventsResponse, behind any other byte messages of an
 * event socket, each with its length in two bytes before it, whose holes are filled by nothing. */
#include "ds/event_follower.h"
#include "ds/event_list.h"
#include "ds/wire_check.h"
#include "fuzz/fuzz.h"
#include "schema.gen.h"

#define HEADER_BYTES_MAX 1024

static void check_header(const struct ds_event_header *header)
{
    struct ds_buffer bytes;
    struct ds_event_header again;
    struct ds_wire_error error;
    ds_buffer_init(&bytes, HEADER_BYTES_MAX);
    ds_event_header_write(&bytes, header);
    fuzz_require(bytes.size == ds_event_header_size(header), "a header has the size that it says");
    fuzz_require(ds_wire_check(&ds_message_rpc_event_header, ds_buffer_bytes(&bytes), &error) ==
                     DS_OK,
                 "what is written passes the check");
    fuzz_require(ds_event_header_read(ds_buffer_bytes(&bytes), &again), "it is read again");
    fuzz_require(ds_bytes_equal(header->topic, again.topic) && header->epoch == again.epoch &&
                     header->sequence == again.sequence &&
                     header->published_at_us == again.published_at_us &&
                     header->is_heartbeat == again.is_heartbeat &&
                     header->newest_sequence == again.newest_sequence &&
                     header->is_left_out == again.is_left_out,
                 "a header that goes round stays the same");
    ds_buffer_deinit(&bytes);
}

static void check_list(struct ds_bytes response)
{
    struct ds_event_list list = {.epoch = 77};
    if (!ds_event_list_read(response, &list)) {
        fuzz_require(list.epoch == 77, "a failure leaves the list as it was");
        return;
    }
    struct ds_wire_reader reader = ds_wire_reader_of(response);
    struct ds_event_frame event;
    fuzz_require(list.epoch != 0, "a response has an epoch");
    while (ds_event_list_next(&reader, &event)) {
        fuzz_require(!event.header.is_heartbeat, "no heartbeat is listed");
        check_header(&event.header);
    }
    fuzz_require(ds_wire_at_end(&reader), "what has been read is read to its end");
}

/* What a subscriber has been told last. */
struct told {
    uint64_t epoch;
    uint64_t newest;
};

static void take_notice(void *context, const struct ds_event_notice *notice)
{
    struct told *told = context;
    if (notice->type == DS_EVENT_STARTED || notice->is_new_epoch) {
        fuzz_require(notice->epoch != told->epoch, "an epoch begins once");
        told->epoch = notice->epoch;
        told->newest = notice->type == DS_EVENT_STARTED ? notice->sequence : notice->to;
        return;
    }
    fuzz_require(notice->epoch == told->epoch, "events are of the epoch");
    if (notice->type == DS_EVENT_GAP) {
        fuzz_require(notice->from == told->newest + 1 && notice->to >= notice->from,
                     "a gap follows what has been told");
        told->newest = notice->to;
        return;
    }
    fuzz_require(notice->sequence == told->newest + 1, "events come one by one, without holes");
    told->newest = notice->sequence;
}

static ds_code list_nothing(void *context, const struct ds_event_list_query *query,
                            struct ds_bytes *ret_response)
{
    (void)context;
    (void)query;
    (void)ret_response;
    return DS_OUT_OF_RANGE;
}

static void check_message(struct ds_event_follower *follower, struct ds_bytes message)
{
    struct ds_bytes topic;
    struct ds_bytes rest = message;
    (void)ds_event_follower_message(follower, message);
    if (ds_event_message_open(&rest, &topic) != DS_OK) {
        fuzz_require(rest.data == message.data && rest.size == message.size,
                     "a failure takes nothing");
        return;
    }
    struct ds_event_frame frame;
    while (rest.size > 0 && ds_event_frame_next(&rest, topic, &frame) == DS_OK) {
        fuzz_require(ds_bytes_equal(frame.header.topic, topic), "frames are of the topic");
        fuzz_require((frame.header.sequence == 0) == frame.header.is_heartbeat,
                     "events have numbers, heartbeats have none");
        check_header(&frame.header);
    }
}

static void check_messages(struct ds_bytes bytes)
{
    struct told told = {.epoch = 0};
    const struct ds_event_interest interest = {.kind = "ticks"};
    struct ds_event_follower *follower =
        ds_event_follower_create(&(struct ds_event_follower_options){
            .interests = &interest,
            .interest_count = 1,
            .notice = take_notice,
            .notice_context = &told,
            .list = list_nothing,
        });
    while (bytes.size >= 2) {
        const size_t size = (size_t)bytes.data[0] << 8 | bytes.data[1];
        const size_t rest = bytes.size - 2;
        const struct ds_bytes message = ds_bytes_of(bytes.data + 2, size < rest ? size : rest);
        check_message(follower, message);
        bytes = ds_bytes_of(message.data + message.size, rest - message.size);
    }
    ds_event_follower_destroy(follower);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    if (data[0] == 'l') {
        check_list(ds_bytes_of(data + 1, size - 1));
    } else {
        check_messages(ds_bytes_of(data + 1, size - 1));
    }
    return 0;
}
