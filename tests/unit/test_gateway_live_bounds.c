/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "support/live_fixture.h"

static void what_can_not_be_subscribed_to_is_refused(void **state)
{
    (void)state;
    struct scene *scene = scene_open_limited(2, 8);
    struct client clients[3] = {{.scene = NULL}};
    char keys[2 * (LIVE_KEYS_MAX + 1)];
    char key[LIVE_KEY_BYTES_MAX + 2];
    for (size_t i = 0; i < sizeof keys; i += 2) {
        keys[i] = 'A';
        keys[i + 1] = ',';
    }
    keys[sizeof keys - 1] = '\0';
    memset(key, 'K', sizeof key);
    key[sizeof key - 1] = '\0';
    assert_int_equal(subscribe_to(&clients[0], scene, LIVE_TICKS, keys, 0, 0), DS_INVALID_ARGUMENT);
    assert_int_equal(subscribe_to(&clients[0], scene, LIVE_TICKS, key, 0, 0), DS_INVALID_ARGUMENT);
    assert_int_equal(subscribe_to(&clients[0], scene, LIVE_TICKS, "A,", 0, 0), DS_INVALID_ARGUMENT);
    assert_int_equal(subscribe_to(&clients[0], scene, LIVE_TICKS, "\xff", 0, 0),
                     DS_INVALID_ARGUMENT);
    assert_int_equal(subscribe_to(&clients[0], scene, LIVE_QUOTES, "A", 0, 0), DS_UNAVAILABLE);
    key[LIVE_KEY_BYTES_MAX] = '\0';
    subscribe(&clients[0], scene, key);
    subscribe(&clients[1], scene, key);
    assert_int_equal(subscribe_to(&clients[2], scene, LIVE_TICKS, NULL, 0, 0),
                     DS_RESOURCE_EXHAUSTED);
    leave(&clients[0]);
    assert_int_equal(subscribe_to(&clients[2], scene, LIVE_TICKS, NULL, 0, 0), DS_OK);
    assert_int_equal(atomic_load(&scene->live->counts.refused), 1);
    leave(&clients[1]);
    leave(&clients[2]);
    live_unsubscribe(NULL);
    scene_close(scene);
}

static void a_thousand_subscriptions_of_256_keys_fit_and_more_keys_are_refused(void **state)
{
    (void)state;
    struct scene *scene = scene_open_limited(2000, 8);
    const size_t full = LIVE_KEYS_TOTAL_MAX / LIVE_KEYS_MAX;
    struct client *clients = calloc(full + 1, sizeof *clients);
    assert_non_null(clients);
    say_start(scene, 0);
    for (size_t i = 0; i <= full; i++) {
        char keys[LIVE_KEYS_MAX * 12] = "";
        size_t size = 0;
        for (size_t j = 0; j < LIVE_KEYS_MAX; j++) {
            size += (size_t)snprintf(keys + size, sizeof keys - size, "%sK%zu", j == 0 ? "" : ",",
                                     i * LIVE_KEYS_MAX + j);
        }
        assert_int_equal(subscribe_to(&clients[i], scene, LIVE_TICKS, keys, 0, 0),
                         i < full ? DS_OK : DS_RESOURCE_EXHAUSTED);
    }
    turn(scene);
    say(scene, "ticks/K100000", 1);
    turn(scene);
    for (size_t i = 0; i < full; i++) {
        assert_told(&clients[i],
                    i == 100000 / LIVE_KEYS_MAX ? "start 7:0 1=K100000 " : "start 7:0 ");
        leave(&clients[i]);
    }
    assert_int_equal(scene->live->index.link_count, 0);
    free(clients);
    scene_close(scene);
}

static void a_turn_works_on_so_much_only(void **state)
{
    (void)state;
    struct scene *scene = scene_open_limited(10, 8);
    struct client client = {.scene = NULL};
    say_start(scene, 0);
    subscribe(&client, scene, "A");
    for (uint64_t sequence = 1; sequence <= LIVE_ITEMS_PER_TURN + 1; sequence++) {
        say(scene, sequence % LIVE_ITEMS_PER_TURN == 1 ? "ticks/A" : "ticks/B", sequence);
    }
    scene->is_woken = false;
    live_turn(scene->live);
    assert_true(scene->is_woken);
    assert_told(&client, "start 7:0 1=A ");
    turn(scene);
    assert_told(&client, "257=A ");
    leave(&client);
    scene_close(scene);
}

static void what_the_loop_does_not_take_is_a_gap(void **state)
{
    (void)state;
    struct scene *scene = scene_open_limited(10, 8);
    struct client client = {.scene = NULL};
    say_start(scene, 0);
    subscribe(&client, scene, "A");
    say(scene, "ticks/A", 1);
    for (uint64_t sequence = 2; sequence <= LIVE_INBOX_EVENTS_MAX; sequence++) {
        say(scene, "ticks/B", sequence);
    }
    say(scene, "ticks/A", LIVE_INBOX_EVENTS_MAX + 1);
    say_gap(scene, EPOCH, LIVE_INBOX_EVENTS_MAX + 2, LIVE_INBOX_EVENTS_MAX + 9);
    turn(scene);
    say(scene, "ticks/A", LIVE_INBOX_EVENTS_MAX + 10);
    turn(scene);
    assert_told(&client, "start 7:0 1=A gap 7:65537-65545 65546=A ");
    assert_int_equal(live_inbox_lost_gap_count(&scene->live->inbox), 1);
    leave(&client);
    scene_close(scene);
}

#define LARGE_ROW_BYTES ((size_t)1024 * 1024)
#define SLOW_COUNT 48

/* Rows of 1 MiB: 48 clients may keep three of them each, which is more than all together may. */
static void the_slowest_loses_first_where_memory_runs_out(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client clients[SLOW_COUNT] = {{.scene = NULL}};
    uint8_t *row = calloc(1, LARGE_ROW_BYTES);
    uint64_t sequence = 0;
    assert_non_null(row);
    say_start(scene, 0);
    for (int i = 0; i < SLOW_COUNT; i++) {
        char key[16];
        snprintf(key, sizeof key, "K%d", i);
        clients[i].is_slow = true;
        subscribe(&clients[i], scene, key);
        take_all(&clients[i]);
        clients[i].told[0] = '\0';
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SLOW_COUNT; i++) {
            char topic[24];
            snprintf(topic, sizeof topic, "ticks/K%d", i);
            say_row(scene, LIVE_TICKS, topic, EPOCH, ++sequence, ds_bytes_of(row, LARGE_ROW_BYTES));
            turn(scene);
            assert_true(atomic_load(&scene->live->counts.bytes) <= LIVE_BYTES_MAX);
        }
        /* One of them has taken what it had and is not the slowest any more. */
        struct live_notice notice;
        assert_true(live_take(clients[0].subscription, &notice));
    }
    for (int i = 0; i < SLOW_COUNT; i++) {
        take_all(&clients[i]);
        leave(&clients[i]);
    }
    assert_true(strncmp(clients[1].told, "gap 7:2-", 8) == 0);
    assert_null(strstr(clients[0].told, "gap"));
    assert_null(strstr(clients[SLOW_COUNT - 1].told, "gap"));
    free(row);
    scene_close(scene);
}

static void a_full_queue_turns_into_one_gap_and_others_lose_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_open();
    struct client slow = {.is_slow = true};
    struct client fast = {.scene = NULL};
    say_start(scene, 0);
    subscribe(&slow, scene, "A");
    subscribe(&fast, scene, "A");
    assert_told(&fast, "start 7:0 ");
    for (uint64_t sequence = 1; sequence <= 9; sequence++) {
        say(scene, "ticks/A", sequence);
        turn(scene);
    }
    assert_told(&fast, "1=A 2=A 3=A 4=A 5=A 6=A 7=A 8=A 9=A ");
    say(scene, "ticks/B", 10);
    say(scene, "ticks/A", 11);
    turn(scene);
    take_all(&slow);
    assert_told(&slow, "start 7:0 gap 7:1-9 11=A ");
    assert_told(&fast, "11=A ");
    /* Again and again, it stays one gap. */
    for (uint64_t sequence = 12; sequence <= 57; sequence++) {
        say(scene, "ticks/A", sequence);
        turn(scene);
    }
    take_all(&slow);
    assert_true(strncmp(slow.told, "gap 7:12-", 9) == 0);
    assert_null(strstr(slow.told + 1, "gap"));
    assert_non_null(strstr(slow.told, "57=A "));
    assert_true(atomic_load(&scene->live->counts.client_gaps) > 1);
    leave(&slow);
    leave(&fast);
    scene_close(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_not_be_subscribed_to_is_refused),
        cmocka_unit_test(a_thousand_subscriptions_of_256_keys_fit_and_more_keys_are_refused),
        cmocka_unit_test(a_turn_works_on_so_much_only),
        cmocka_unit_test(what_the_loop_does_not_take_is_a_gap),
        cmocka_unit_test(the_slowest_loses_first_where_memory_runs_out),
        cmocka_unit_test(a_full_queue_turns_into_one_gap_and_others_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
