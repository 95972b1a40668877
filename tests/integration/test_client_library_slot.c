/* Slots of libdeltastream: calls that are made one after the other. */
#include "integration/client_library.h"

#define ROUNDS 50
/* ListTicksRequest and its response have the product in the field of this number. */
static const char nifty[] = "\x0a\x05NIFTY";

static struct deltastream_slot *slot_create(struct library_inbox *inbox, bool collect)
{
    const struct deltastream_slot_options options = {.struct_size = sizeof options,
                                                     .done = library_inbox_take,
                                                     .context = inbox,
                                                     .collect = collect};
    struct deltastream_slot *slot = NULL;
    assert_int_equal(deltastream_slot_create(&options, &slot), DELTASTREAM_OK);
    return slot;
}

static const struct deltastream_method *list_ticks(void)
{
    return deltastream_method_find("deltastream.storage.v1.Storage/ListTicks");
}

/* The slot takes the next call once the reply is freed. */
static void newest_free(struct library_inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    deltastream_reply_free(inbox->newest);
    inbox->newest = NULL;
    pthread_mutex_unlock(&inbox->mutex);
}

static void a_slot_makes_one_call_after_the_other_by_any_client(void **state)
{
    struct deltastream_client *clients[] = {library_client_open(*state),
                                            library_client_open(*state)};
    struct library_inbox inbox;
    library_inbox_init(&inbox);
    struct deltastream_slot *slot = slot_create(&inbox, false);
    for (size_t i = 1; i <= ROUNDS; i++) {
        size_t bytes = 0;
        const char *json = NULL;
        deltastream_slot_call(slot, clients[i % 2], list_ticks(), nifty, sizeof nifty - 1, NULL, 0);
        library_inbox_await(&inbox, i);
        assert_int_equal(deltastream_reply_code(inbox.newest), DELTASTREAM_OK);
        assert_memory_equal(deltastream_reply_wire(inbox.newest, &bytes), nifty, sizeof nifty - 1);
        assert_int_equal(bytes, sizeof nifty - 1);
        assert_int_equal(deltastream_reply_json(inbox.newest, 0, &json, NULL), DELTASTREAM_OK);
        assert_string_equal(json, "{\"product\":\"NIFTY\"}");
        newest_free(&inbox);
    }
    deltastream_slot_free(slot);
    deltastream_client_close(clients[0]);
    deltastream_client_close(clients[1]);
    library_inbox_deinit(&inbox);
}

static void a_failure_leaves_nothing_to_the_slots_next_call(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    const struct deltastream_method *latest =
        deltastream_method_find("deltastream.storage.v1.Storage/LatestTick");
    struct library_inbox inbox;
    library_inbox_init(&inbox);
    struct deltastream_slot *slot = slot_create(&inbox, false);
    deltastream_slot_call(slot, client, latest, nifty, sizeof nifty - 1, NULL, 0);
    library_inbox_await(&inbox, 1);
    assert_int_equal(deltastream_reply_code(inbox.newest), DELTASTREAM_NOT_FOUND);
    assert_string_not_equal(deltastream_reply_message(inbox.newest), "");
    newest_free(&inbox);
    /* The client's token is copied for the call; the next client has none. */
    deltastream_client_set_authorization(client, "Bearer x");
    deltastream_slot_call(slot, client, list_ticks(), nifty, sizeof nifty - 1, NULL, 0);
    library_inbox_await(&inbox, 2);
    assert_int_equal(deltastream_reply_code(inbox.newest), DELTASTREAM_OK);
    assert_string_equal(deltastream_reply_message(inbox.newest), "");
    newest_free(&inbox);
    deltastream_client_set_authorization(client, NULL);
    deltastream_slot_call(slot, client, list_ticks(), NULL, 0, NULL, 0);
    library_inbox_await(&inbox, 3);
    assert_int_equal(deltastream_reply_code(inbox.newest), DELTASTREAM_OK);
    deltastream_client_close(client);
    newest_free(&inbox); /* Replies outlive their client here, too. */
    deltastream_slot_free(slot);
    library_inbox_deinit(&inbox);
}

static void slots_that_collect_wait_for_the_flush(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct library_inbox inboxes[2];
    struct deltastream_slot *slots[2];
    for (size_t i = 0; i < 2; i++) {
        library_inbox_init(&inboxes[i]);
        slots[i] = slot_create(&inboxes[i], true);
        deltastream_slot_call(slots[i], client, list_ticks(), nifty, sizeof nifty - 1, NULL, 0);
    }
    assert_int_equal(inboxes[0].count + inboxes[1].count, 0); /* Nothing has been sent. */
    deltastream_client_flush(client);
    for (size_t i = 0; i < 2; i++) {
        library_inbox_await(&inboxes[i], 1);
        assert_int_equal(inboxes[i].counts_by_code[DELTASTREAM_OK], 1);
        newest_free(&inboxes[i]);
        /* Closing ends what was never flushed. */
        deltastream_slot_call(slots[i], client, list_ticks(), nifty, sizeof nifty - 1, NULL, 0);
    }
    deltastream_client_close(client);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(inboxes[i].counts_by_code[DELTASTREAM_CANCELLED], 1);
        newest_free(&inboxes[i]);
        deltastream_slot_free(slots[i]);
        library_inbox_deinit(&inboxes[i]);
    }
}

static void a_slot_without_a_size_is_refused(void **state)
{
    (void)state;
    const struct deltastream_slot_options options = {.done = library_inbox_take};
    struct deltastream_slot *slot = NULL;
    assert_int_equal(deltastream_slot_create(&options, &slot), DELTASTREAM_INVALID_ARGUMENT);
    assert_null(slot);
    deltastream_slot_free(NULL);
}

static int server_open(void **state)
{
    *state = library_server_open(LIBRARY_IPC);
    return 0;
}

static int server_close(void **state)
{
    library_server_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_makes_one_call_after_the_other_by_any_client),
        cmocka_unit_test(a_failure_leaves_nothing_to_the_slots_next_call),
        cmocka_unit_test(slots_that_collect_wait_for_the_flush),
        cmocka_unit_test(a_slot_without_a_size_is_refused),
    };
    return cmocka_run_group_tests(tests, server_open, server_close);
}
