/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/event_frame.h"
#include "ds/event_pump.h"

#include <stdio.h>
#include <stdlib.h>

#define TICKS 0
#define QUOTES 1
#define EPOCH 7
#define LARGE_BYTES (DS_EVENT_MESSAGE_BYTES_MAX / 3)

static int64_t fixed_us(const struct ds_clock *clock)
{
    (void)clock;
    return 1234;
}

static const struct ds_clock fixed_clock = {.wall_us = fixed_us, .monotonic_us = fixed_us};

struct scene {
    struct ds_event_journal *journal;
    struct ds_event_pump *pump;
    bool has_subscribers;
    char sent[4096]; /* what subscribers got: "ticks/A[1=a 2=b] ticks/[newest 2] " */
    size_t largest_bytes;
    uint64_t event_count;
    uint64_t newest_event[2];
};

static void add(struct scene *scene, const char *format, ...)
{
    const size_t used = strlen(scene->sent);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scene->sent + used, sizeof scene->sent - used, format, arguments);
    va_end(arguments);
}

static void note_frame(struct scene *scene, const struct ds_event_frame *frame)
{
    const struct ds_event_header *header = &frame->header;
    assert_int_equal(header->epoch, EPOCH);
    if (header->is_heartbeat) {
        assert_int_equal(frame->payload.size, 0);
        add(scene, "newest %u at %u", (unsigned int)header->newest_sequence,
            (unsigned int)header->published_at_us);
        return;
    }
    assert_int_equal(header->published_at_us, 1234);
    uint64_t *newest = &scene->newest_event[header->topic.data[0] == 't' ? TICKS : QUOTES];
    assert_true(header->sequence > *newest);
    *newest = header->sequence;
    scene->event_count++;
    add(scene, "%u%s%.*s ", (unsigned int)header->sequence, header->is_left_out ? "-" : "=",
        frame->payload.size > 9 ? 0 : (int)frame->payload.size, (const char *)frame->payload.data);
}

static void note_message(void *context, struct ds_bytes message)
{
    struct scene *scene = context;
    struct ds_bytes topic;
    if (message.size > scene->largest_bytes) {
        scene->largest_bytes = message.size;
    }
    assert_int_equal(ds_event_message_open(&message, &topic), DS_OK);
    add(scene, "%.*s[", (int)topic.size, (const char *)topic.data);
    while (message.size > 0) {
        struct ds_event_frame frame;
        assert_int_equal(ds_event_frame_next(&message, topic, &frame), DS_OK);
        note_frame(scene, &frame);
    }
    add(scene, "] ");
}

static bool told_subscribers(void *context)
{
    return ((struct scene *)context)->has_subscribers;
}

static void publish_bytes(struct scene *scene, const char *topic, struct ds_bytes body)
{
    const struct ds_event event = {.topic = ds_bytes_of_text(topic), .body = body};
    const struct ds_event_sink sink = ds_event_journal_sink(scene->journal);
    sink.publish(sink.context, &event, 1);
}

static void publish(struct scene *scene, const char *topic, const char *body)
{
    publish_bytes(scene, topic, ds_bytes_of_text(body));
}

static int scene_open(void **state)
{
    static const char *const kinds[] = {"ticks", "quotes"};
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->has_subscribers = true;
    scene->journal = ds_event_journal_create(&(struct ds_event_journal_options){
        .kinds = kinds,
        .kind_count = 2,
        .epoch = EPOCH,
        .bytes_max = 1024 * 1024,
        .clock = &fixed_clock,
    });
    publish(scene, "ticks/old", "past");
    scene->pump = ds_event_pump_create(&(struct ds_event_pump_options){
        .journal = scene->journal,
        .send = note_message,
        .has_subscribers = told_subscribers,
        .context = scene,
    });
    /* The first heartbeats. */
    ds_event_pump_turn(scene->pump, 0, 50);
    assert_string_equal(scene->sent, "ticks/[newest 1 at 50] quotes/[newest 0 at 50] ");
    scene->sent[0] = '\0';
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    ds_event_pump_destroy(scene->pump);
    ds_event_pump_destroy(NULL);
    ds_event_journal_destroy(scene->journal);
    free(scene);
    return 0;
}

static void events_go_out_in_order_and_runs_of_a_topic_share_a_message(void **state)
{
    struct scene *scene = *state;
    publish(scene, "ticks/A", "a");
    publish(scene, "ticks/A", "b");
    publish(scene, "ticks/B", "c");
    publish(scene, "quotes/A", "");
    publish(scene, "ticks/A", "d");
    ds_event_pump_turn(scene->pump, 1, 60);
    assert_string_equal(scene->sent, "ticks/A[2=a 3=b ] ticks/B[4=c ] ticks/A[5=d ] "
                                     "quotes/A[1= ] ");
    scene->sent[0] = '\0';
    ds_event_pump_turn(scene->pump, 2, 60);
    assert_string_equal(scene->sent, "");
    const struct ds_event_pump_totals totals = ds_event_pump_totals(scene->pump);
    assert_int_equal(totals.message_count, 4);
    assert_int_equal(totals.event_count, 5);
    assert_int_equal(totals.left_out_count, 0);
}

static void a_topic_that_begins_like_another_has_messages_of_its_own(void **state)
{
    struct scene *scene = *state;
    publish(scene, "ticks/NIFTY", "a");
    publish(scene, "ticks/NIFTYBEES", "b");
    publish(scene, "ticks/NIFTY", "c");
    ds_event_pump_turn(scene->pump, 1, 60);
    assert_string_equal(scene->sent, "ticks/NIFTY[2=a ] ticks/NIFTYBEES[3=b ] ticks/NIFTY[4=c ] ");
}

static void each_kind_has_a_heartbeat_every_quarter_of_a_second(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ds_event_pump_turn(scene->pump, 100, 60), DS_EVENT_HEARTBEAT_US);
    assert_int_equal(ds_event_pump_turn(scene->pump, DS_EVENT_HEARTBEAT_US - 1, 60),
                     DS_EVENT_HEARTBEAT_US);
    assert_string_equal(scene->sent, "");
    publish(scene, "quotes/Q", "q");
    assert_int_equal(ds_event_pump_turn(scene->pump, DS_EVENT_HEARTBEAT_US, 70),
                     2 * DS_EVENT_HEARTBEAT_US);
    assert_string_equal(scene->sent, "ticks/[newest 1 at 70] quotes/Q[1=q ] "
                                     "quotes/[newest 1 at 70] ");
}

static void more_than_a_burst_is_left_out_and_told_at_once(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < DS_EVENT_BURST_MAX + 1; i++) {
        publish(scene, "ticks/A", "a");
    }
    publish(scene, "quotes/Q", "q");
    ds_event_pump_turn(scene->pump, 1, 60);
    assert_string_equal(scene->sent, "ticks/[newest 1026 at 60] quotes/Q[1=q ] ");
    assert_int_equal(ds_event_pump_totals(scene->pump).left_out_count, DS_EVENT_BURST_MAX + 1);
    scene->sent[0] = '\0';
    publish(scene, "ticks/A", "b");
    ds_event_pump_turn(scene->pump, 2, 60);
    assert_string_equal(scene->sent, "ticks/A[1027=b ] ");
}

static void a_whole_burst_is_sent(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < DS_EVENT_BURST_MAX; i++) {
        publish(scene, i % 2 == 0 ? "ticks/A" : "ticks/B", "a");
    }
    ds_event_pump_turn(scene->pump, 1, 60);
    assert_int_equal(scene->event_count, DS_EVENT_BURST_MAX);
    assert_int_equal(scene->newest_event[TICKS], DS_EVENT_BURST_MAX + 1);
    assert_int_equal(ds_event_pump_totals(scene->pump).message_count, DS_EVENT_BURST_MAX);
}

static void messages_have_their_largest_size_and_a_larger_row_is_left_out(void **state)
{
    struct scene *scene = *state;
    uint8_t *large = calloc(1, DS_EVENT_MESSAGE_BYTES_MAX);
    assert_non_null(large);
    for (int i = 0; i < 4; i++) {
        publish_bytes(scene, "ticks/A", ds_bytes_of(large, LARGE_BYTES - 100));
    }
    publish_bytes(scene, "ticks/A", ds_bytes_of(large, DS_EVENT_MESSAGE_BYTES_MAX));
    publish(scene, "ticks/A", "small");
    free(large);
    ds_event_pump_turn(scene->pump, 1, 60);
    assert_string_equal(scene->sent, "ticks/A[2= 3= 4= ] ticks/A[5= 6- 7=small ] ");
    assert_true(scene->largest_bytes <= DS_EVENT_MESSAGE_BYTES_MAX);
    assert_int_equal(ds_event_pump_totals(scene->pump).left_out_count, 1);
}

static void nothing_but_heartbeats_is_sent_where_nobody_listens(void **state)
{
    struct scene *scene = *state;
    scene->has_subscribers = false;
    publish(scene, "ticks/A", "a");
    ds_event_pump_turn(scene->pump, DS_EVENT_HEARTBEAT_US, 60);
    assert_string_equal(scene->sent, "ticks/[newest 2 at 60] quotes/[newest 0 at 60] ");
    scene->sent[0] = '\0';
    scene->has_subscribers = true;
    publish(scene, "ticks/A", "b");
    ds_event_pump_turn(scene->pump, DS_EVENT_HEARTBEAT_US + 1, 60);
    assert_string_equal(scene->sent, "ticks/A[3=b ] ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_go_out_in_order_and_runs_of_a_topic_share_a_message,
                                        scene_open, scene_close),
        cmocka_unit_test_setup_teardown(a_topic_that_begins_like_another_has_messages_of_its_own,
                                        scene_open, scene_close),
        cmocka_unit_test_setup_teardown(each_kind_has_a_heartbeat_every_quarter_of_a_second,
                                        scene_open, scene_close),
        cmocka_unit_test_setup_teardown(more_than_a_burst_is_left_out_and_told_at_once, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(a_whole_burst_is_sent, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(
            messages_have_their_largest_size_and_a_larger_row_is_left_out, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(nothing_but_heartbeats_is_sent_where_nobody_listens,
                                        scene_open, scene_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
