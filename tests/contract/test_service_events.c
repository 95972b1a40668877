/* ListEvents as a subscriber meets it, and that what it gets are the rows as they were written. */
#include "ds/event_list.h"
#include "ds/json.h"
#include "ds/wire_check.h"
#include "service_json.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

/* Ten o'clock of a day in 2025. */
#define TEN INT64_C(1737799200000000)
#define EPOCH 77
#define REMEMBERED 1500
#define BYTES_MAX (16 * 1024 * 1024)

#define PROCESSED "'processed_at':'2025-01-25T10:00:00.000001Z'"

struct scene {
    struct ds_event_journal *journal;
    struct service *service;
};

static int64_t fixed_us(const struct ds_clock *clock)
{
    (void)clock;
    return 1234;
}

static const struct ds_clock fixed_clock = {.wall_us = fixed_us, .monotonic_us = fixed_us};

static int scene_open(void **state)
{
    static const char *const kinds[] = {"ticks", "quotes", "chains"};
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->journal = ds_event_journal_create(&(struct ds_event_journal_options){
        .kinds = kinds,
        .kind_count = 3,
        .epoch = EPOCH,
        .event_max = REMEMBERED,
        .bytes_max = BYTES_MAX,
        .clock = &fixed_clock,
    });
    const struct market_store_options options = {.events = ds_event_journal_sink(scene->journal)};
    scene->service = service_create(market_memory_open(&options), "");
    storage_set_events(scene->service->storage, scene->journal);
    *state = scene;
    return 0;
}

static int scene_close(void **state)
{
    struct scene *scene = *state;
    service_destroy(scene->service);
    ds_event_journal_destroy(scene->journal);
    free(scene);
    return 0;
}

/* The event of that place in the newest reply, and how many there are. */
static size_t read_reply(struct scene *scene, size_t place, struct ds_event_frame *ret_event,
                         struct ds_event_list *ret_list)
{
    const struct ds_bytes response = scene->service->call.response;
    struct ds_wire_reader reader = ds_wire_reader_of(response);
    struct ds_event_frame event;
    size_t count = 0;
    assert_true(ds_event_list_read(response, ret_list));
    while (ds_event_list_next(&reader, &event)) {
        if (count++ == place) {
            *ret_event = event;
        }
    }
    return count;
}

static ds_code list_events(struct scene *scene, const Rpc__ListEventsRequest *request)
{
    return service_call(scene->service, "ListEvents", &request->base);
}

static Rpc__ListEventsRequest request_of(const char *kind, uint64_t after)
{
    Rpc__ListEventsRequest request = RPC__LIST_EVENTS_REQUEST__INIT;
    request.kind = (char *)(uintptr_t)kind;
    request.epoch = EPOCH;
    request.after_sequence = after;
    return request;
}

/* Asserts the reply's one event: its topic and its row as JSON. */
static void assert_event(struct scene *scene, const char *kind, const char *message,
                         const char *topic, const char *json)
{
    const Rpc__ListEventsRequest request = request_of(kind, 0);
    struct ds_event_list list;
    struct ds_event_frame event;
    assert_int_equal(list_events(scene, &request), DS_OK);
    assert_int_equal(read_reply(scene, 0, &event, &list), 1);
    assert_int_equal(list.epoch, EPOCH);
    assert_int_equal(list.newest_sequence, 1);
    assert_int_equal(list.through_sequence, 1);
    assert_int_equal(event.header.sequence, 1);
    assert_int_equal(event.header.epoch, EPOCH);
    assert_int_equal(event.header.published_at_us, 1234);
    assert_true(ds_bytes_equal_text(event.header.topic, topic));
    const struct ds_json_style style = {
        .proto_names = true, .defaults = true, .int64_numbers = true};
    struct ds_buffer text;
    struct ds_wire_error error;
    ds_buffer_init(&text, 4096);
    assert_int_equal(ds_wire_check(ds_message_find(message), event.payload, &error), DS_OK);
    assert_int_equal(ds_wire_to_json(ds_message_find(message), event.payload, &style, &text),
                     DS_OK);
    ds_buffer_append_byte(&text, '\0');
    assert_string_equal((const char *)text.data, json);
    ds_buffer_deinit(&text);
}

static void each_kind_publishes_its_rows_whole(void **state)
{
    struct scene *scene = *state;
    tick_set(scene->service, 0, "NIFTY", TEN, 1, 100);
    assert_int_equal(ingest(scene->service, 1), DS_OK);
    quote_set(scene->service, 0, "A", "2025-01-30", TEN, 1);
    assert_int_equal(
        ingest_quotes(scene->service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR), DS_OK);
    chain_set(scene->service, 0, "NIFTY", "2025-01-30", TEN, 21500);
    assert_int_equal(
        ingest_chains(scene->service, 1, STORAGE__CONFLICT_POLICY__CONFLICT_POLICY_ERROR), DS_OK);
    assert_event(scene, "ticks", "deltastream.storage.v1.Tick", "ticks/NIFTY",
                 json_of("{'product':'NIFTY','price':100,'timestamp':'2025-01-25T10:00:00Z',"
                         "'tick_id':1," PROCESSED "}"));
    assert_event(
        scene, "quotes", "deltastream.storage.v1.Quote", "quotes/A",
        json_of("{'symbol':'A','product':'NIFTY','strike':21500,'expiry':'2025-01-30',"
                "'option_type':'CALL','last':1,'timestamp':'2025-01-25T10:00:00Z'," PROCESSED "}"));
    assert_event(scene, "chains", "deltastream.storage.v1.OptionChain", "chains/NIFTY/2025-01-30",
                 json_of("{'product':'NIFTY','expiry':'2025-01-30','spot_price':21500,"
                         "'pcr_oi':0,'pcr_volume':0,'total_call_oi':0,'total_put_oi':0,"
                         "'call_buildup_otm':0,'put_buildup_otm':0,'calls':[],'puts':[],"
                         "'timestamp':'2025-01-25T10:00:00Z'," PROCESSED "}"));
}

static void publish_many(struct scene *scene, const char *topic, size_t count, size_t body_bytes)
{
    const struct ds_event_sink sink = ds_event_journal_sink(scene->journal);
    uint8_t *body = calloc(1, body_bytes + 1);
    assert_non_null(body);
    const struct ds_event event = {.topic = ds_bytes_of_text(topic),
                                   .body = ds_bytes_of(body, body_bytes)};
    for (size_t i = 0; i < count; i++) {
        sink.publish(sink.context, &event, 1);
    }
    free(body);
}

static void assert_page(struct scene *scene, const Rpc__ListEventsRequest *request, size_t count,
                        uint64_t first, uint64_t through)
{
    struct ds_event_list list;
    struct ds_event_frame event;
    assert_int_equal(list_events(scene, request), DS_OK);
    assert_int_equal(read_reply(scene, 0, &event, &list), count);
    assert_int_equal(list.through_sequence, through);
    if (count > 0) {
        assert_int_equal(event.header.sequence, first);
    }
}

static void a_reply_has_a_thousand_events_or_as_many_as_asked_for(void **state)
{
    struct scene *scene = *state;
    publish_many(scene, "ticks/A", 1100, 10);
    Rpc__ListEventsRequest request = request_of("ticks", 0);
    assert_page(scene, &request, 1000, 1, 1000);
    request.after_sequence = 1000;
    assert_page(scene, &request, 100, 1001, 1100);
    request.after_sequence = 1100;
    assert_page(scene, &request, 0, 0, 1100);
    request.after_sequence = 5;
    request.limit = 2;
    assert_page(scene, &request, 2, 6, 7);
    request.epoch = 0;
    assert_page(scene, &request, 2, 6, 7);
    request.limit = 1001;
    assert_int_equal(list_events(scene, &request), DS_INVALID_ARGUMENT);
    assert_failure(scene->service, "limit", NULL);
}

static void a_reply_has_a_mebibyte_but_one_event_at_least(void **state)
{
    struct scene *scene = *state;
    publish_many(scene, "ticks/A", 10, 300 * 1024);
    publish_many(scene, "ticks/A", 1, 2 * 1024 * 1024);
    Rpc__ListEventsRequest request = request_of("ticks", 0);
    assert_page(scene, &request, 3, 1, 3);
    request.after_sequence = 9;
    assert_page(scene, &request, 1, 10, 10);
    request.after_sequence = 10;
    assert_page(scene, &request, 1, 11, 11);
}

static void only_topics_with_the_prefix_come_and_the_rest_is_passed_over(void **state)
{
    struct scene *scene = *state;
    publish_many(scene, "ticks/A", 3, 1);
    publish_many(scene, "ticks/B", 2, 1);
    publish_many(scene, "ticks/A", 4, 1);
    Rpc__ListEventsRequest request = request_of("ticks", 0);
    request.topic_prefix = (char *)(uintptr_t) "ticks/B";
    assert_page(scene, &request, 2, 4, 9);
    request.topic_prefix = (char *)(uintptr_t) "ticks/C";
    assert_page(scene, &request, 0, 0, 9);
}

static void what_is_forgotten_or_of_another_epoch_is_out_of_range(void **state)
{
    struct scene *scene = *state;
    publish_many(scene, "ticks/A", REMEMBERED + 10, 1);
    Rpc__ListEventsRequest request = request_of("ticks", 9);
    assert_int_equal(list_events(scene, &request), DS_OUT_OF_RANGE);
    assert_failure(scene->service, NULL, "EVENTS_FORGOTTEN");
    request.after_sequence = 10;
    assert_page(scene, &request, 1000, 11, 1010);
    request.epoch = EPOCH + 1;
    assert_int_equal(list_events(scene, &request), DS_OUT_OF_RANGE);
    assert_failure(scene->service, NULL, "EVENTS_FORGOTTEN");
    request = request_of("ticks", REMEMBERED + 11);
    assert_int_equal(list_events(scene, &request), DS_OUT_OF_RANGE);
    assert_failure(scene->service, NULL, "EVENTS_FORGOTTEN");
}

static void the_numbers_alone_come_whatever_the_caller_has(void **state)
{
    struct scene *scene = *state;
    struct ds_event_list list;
    struct ds_event_frame event;
    publish_many(scene, "ticks/A", REMEMBERED + 1, 1);
    Rpc__ListEventsRequest request = request_of("ticks", UINT64_MAX);
    request.epoch = EPOCH + 1;
    request.numbers_only = true;
    assert_int_equal(list_events(scene, &request), DS_OK);
    assert_int_equal(read_reply(scene, 0, &event, &list), 0);
    assert_int_equal(list.epoch, EPOCH);
    assert_int_equal(list.newest_sequence, REMEMBERED + 1);
    assert_int_equal(list.through_sequence, REMEMBERED + 1);
}

static void an_unknown_kind_is_refused(void **state)
{
    struct scene *scene = *state;
    const Rpc__ListEventsRequest request = request_of("tick", 0);
    assert_int_equal(list_events(scene, &request), DS_INVALID_ARGUMENT);
    assert_failure(scene->service, "kind", NULL);
}

static void a_service_without_events_says_so(void **state)
{
    struct scene *scene = *state;
    storage_set_events(scene->service->storage, NULL);
    const Rpc__ListEventsRequest request = request_of("ticks", 0);
    assert_int_equal(list_events(scene, &request), DS_UNIMPLEMENTED);
    assert_failure(scene->service, NULL, "NOT_IMPLEMENTED");
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(each_kind_publishes_its_rows_whole),
        SCENE_TEST(a_reply_has_a_thousand_events_or_as_many_as_asked_for),
        SCENE_TEST(a_reply_has_a_mebibyte_but_one_event_at_least),
        SCENE_TEST(only_topics_with_the_prefix_come_and_the_rest_is_passed_over),
        SCENE_TEST(what_is_forgotten_or_of_another_epoch_is_out_of_range),
        SCENE_TEST(the_numbers_alone_come_whatever_the_caller_has),
        SCENE_TEST(an_unknown_kind_is_refused),
        SCENE_TEST(a_service_without_events_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
