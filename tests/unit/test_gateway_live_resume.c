/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "support/live_fixture.h"

static void what_was_missed_comes_before_what_comes_live(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 10);
    resume(&client, scene, NULL, 7);
    assert_told(&client, "start 7:7 ");
    assert_int_equal(asked(scene).epoch, EPOCH);
    assert_int_equal(asked(scene).after, 7);
    assert_string_equal(asked(scene).prefix, "");
    /* It comes live and by the list, too. */
    say(scene, "ticks/A", 11);
    say(scene, "ticks/A", 12);
    turn(scene);
    assert_told(&client, "");
    answer(scene, "ticks/A", 8, 11, 11);
    assert_told(&client, "8=A 9=A 10=A 11=A 12=A ");
    say(scene, "ticks/A", 13);
    turn(scene);
    assert_told(&client, "13=A ");
    leave(&client);
    scene_close(scene);
}

static void keys_of_the_same_beginning_are_told_apart_in_a_list(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client one = {.scene = NULL};
    struct client two = {.scene = NULL};
    say_start(scene, 10);
    resume(&one, scene, "NIFTY", 7);
    assert_string_equal(asked(scene).prefix, "ticks/NIFTY");
    struct ds_buffer *bytes = new_answer(scene);
    answer_event(bytes, "ticks/NIFTYBEES", 8);
    answer_event(bytes, "ticks/NIFTY", 9);
    end_answer(scene, 0, bytes, 10, 10);
    assert_told(&one, "start 7:7 9=NIFTY ");
    resume(&two, scene, "NI\xc3\xa4,NI\xc3\xb6,NIX", 9);
    assert_string_equal(asked(scene).prefix, "ticks/NI");
    leave(&one);
    leave(&two);
    assert_int_equal(scene->cancel_count, 1);
    scene_close(scene);
}

static void a_prefix_does_not_end_within_a_character(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 10);
    resume(&client, scene, "NI\xc3\xa4,NI\xc3\xb6", 9);
    assert_string_equal(asked(scene).prefix, "ticks/NI");
    leave(&client);
    scene_close(scene);
}

static void a_long_way_back_is_gone_a_page_at_a_time_without_a_queue(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    struct live_notice notice;
    say_start(scene, 3000);
    resume(&client, scene, NULL, 0);
    assert_true(live_take(client.subscription, &notice));
    answer(scene, "ticks/A", 1, 3, 3000);
    /* More than its queue takes. */
    for (uint64_t sequence = 3001; sequence <= 3020; sequence++) {
        say(scene, "ticks/B", sequence);
    }
    turn(scene);
    assert_int_equal(scene->listing_count, 0);
    take_all(&client);
    assert_told(&client, "1=A 2=A 3=A ");
    turn(scene);
    assert_int_equal(asked(scene).after, 3);
    answer(scene, "ticks/C", 4, 4, 3020);
    take_all(&client);
    turn(scene);
    /* Now the rest is a page at most, and what comes live waits. */
    struct ds_buffer *bytes = new_answer(scene);
    answer_event(bytes, "ticks/A", 2500);
    end_answer(scene, 0, bytes, 2500, 3020);
    take_all(&client);
    turn(scene);
    assert_int_equal(asked(scene).after, 2500);
    say(scene, "ticks/A", 3021);
    turn(scene);
    answer(scene, "ticks/D", 3019, 3020, 3020);
    take_all(&client);
    assert_told(&client, "4=C 2500=A 3019=D 3020=D 3021=A ");
    assert_int_equal(scene->listing_count, 0);
    leave(&client);
    scene_close(scene);
}

static void a_key_that_is_added_meanwhile_is_not_jumped_over(void **state)
{
    (void)state;
    const struct ds_bytes key = ds_bytes_of_text("B");
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 3000);
    resume(&client, scene, "A", 0);
    assert_string_equal(asked(scene).prefix, "ticks/A");
    assert_int_equal(live_add_keys(client.subscription, &key, 1), DS_OK);
    say(scene, "ticks/B", 3001);
    turn(scene);
    /* The service is there already, and has passed over what it was not asked for. */
    answer(scene, "ticks/A", 3002, 3002, 3002);
    assert_told(&client, "start 7:0 ");
    assert_int_equal(asked(scene).after, 3000);
    assert_string_equal(asked(scene).prefix, "");
    struct ds_buffer *bytes = new_answer(scene);
    answer_event(bytes, "ticks/B", 3001);
    answer_event(bytes, "ticks/A", 3002);
    end_answer(scene, 0, bytes, 3002, 3002);
    say(scene, "ticks/A", 3002);
    turn(scene);
    assert_told(&client, "3001=B 3002=A ");
    leave(&client);
    scene_close(scene);
}

static void who_is_up_to_date_asks_for_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 10);
    resume(&client, scene, NULL, 10);
    say(scene, "ticks/A", 11);
    turn(scene);
    assert_int_equal(scene->listing_count, 0);
    assert_told(&client, "start 7:10 11=A ");
    leave(&client);
    scene_close(scene);
}

static void what_is_forgotten_is_a_gap_with_bounds(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client near = {.scene = NULL};
    struct client far = {.scene = NULL};
    say_start(scene, 100000);
    resume(&far, scene, "A", 5);
    answer_code(scene, DS_OUT_OF_RANGE);
    resume(&near, scene, "A", 99999);
    say(scene, "ticks/A", 100001);
    turn(scene);
    answer_code(scene, DS_OUT_OF_RANGE);
    assert_told(&far, "start 7:5 gap 7:6-100000 100001=A ");
    assert_told(&near, "start 7:99999 gap 7:100000-100000 100001=A ");
    leave(&near);
    leave(&far);
    scene_close(scene);
}

static void an_answer_that_makes_no_sense_is_a_gap(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client clients[3] = {{.scene = NULL}};
    say_start(scene, 10);
    for (size_t i = 0; i < 3; i++) {
        resume(&clients[i], scene, NULL, 7);
    }
    answer(scene, "ticks/A", 8, 7, 7); /* It goes no further. */
    answer_code(scene, DS_OK);         /* It is empty. */
    answer_code(scene, DS_UNIMPLEMENTED);
    for (size_t i = 0; i < 3; i++) {
        assert_told(&clients[i], "start 7:7 gap 7:8-10 ");
        leave(&clients[i]);
    }
    scene_close(scene);
}

static void a_resume_from_before_a_restart_is_a_gap(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 10);
    assert_int_equal(subscribe_to(&client, scene, LIVE_TICKS, "A", 6, 1000), DS_OK);
    turn(scene);
    say(scene, "ticks/A", 11);
    turn(scene);
    assert_told(&client, "start 7:0 anew 7:1-10 11=A ");
    leave(&client);
    scene_close(scene);
}

static void a_resume_waits_for_the_source(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    resume(&client, scene, NULL, 8);
    assert_int_equal(scene->listing_count, 0);
    say_start(scene, 9);
    answer(scene, "ticks/A", 9, 9, 9);
    assert_told(&client, "start 7:8 9=A ");
    leave(&client);
    scene_close(scene);
}

static void who_is_farther_than_the_hub_is_believed_when_the_service_confirms_it(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 10);
    resume(&client, scene, NULL, 12);
    answer(scene, "ticks/A", 13, 13, 13);
    for (uint64_t sequence = 11; sequence <= 14; sequence++) {
        say(scene, "ticks/A", sequence);
    }
    turn(scene);
    assert_told(&client, "start 7:12 13=A 14=A ");
    leave(&client);
    scene_close(scene);
}

static void who_claims_what_never_was_is_told_so(void **state)
{
    (void)state;
    static const uint64_t claims[] = {12, UINT64_MAX};
    for (size_t i = 0; i < 2; i++) {
        struct scene *scene = scene_open();
        struct client client = {.scene = NULL};
        say_start(scene, 10);
        resume(&client, scene, NULL, claims[i]);
        client.told[0] = '\0';
        answer_code(scene, DS_OUT_OF_RANGE);
        say(scene, "ticks/A", 11);
        turn(scene);
        assert_told(&client, "anew 7:1-10 11=A ");
        leave(&client);
        scene_close(scene);
    }
}

static void a_service_that_is_away_is_asked_again_later(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 10);
    resume(&client, scene, NULL, 9);
    answer_code(scene, DS_UNAVAILABLE);
    assert_true(scene->is_paused);
    assert_int_equal(scene->listing_count, 0);
    live_retry(scene->live);
    turn(scene);
    answer(scene, "ticks/A", 10, 10, 10);
    assert_told(&client, "start 7:9 10=A ");
    leave(&client);
    scene_close(scene);
}

static void a_service_that_stays_away_is_a_gap_in_the_end(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 10);
    resume(&client, scene, NULL, 9);
    for (int i = 0; i < LIVE_LISTING_TRIES_MAX; i++) {
        assert_told(&client, i == 0 ? "start 7:9 " : "");
        answer_code(scene, i % 2 == 0 ? DS_DEADLINE_EXCEEDED : DS_RESOURCE_EXHAUSTED);
        live_retry(scene->live);
        turn(scene);
    }
    assert_told(&client, "gap 7:10-10 ");
    assert_int_equal(scene->listing_count, 0);
    leave(&client);
    scene_close(scene);
}

static void a_restart_during_a_resume_says_it_all(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client listing = {.scene = NULL};
    struct client taking = {.is_slow = true};
    struct live_notice notice;
    say_start(scene, 10);
    resume(&taking, scene, NULL, 7);
    answer(scene, "ticks/A", 8, 10, 10);
    assert_true(live_take(taking.subscription, &notice));
    assert_true(live_take(taking.subscription, &notice));
    resume(&listing, scene, NULL, 7);
    say(scene, "ticks/A", 11);
    say_gap(scene, NEXT_EPOCH, 1, 1);
    say_of(scene, NEXT_EPOCH, "ticks/A", 2);
    turn(scene);
    take_all(&taking);
    assert_told(&taking, "anew 8:1-1 2=A ");
    assert_told(&listing, "start 7:7 anew 8:1-1 2=A ");
    assert_int_equal(scene->cancel_count, 1);
    leave(&listing);
    leave(&taking);
    scene_close(scene);
}

static void a_gap_of_the_source_is_told_behind_what_was_missed(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 10);
    resume(&client, scene, NULL, 9);
    say_gap(scene, EPOCH, 11, 15);
    turn(scene);
    answer(scene, "ticks/A", 10, 12, 15);
    assert_told(&client, "start 7:9 10=A gap 7:11-15 ");
    leave(&client);
    scene_close(scene);
}

static void a_stop_during_a_resume_jumps_over_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.scene = NULL};
    say_start(scene, 10);
    resume(&client, scene, NULL, 7);
    say(scene, "ticks/A", 11);
    turn(scene);
    live_drain(scene->live);
    turn(scene);
    assert_told(&client, "start 7:7 stopping ");
    assert_false(scene->listing_count == 0);
    leave(&client);
    scene_close(scene);
}

static void so_many_lists_are_asked_for_at_a_time(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client clients[LIVE_LISTINGS_MAX + 2] = {{.scene = NULL}};
    say_start(scene, 10);
    for (size_t i = 0; i < LIVE_LISTINGS_MAX + 2; i++) {
        resume(&clients[i], scene, NULL, 9);
    }
    assert_int_equal(scene->listing_count, LIVE_LISTINGS_MAX);
    leave(&clients[LIVE_LISTINGS_MAX]);
    answer(scene, "ticks/A", 10, 10, 10);
    assert_int_equal(scene->listing_count, LIVE_LISTINGS_MAX);
    while (scene->listing_count > 0) {
        answer(scene, "ticks/A", 10, 10, 10);
    }
    for (size_t i = 0; i < LIVE_LISTINGS_MAX + 2; i++) {
        assert_told(&clients[i], i == LIVE_LISTINGS_MAX ? "start 7:9 " : "start 7:9 10=A ");
        leave(&clients[i]);
    }
    scene_close(scene);
}

static void a_page_that_is_not_taken_goes_where_memory_runs_out(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    struct client fast = {.scene = NULL};
    say_start(scene, 10);
    resume(&client, scene, NULL, 7);
    answer(scene, "ticks/A", 8, 10, 10);
    subscribe(&fast, scene, NULL);
    live_count_bytes(scene->live, LIVE_BYTES_MAX);
    say(scene, "ticks/A", 11);
    turn(scene);
    live_discount_bytes(scene->live, LIVE_BYTES_MAX);
    say(scene, "ticks/A", 12);
    turn(scene);
    take_all(&client);
    assert_told(&client, "start 7:7 gap 7:8-11 12=A ");
    leave(&client);
    leave(&fast);
    scene_close(scene);
}

static void a_page_that_comes_where_memory_has_run_out_is_not_kept(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client client = {.is_slow = true};
    say_start(scene, 10);
    resume(&client, scene, NULL, 7);
    live_count_bytes(scene->live, LIVE_BYTES_MAX);
    answer(scene, "ticks/A", 8, 10, 10);
    live_discount_bytes(scene->live, LIVE_BYTES_MAX);
    take_all(&client);
    assert_told(&client, "start 7:7 gap 7:8-10 ");
    leave(&client);
    scene_close(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_missed_comes_before_what_comes_live),
        cmocka_unit_test(keys_of_the_same_beginning_are_told_apart_in_a_list),
        cmocka_unit_test(a_prefix_does_not_end_within_a_character),
        cmocka_unit_test(a_long_way_back_is_gone_a_page_at_a_time_without_a_queue),
        cmocka_unit_test(a_key_that_is_added_meanwhile_is_not_jumped_over),
        cmocka_unit_test(who_is_up_to_date_asks_for_nothing),
        cmocka_unit_test(what_is_forgotten_is_a_gap_with_bounds),
        cmocka_unit_test(an_answer_that_makes_no_sense_is_a_gap),
        cmocka_unit_test(a_resume_from_before_a_restart_is_a_gap),
        cmocka_unit_test(a_resume_waits_for_the_source),
        cmocka_unit_test(who_is_farther_than_the_hub_is_believed_when_the_service_confirms_it),
        cmocka_unit_test(who_claims_what_never_was_is_told_so),
        cmocka_unit_test(a_service_that_is_away_is_asked_again_later),
        cmocka_unit_test(a_service_that_stays_away_is_a_gap_in_the_end),
        cmocka_unit_test(a_restart_during_a_resume_says_it_all),
        cmocka_unit_test(a_gap_of_the_source_is_told_behind_what_was_missed),
        cmocka_unit_test(a_stop_during_a_resume_jumps_over_nothing),
        cmocka_unit_test(so_many_lists_are_asked_for_at_a_time),
        cmocka_unit_test(a_page_that_is_not_taken_goes_where_memory_runs_out),
        cmocka_unit_test(a_page_that_comes_where_memory_has_run_out_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
