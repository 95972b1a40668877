/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/event_follower.h"
#include "ds/event_list.h"

#include <stdio.h>
#include <stdlib.h>

#define EPOCH 7
#define MESSAGE_BYTES_MAX 4096

/* A service that remembers events `oldest` to `newest` of ticks, whose bodies are their numbers,
 * and a subscriber that writes down what it is told. */
struct scene {
    struct ds_event_follower *follower;
    uint64_t epoch;
    uint64_t oldest;
    uint64_t newest;
    size_t events_per_list;
    ds_code list_code; /* DS_OK: it answers */
    int list_count;
    struct ds_buffer response;
    char told[2048];
};

static void write_event(struct ds_buffer *target, uint64_t epoch, uint64_t sequence,
                        const char *topic, bool is_left_out, bool in_list)
{
    char body[24];
    snprintf(body, sizeof body, "%llu", (unsigned long long)sequence);
    const struct ds_event_header header = {.topic = ds_bytes_of_text(topic),
                                           .epoch = epoch,
                                           .sequence = sequence,
                                           .published_at_us = 1234,
                                           .is_left_out = is_left_out};
    const struct ds_bytes payload = is_left_out ? ds_bytes_of(NULL, 0) : ds_bytes_of_text(body);
    if (in_list) {
        ds_event_list_write_event(target, &header, payload);
    } else {
        ds_event_frame_write(target, &header, payload);
    }
}

static const char *topic_of(uint64_t sequence)
{
    return sequence % 2 == 0 ? "ticks/EVEN" : "ticks/ODD";
}

static ds_code list(void *context, const struct ds_event_list_query *query,
                    struct ds_bytes *ret_response)
{
    struct scene *scene = context;
    scene->list_count++;
    if (scene->list_code != DS_OK) {
        return scene->list_code;
    }
    if (query->numbers_only) {
        ds_buffer_clear(&scene->response);
        ds_event_list_write_end(&scene->response,
                                &(struct ds_event_list){.epoch = scene->epoch,
                                                        .newest_sequence = scene->newest,
                                                        .through_sequence = scene->newest});
        *ret_response = ds_buffer_bytes(&scene->response);
        return DS_OK;
    }
    if (query->epoch != scene->epoch || query->after_sequence + 1 < scene->oldest) {
        return DS_OUT_OF_RANGE;
    }
    assert_string_equal(query->kind, "ticks");
    ds_buffer_clear(&scene->response);
    uint64_t through = query->after_sequence;
    for (size_t i = 0; i < scene->events_per_list && through < scene->newest; i++) {
        through++;
        if (strncmp(topic_of(through), query->topic_prefix, strlen(query->topic_prefix)) == 0) {
            write_event(&scene->response, scene->epoch, through, topic_of(through), false, true);
        }
    }
    ds_event_list_write_end(&scene->response,
                            &(struct ds_event_list){.epoch = scene->epoch,
                                                    .newest_sequence = scene->newest,
                                                    .through_sequence = through});
    *ret_response = ds_buffer_bytes(&scene->response);
    return DS_OK;
}

static void write_down(void *context, const struct ds_event_notice *notice)
{
    struct scene *scene = context;
    const size_t used = strlen(scene->told);
    char *end = scene->told + used;
    const size_t room = sizeof scene->told - used;
    assert_string_equal(notice->kind, "ticks");
    if (notice->type == DS_EVENT_STARTED) {
        snprintf(end, room, "start %u:%u ", (unsigned int)notice->epoch,
                 (unsigned int)notice->sequence);
    } else if (notice->type == DS_EVENT_GAP) {
        snprintf(end, room, "%s %u:%u-%u ", notice->is_new_epoch ? "anew" : "gap",
                 (unsigned int)notice->epoch, (unsigned int)notice->from, (unsigned int)notice->to);
    } else {
        assert_int_equal(notice->event->sequence, notice->sequence);
        assert_int_equal(notice->event->published_at_us, 1234);
        snprintf(end, room, "%.*s ", (int)notice->event->body.size,
                 (const char *)notice->event->body.data);
    }
}

static void follow(struct scene *scene, const struct ds_event_interest *interest)
{
    ds_event_follower_destroy(scene->follower);
    scene->follower = ds_event_follower_create(&(struct ds_event_follower_options){
        .interests = interest,
        .interest_count = 1,
        .notice = write_down,
        .notice_context = scene,
        .list = list,
        .list_context = scene,
    });
}

static int scene_open(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->epoch = EPOCH;
    scene->oldest = 1;
    scene->events_per_list = 3;
    ds_buffer_init(&scene->response, MESSAGE_BYTES_MAX);
    follow(scene, &(struct ds_event_interest){.kind = "ticks"});
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    ds_event_follower_destroy(scene->follower);
    ds_event_follower_destroy(NULL);
    ds_buffer_deinit(&scene->response);
    free(scene);
    return 0;
}

static void send_message(struct scene *scene, const struct ds_buffer *message)
{
    assert_true(ds_event_follower_message(scene->follower, ds_buffer_bytes(message)));
}

/* The service publishes that event, and the subscriber gets it. */
static void send_event(struct scene *scene, uint64_t sequence, bool is_left_out)
{
    struct ds_buffer message;
    ds_buffer_init(&message, MESSAGE_BYTES_MAX);
    ds_event_message_begin(&message, ds_bytes_of_text(topic_of(sequence)));
    write_event(&message, scene->epoch, sequence, topic_of(sequence), is_left_out, false);
    if (sequence > scene->newest) {
        scene->newest = sequence;
    }
    send_message(scene, &message);
    ds_buffer_deinit(&message);
}

static void send_heartbeat(struct scene *scene, uint64_t newest)
{
    struct ds_buffer message;
    const struct ds_event_header header = {.topic = ds_bytes_of_text("ticks/"),
                                           .epoch = scene->epoch,
                                           .is_heartbeat = true,
                                           .newest_sequence = newest};
    ds_buffer_init(&message, MESSAGE_BYTES_MAX);
    ds_event_message_begin(&message, header.topic);
    ds_event_frame_write(&message, &header, ds_bytes_of(NULL, 0));
    scene->newest = newest;
    send_message(scene, &message);
    ds_buffer_deinit(&message);
}

static void assert_told(struct scene *scene, const char *expected)
{
    assert_string_equal(scene->told, expected);
    scene->told[0] = '\0';
}

static void events_are_told_from_the_first_message_on(void **state)
{
    struct scene *scene = *state;
    send_heartbeat(scene, 10);
    send_event(scene, 11, false);
    send_event(scene, 12, false);
    assert_told(scene, "start 7:10 11 12 ");
    assert_int_equal(scene->list_count, 0);
}

static void an_event_as_first_message_is_told_too(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 5, false);
    assert_told(scene, "start 7:4 5 ");
}

static void an_event_that_comes_twice_is_told_once(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    send_event(scene, 2, false);
    send_event(scene, 1, false);
    send_event(scene, 2, false);
    assert_told(scene, "start 7:0 1 2 ");
}

static void a_hole_is_filled_page_by_page_before_what_follows_it(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    send_event(scene, 9, false);
    assert_told(scene, "start 7:0 1 2 3 4 5 6 7 8 9 ");
    assert_int_equal(scene->list_count, 3);
    send_event(scene, 10, false);
    assert_told(scene, "10 ");
}

static void a_heartbeat_shows_that_the_last_events_were_lost(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    send_heartbeat(scene, 3);
    send_heartbeat(scene, 3);
    assert_told(scene, "start 7:0 1 2 3 ");
    assert_int_equal(scene->list_count, 1);
}

static void a_row_that_was_left_out_is_asked_for(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    send_event(scene, 2, true);
    send_event(scene, 3, false);
    assert_told(scene, "start 7:0 1 2 3 ");
}

static void forgotten_events_are_a_gap_and_it_goes_on(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    scene->oldest = 5;
    send_event(scene, 9, false);
    send_event(scene, 10, false);
    assert_told(scene, "start 7:0 1 gap 7:2-8 9 10 ");
}

static void a_row_that_was_left_out_and_forgotten_is_a_gap(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    scene->oldest = 3;
    send_event(scene, 2, true);
    send_event(scene, 3, false);
    assert_told(scene, "start 7:0 1 gap 7:2-2 3 ");
}

static void a_new_epoch_is_a_gap(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 5, false);
    scene->epoch = 8;
    scene->newest = 0;
    send_heartbeat(scene, 0);
    send_event(scene, 1, false);
    assert_told(scene, "start 7:4 5 anew 8:1-0 1 ");
    scene->epoch = 9;
    send_event(scene, 4, false);
    assert_told(scene, "anew 9:1-3 4 ");
}

static void a_subscriber_that_comes_back_is_told_what_it_missed(void **state)
{
    struct scene *scene = *state;
    scene->newest = 6;
    follow(scene, &(struct ds_event_interest){.kind = "ticks", .epoch = EPOCH, .sequence = 4});
    send_heartbeat(scene, 6);
    assert_told(scene, "5 6 ");
    follow(scene, &(struct ds_event_interest){.kind = "ticks", .epoch = 3, .sequence = 4});
    send_heartbeat(scene, 6);
    assert_told(scene, "anew 7:1-6 ");
}

static void only_events_of_the_wanted_topics_are_told(void **state)
{
    struct scene *scene = *state;
    follow(scene, &(struct ds_event_interest){.kind = "ticks", .topic_prefix = "ticks/EVEN"});
    send_event(scene, 1, false);
    send_event(scene, 2, false);
    send_event(scene, 3, false);
    send_event(scene, 9, false);
    send_event(scene, 10, false);
    assert_told(scene, "start 7:0 2 4 6 8 10 ");
}

static void a_hole_waits_while_the_service_is_out_of_reach(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    scene->list_code = DS_UNAVAILABLE;
    send_event(scene, 3, false);
    send_event(scene, 4, false);
    assert_told(scene, "start 7:0 1 ");
    scene->list_code = DS_OK;
    send_heartbeat(scene, 4);
    assert_told(scene, "2 3 4 ");
}

static void a_hole_that_stays_becomes_a_gap(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    scene->list_code = DS_DEADLINE_EXCEEDED;
    for (int i = 0; i < DS_EVENT_REFILL_TRIES - 1; i++) {
        send_heartbeat(scene, 3);
    }
    assert_told(scene, "start 7:0 1 ");
    send_heartbeat(scene, 3);
    assert_told(scene, "gap 7:2-3 ");
}

static void a_refusal_is_a_gap_at_once(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    scene->list_code = DS_PERMISSION_DENIED;
    send_event(scene, 3, false);
    assert_told(scene, "start 7:0 1 gap 7:2-2 3 ");
    assert_int_equal(scene->list_count, 1);
}

static void a_list_that_brings_nothing_new_is_a_gap(void **state)
{
    struct scene *scene = *state;
    send_event(scene, 1, false);
    scene->events_per_list = 0;
    send_event(scene, 3, false);
    assert_told(scene, "start 7:0 1 gap 7:2-2 3 ");
}

static void calls_tell_what_messages_would(void **state)
{
    struct scene *scene = *state;
    scene->newest = 2;
    assert_true(ds_event_follower_ask(scene->follower));
    assert_told(scene, "start 7:2 ");
    scene->newest = 6;
    assert_true(ds_event_follower_ask(scene->follower));
    assert_told(scene, "3 4 5 6 ");
    send_event(scene, 7, false);
    scene->list_code = DS_UNAVAILABLE;
    assert_false(ds_event_follower_ask(scene->follower));
    scene->list_code = DS_OK;
    scene->oldest = 10;
    scene->newest = 12;
    assert_true(ds_event_follower_ask(scene->follower));
    scene->epoch = 8;
    assert_true(ds_event_follower_ask(scene->follower));
    assert_told(scene, "7 gap 7:8-12 anew 8:1-12 ");
}

static void bytes_that_are_no_message_are_refused(void **state)
{
    struct scene *scene = *state;
    struct ds_buffer message;
    ds_buffer_init(&message, MESSAGE_BYTES_MAX);
    assert_false(ds_event_follower_message(scene->follower, ds_bytes_of(NULL, 0)));
    assert_false(ds_event_follower_message(scene->follower, ds_bytes_of("ticks/A", 7)));
    assert_false(ds_event_follower_message(scene->follower, ds_bytes_of("\0", 1)));
    assert_false(ds_event_follower_message(scene->follower, ds_bytes_of("ticks/A\0DSR", 11)));
    /* A frame of another topic than the message's. */
    ds_event_message_begin(&message, ds_bytes_of_text("ticks/EVEN"));
    write_event(&message, EPOCH, 1, "ticks/ODD", false, false);
    assert_false(ds_event_follower_message(scene->follower, ds_buffer_bytes(&message)));
    /* What comes before a fault is taken. */
    ds_buffer_clear(&message);
    ds_event_message_begin(&message, ds_bytes_of_text("ticks/ODD"));
    write_event(&message, EPOCH, 1, "ticks/ODD", false, false);
    ds_buffer_append_text(&message, "rubbish");
    assert_false(ds_event_follower_message(scene->follower, ds_buffer_bytes(&message)));
    assert_told(scene, "start 7:0 1 ");
    ds_buffer_deinit(&message);
}

static void headers_without_topic_epoch_or_number_are_refused(void **state)
{
    (void)state;
    static const struct ds_event_header bad[] = {
        {.epoch = 1, .sequence = 1},
        {.topic = {(const uint8_t *)"t/", 2}, .sequence = 1},
        {.topic = {(const uint8_t *)"t/", 2}, .epoch = 1},
        {.topic = {(const uint8_t *)"t/", 2}, .epoch = 1, .sequence = 1, .is_heartbeat = true},
        {.topic = {(const uint8_t *)"\xff/", 2}, .epoch = 1, .sequence = 1},
        {.topic = {(const uint8_t *)"t\0", 2}, .epoch = 1, .sequence = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ds_buffer bytes;
        struct ds_event_header header;
        ds_buffer_init(&bytes, MESSAGE_BYTES_MAX);
        ds_event_header_write(&bytes, &bad[i]);
        assert_int_equal(bytes.size, ds_event_header_size(&bad[i]));
        assert_false(ds_event_header_read(ds_buffer_bytes(&bytes), &header));
        ds_buffer_deinit(&bytes);
    }
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(events_are_told_from_the_first_message_on),
        SCENE_TEST(an_event_as_first_message_is_told_too),
        SCENE_TEST(an_event_that_comes_twice_is_told_once),
        SCENE_TEST(a_hole_is_filled_page_by_page_before_what_follows_it),
        SCENE_TEST(a_heartbeat_shows_that_the_last_events_were_lost),
        SCENE_TEST(a_row_that_was_left_out_is_asked_for),
        SCENE_TEST(forgotten_events_are_a_gap_and_it_goes_on),
        SCENE_TEST(a_row_that_was_left_out_and_forgotten_is_a_gap),
        SCENE_TEST(a_new_epoch_is_a_gap),
        SCENE_TEST(a_subscriber_that_comes_back_is_told_what_it_missed),
        SCENE_TEST(only_events_of_the_wanted_topics_are_told),
        SCENE_TEST(a_hole_waits_while_the_service_is_out_of_reach),
        SCENE_TEST(a_hole_that_stays_becomes_a_gap),
        SCENE_TEST(a_refusal_is_a_gap_at_once),
        SCENE_TEST(a_list_that_brings_nothing_new_is_a_gap),
        SCENE_TEST(calls_tell_what_messages_would),
        SCENE_TEST(bytes_that_are_no_message_are_refused),
        cmocka_unit_test(headers_without_topic_epoch_or_number_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
