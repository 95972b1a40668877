/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "support/live_fixture.h"

static void an_event_goes_to_whoever_wants_its_key(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client one = {.scene = NULL};
    struct client two = {.scene = NULL};
    struct client all = {.scene = NULL};
    say_start(scene, 3);
    subscribe(&one, scene, "NIFTY");
    subscribe(&two, scene, "SENSEX,NIFTYBEES,SENSEX");
    subscribe(&all, scene, NULL);
    say(scene, "ticks/NIFTY", 4);
    say(scene, "ticks/NIFTYBEES", 5);
    say(scene, "ticks/BANK", 6);
    say(scene, "ticks/SENSEX", 7);
    turn(scene);
    assert_told(&one, "start 7:3 4=NIFTY ");
    assert_told(&two, "start 7:3 5=NIFTYBEES 7=SENSEX ");
    assert_told(&all, "start 7:3 4=NIFTY 5=NIFTYBEES 6=BANK 7=SENSEX ");
    assert_int_equal(live_key_count(two.subscription), 2);
    leave(&one);
    leave(&two);
    leave(&all);
    scene_close(scene);
}

static void a_chain_is_wanted_by_its_product_or_by_its_expiry_and_comes_once(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client product = {.scene = NULL};
    struct client both = {.scene = NULL};
    struct client other = {.scene = NULL};
    const struct ds_bytes no_row = {.data = NULL, .size = 0};
    assert_true(live_inbox_put_start(&scene->live->inbox, LIVE_CHAINS, EPOCH, 0));
    live_turn(scene->live);
    assert_int_equal(subscribe_to(&product, scene, LIVE_CHAINS, "NIFTY", 0, 0), DS_OK);
    assert_int_equal(subscribe_to(&both, scene, LIVE_CHAINS, "NIFTY,NIFTY/2025-01-30", 0, 0),
                     DS_OK);
    assert_int_equal(subscribe_to(&other, scene, LIVE_CHAINS, "NIFTY/2025-01-31,N", 0, 0), DS_OK);
    say_row(scene, LIVE_CHAINS, "chains/NIFTY/2025-01-30", EPOCH, 1, no_row);
    say_row(scene, LIVE_CHAINS, "chains/NIFTYX/2025-01-30", EPOCH, 2, no_row);
    turn(scene);
    assert_told(&product, "start 7:0 1=NIFTY/2025-01-30 ");
    assert_told(&both, "start 7:0 1=NIFTY/2025-01-30 ");
    assert_told(&other, "start 7:0 ");
    leave(&product);
    leave(&both);
    leave(&other);
    scene_close(scene);
}

static void a_subscription_waits_for_a_source_that_is_yet_to_come(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    uint64_t epoch = 0;
    uint64_t sequence = 0;
    subscribe(&client, scene, NULL);
    assert_told(&client, "");
    say_stale(scene, true);
    assert_told(&client, "stale ");
    assert_false(live_position(client.subscription, &epoch, &sequence));
    say_start(scene, 5);
    say(scene, "ticks/A", 6);
    turn(scene);
    assert_told(&client, "start 7:5 stale 6=A ");
    say_stale(scene, false);
    assert_told(&client, "start 7:6 ");
    leave(&client);
    scene_close(scene);
}

static void a_silent_source_is_told_of_once_and_its_return_too(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    struct client late = {.scene = NULL};
    say_start(scene, 5);
    subscribe(&client, scene, "A");
    say_stale(scene, true);
    say(scene, "ticks/A", 6);
    turn(scene);
    subscribe(&late, scene, "A");
    assert_told(&client, "start 7:5 stale 6=A ");
    assert_told(&late, "start 7:6 stale ");
    say_stale(scene, false);
    say(scene, "ticks/A", 7);
    turn(scene);
    assert_told(&client, "start 7:6 7=A ");
    assert_told(&late, "start 7:6 7=A ");
    leave(&client);
    leave(&late);
    scene_close(scene);
}

static void ready_comes_once_until_all_is_taken_and_never_from_within(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    struct live_notice notice;
    say_start(scene, 0);
    assert_int_equal(subscribe_to(&client, scene, LIVE_TICKS, NULL, 0, 0), DS_OK);
    assert_int_equal(client.ready_count, 0);
    turn(scene);
    assert_int_equal(client.ready_count, 1);
    say(scene, "ticks/A", 1);
    say(scene, "ticks/A", 2);
    turn(scene);
    assert_true(live_take(client.subscription, &notice));
    say(scene, "ticks/A", 3);
    turn(scene);
    assert_int_equal(client.ready_count, 1);
    take_all(&client);
    assert_told(&client, "1=A 2=A 3=A ");
    say(scene, "ticks/A", 4);
    turn(scene);
    assert_int_equal(client.ready_count, 2);
    /* What was taken before it was told of needs no telling. */
    take_all(&client);
    say(scene, "ticks/A", 5);
    scene->is_woken = false;
    live_turn(scene->live);
    assert_int_equal(client.ready_count, 3);
    leave(&client);
    scene_close(scene);
}

static void a_gap_of_the_source_keeps_its_place(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    say_start(scene, 0);
    subscribe(&client, scene, "A");
    say(scene, "ticks/A", 1);
    say_gap(scene, EPOCH, 2, 4);
    say_gap(scene, EPOCH, 5, 6);
    say(scene, "ticks/A", 7);
    turn(scene);
    take_all(&client);
    assert_told(&client, "start 7:0 1=A gap 7:2-6 7=A ");
    leave(&client);
    scene_close(scene);
}

static void what_comes_twice_is_dropped_and_what_is_jumped_over_is_a_gap(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 2);
    subscribe(&client, scene, "A");
    say(scene, "ticks/A", 2);
    say(scene, "ticks/A", 3);
    say(scene, "ticks/A", 3);
    say_gap(scene, EPOCH, 1, 3);
    say(scene, "ticks/A", 6);
    say_gap(scene, EPOCH, 5, 8);
    say_start(scene, 8);
    say_start(scene, 9);
    assert_told(&client, "start 7:2 3=A gap 7:4-5 6=A gap 7:7-8 gap 7:9-9 ");
    leave(&client);
    scene_close(scene);
}

static void a_restart_of_the_service_is_a_gap_for_all(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client one = {.scene = NULL};
    struct client slow = {.is_slow = true};
    say_start(scene, 100);
    subscribe(&one, scene, "A");
    subscribe(&slow, scene, "A");
    say(scene, "ticks/A", 101);
    say_gap(scene, NEXT_EPOCH, 1, 3);
    say_of(scene, NEXT_EPOCH, "ticks/A", 4);
    turn(scene);
    assert_told(&one, "start 7:100 101=A anew 8:1-3 4=A ");
    /* Without a word of it, too. */
    say_of(scene, 9, "ticks/A", 1);
    turn(scene);
    assert_told(&one, "anew 9:1-0 1=A ");
    for (uint64_t sequence = 2; sequence < 20; sequence++) {
        say_of(scene, 9, "ticks/A", sequence);
        turn(scene);
    }
    take_all(&slow);
    assert_true(strncmp(slow.told, "start 7:100 anew 9:1-", 21) == 0);
    leave(&one);
    leave(&slow);
    scene_close(scene);
}

static void unsubscribe_and_subscribe_in_ready(struct client *client)
{
    leave(client);
    leave(client->other);
    client->on_ready = NULL;
    assert_int_equal(subscribe_to(client, client->scene, LIVE_TICKS, "B", 0, 0), DS_OK);
    assert_string_equal(client->told, "");
}

static void a_client_may_leave_with_others_while_it_is_told(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client other = {.scene = NULL};
    struct client third = {.scene = NULL};
    struct client client = {.other = &other};
    say_start(scene, 0);
    subscribe(&client, scene, NULL);
    subscribe(&other, scene, NULL);
    subscribe(&third, scene, NULL);
    client.told[0] = '\0';
    client.on_ready = unsubscribe_and_subscribe_in_ready;
    say(scene, "ticks/B", 1);
    turn(scene);
    assert_told(&client, "start 7:1 ");
    assert_told(&other, "start 7:0 ");
    assert_told(&third, "start 7:0 1=B ");
    leave(&client);
    leave(&third);
    scene_close(scene);
}

static void an_event_is_written_once_for_all_in_each_form(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client clients[3] = {{.is_slow = true}, {.is_slow = true}, {.is_slow = true}};
    struct live_notice notice;
    struct http_piece *first = NULL;
    say_start(scene, 0);
    for (size_t i = 0; i < 3; i++) {
        subscribe(&clients[i], scene, NULL);
        assert_true(live_take(clients[i].subscription, &notice));
    }
    say(scene, "ticks/A", 1);
    turn(scene);
    for (size_t i = 0; i < 3; i++) {
        assert_true(live_take(clients[i].subscription, &notice));
        struct http_piece *piece = live_event_piece(notice.event, LIVE_SSE);
        first = first != NULL ? first : http_piece_ref(piece);
        assert_ptr_equal(piece, first);
    }
    assert_int_equal(scene->render_count, 1);
    assert_ptr_not_equal(live_event_piece(notice.event, LIVE_NDJSON), first);
    assert_int_equal(scene->render_count, 2);
    static const char expected[] = "1 {\"product\":\"\",\"price\":1}";
    assert_int_equal(first->size, sizeof expected - 1);
    assert_memory_equal(first->data, expected, first->size);
    http_piece_unref(first);
    for (size_t i = 0; i < 3; i++) {
        leave(&clients[i]);
    }
    assert_int_equal(atomic_load(&scene->live->counts.bytes), 0);
    scene_close(scene);
}

static void a_row_without_a_json_form_has_no_piece(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    struct live_notice notice;
    say_start(scene, 0);
    subscribe(&client, scene, NULL);
    say_row(scene, LIVE_TICKS, "ticks/A", EPOCH, 1, ds_bytes_of("\xff", 1));
    turn(scene);
    assert_true(live_take(client.subscription, &notice));
    assert_true(live_take(client.subscription, &notice));
    assert_null(live_event_piece(notice.event, LIVE_WEBSOCKET));
    leave(&client);
    scene_close(scene);
}

static void keys_can_be_added_and_removed(void **state)
{
    (void)state;
    const struct ds_bytes keys[] = {ds_bytes_of_text("B"), ds_bytes_of_text("A")};
    const struct ds_bytes empty = ds_bytes_of_text("");
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    struct client all = {.scene = NULL};
    say_start(scene, 0);
    subscribe(&client, scene, "A");
    subscribe(&all, scene, NULL);
    assert_int_equal(live_add_keys(client.subscription, keys, 2), DS_OK);
    assert_int_equal(live_key_count(client.subscription), 2);
    assert_int_equal(live_add_keys(client.subscription, &empty, 1), DS_INVALID_ARGUMENT);
    assert_int_equal(live_add_keys(all.subscription, keys, 2), DS_INVALID_ARGUMENT);
    say(scene, "ticks/A", 1);
    say(scene, "ticks/B", 2);
    turn(scene);
    live_remove_keys(client.subscription, &keys[1], 1);
    live_remove_keys(client.subscription, &keys[1], 1);
    say(scene, "ticks/A", 3);
    say(scene, "ticks/B", 4);
    turn(scene);
    take_all(&client);
    assert_told(&client, "start 7:0 2=B 4=B ");
    live_remove_keys(client.subscription, keys, 2);
    say(scene, "ticks/B", 5);
    turn(scene);
    take_all(&client);
    assert_told(&client, "");
    leave(&client);
    leave(&all);
    scene_close(scene);
}

static void a_position_is_what_a_client_has_been_told(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    struct live_notice notice;
    uint64_t epoch = 0;
    uint64_t sequence = 0;
    say_start(scene, 5);
    subscribe(&client, scene, "A");
    assert_false(live_position(client.subscription, &epoch, &sequence));
    assert_true(live_take(client.subscription, &notice));
    say(scene, "ticks/B", 6);
    say(scene, "ticks/A", 7);
    turn(scene);
    assert_true(live_position(client.subscription, &epoch, &sequence));
    assert_int_equal(epoch, EPOCH);
    assert_int_equal(sequence, 5);
    assert_true(live_take(client.subscription, &notice));
    say(scene, "ticks/B", 8);
    turn(scene);
    assert_true(live_position(client.subscription, &epoch, &sequence));
    assert_int_equal(sequence, 8);
    leave(&client);
    scene_close(scene);
}

static void a_stop_ends_all_behind_what_waits(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    struct client late = {.scene = NULL};
    say_start(scene, 0);
    subscribe(&client, scene, NULL);
    say(scene, "ticks/A", 1);
    turn(scene);
    live_drain(scene->live);
    live_drain(scene->live);
    say(scene, "ticks/A", 2);
    turn(scene);
    take_all(&client);
    take_all(&client);
    assert_told(&client, "start 7:0 1=A stopping ");
    assert_int_equal(subscribe_to(&late, scene, LIVE_TICKS, NULL, 0, 0), DS_UNAVAILABLE);
    assert_true(live_is_closed(scene->live));
    leave(&client);
    scene_close(scene);
}

static void metrics_tell_of_it_all(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    struct ds_buffer text;
    say_start(scene, 0);
    subscribe(&client, scene, NULL);
    say(scene, "ticks/A", 1);
    say_gap(scene, EPOCH, 2, 3);
    say_stale(scene, true);
    ds_buffer_init(&text, SIZE_MAX);
    live_write_metrics(scene->live, &text);
    ds_buffer_append_byte(&text, '\0');
    const char *written = (const char *)text.data;
    assert_non_null(strstr(written, "\nds_live_subscriptions 1\n"));
    assert_non_null(strstr(written, "\nds_live_events_total{kind=\"ticks\"} 1\n"));
    assert_non_null(strstr(written, "\nds_live_source_stale{kind=\"ticks\"} 1\n"));
    assert_non_null(strstr(written, "\nds_live_gaps_total{cause=\"source\"} 1\n"));
    assert_non_null(strstr(written, "\nds_live_queue_events 1\n"));
    assert_non_null(strstr(written, "\nds_live_lag_seconds_count 1\n"));
    ds_buffer_deinit(&text);
    leave(&client);
    scene_close(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_goes_to_whoever_wants_its_key),
        cmocka_unit_test(a_chain_is_wanted_by_its_product_or_by_its_expiry_and_comes_once),
        cmocka_unit_test(a_subscription_waits_for_a_source_that_is_yet_to_come),
        cmocka_unit_test(a_silent_source_is_told_of_once_and_its_return_too),
        cmocka_unit_test(ready_comes_once_until_all_is_taken_and_never_from_within),
        cmocka_unit_test(a_gap_of_the_source_keeps_its_place),
        cmocka_unit_test(what_comes_twice_is_dropped_and_what_is_jumped_over_is_a_gap),
        cmocka_unit_test(a_restart_of_the_service_is_a_gap_for_all),
        cmocka_unit_test(a_client_may_leave_with_others_while_it_is_told),
        cmocka_unit_test(an_event_is_written_once_for_all_in_each_form),
        cmocka_unit_test(a_row_without_a_json_form_has_no_piece),
        cmocka_unit_test(keys_can_be_added_and_removed),
        cmocka_unit_test(a_position_is_what_a_client_has_been_told),
        cmocka_unit_test(a_stop_ends_all_behind_what_waits),
        cmocka_unit_test(metrics_tell_of_it_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
