/* Asynchronous calls of libdeltastream, cancelling, and one client used by many threads. */
#include "integration/client_library.h"

#include <stdatomic.h>
#include <stdio.h>

#define BATCH_CALLS 200
#define BATCHES_MAX 200
#define THREADS 6
#define ROUNDS 40

static enum deltastream_code latest_begin(struct deltastream_client *client, const char *product,
                                          bool collect, struct library_inbox *inbox)
{
    const struct deltastream_call_options options = {.struct_size = sizeof options,
                                                     .collect = collect};
    Deltastream__Storage__LatestTickRequest request =
        DELTASTREAM__STORAGE__LATEST_TICK_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    return deltastream_storage_latest_tick_async(client, &request, &options, library_inbox_take,
                                                 inbox, NULL);
}

/* A call that stands before the server's gate. */
static enum deltastream_code waiting_begin(struct deltastream_client *client,
                                           struct library_inbox *inbox,
                                           struct deltastream_call **ret_call)
{
    Deltastream__Storage__IngestTicksRequest request =
        DELTASTREAM__STORAGE__INGEST_TICKS_REQUEST__INIT;
    return deltastream_storage_ingest_ticks_async(client, &request, NULL, library_inbox_take, inbox,
                                                  ret_call);
}

static void an_asynchronous_call_brings_its_typed_reply(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct library_inbox inbox;
    library_inbox_init(&inbox);
    Deltastream__Storage__ListTicksRequest request = DELTASTREAM__STORAGE__LIST_TICKS_REQUEST__INIT;
    char product[] = "NIFTY";
    request.product = product;
    assert_int_equal(deltastream_storage_list_ticks_async(client, &request, NULL,
                                                          library_inbox_take, &inbox, NULL),
                     DELTASTREAM_OK);
    product[0] = 'X'; /* It was copied. */
    library_inbox_await(&inbox, 1);
    assert_string_equal(deltastream_storage_list_ticks_response(inbox.newest)->product, "NIFTY");
    library_inbox_deinit(&inbox);
    deltastream_client_close(client);
}

/* A program must not write into a request that it has lent; here that shows whose bytes are read.
 */
static void a_borrowed_request_is_read_where_it_is(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct library_inbox inbox;
    library_inbox_init(&inbox);
    const struct deltastream_method *method =
        deltastream_method_find("deltastream.storage.v1.Storage/ListTicks");
    for (size_t i = 0; i < 2; i++) {
        const bool borrows = i == 1;
        const struct deltastream_call_options options = {
            .struct_size = sizeof options, .collect = true, .borrow_request = borrows};
        char wire[] = "\x0a\x05NIFTY";
        assert_int_equal(deltastream_call_raw_async(client, method, wire, sizeof wire - 1, &options,
                                                    library_inbox_take, &inbox, NULL),
                         DELTASTREAM_OK);
        wire[2] = 'X';
        deltastream_client_flush(client);
        library_inbox_await(&inbox, i + 1);
        size_t bytes = 0;
        const char *response = deltastream_reply_wire(inbox.newest, &bytes);
        assert_int_equal(bytes, sizeof wire - 1);
        assert_int_equal(response[2], borrows ? 'X' : 'N');
    }
    library_inbox_deinit(&inbox);
    deltastream_client_close(client);
}

/* What a batch adds to the messages that have gone out. */
static uint64_t batch_messages(struct deltastream_client *client, struct library_inbox *inbox)
{
    struct deltastream_traffic before = {.struct_size = sizeof before};
    struct deltastream_traffic after = {.struct_size = sizeof after};
    const size_t count = inbox->count;
    assert_int_equal(deltastream_client_traffic(client, &before), DELTASTREAM_OK);
    for (int i = 0; i < BATCH_CALLS; i++) {
        assert_int_equal(latest_begin(client, "NIFTY", true, inbox), DELTASTREAM_OK);
    }
    pthread_mutex_lock(&inbox->mutex);
    assert_int_equal(inbox->count, count); /* They wait for the flush. */
    pthread_mutex_unlock(&inbox->mutex);
    deltastream_client_flush(client);
    library_inbox_await(inbox, count + BATCH_CALLS);
    assert_int_equal(deltastream_client_traffic(client, &after), DELTASTREAM_OK);
    assert_true(after.calls - before.calls >= BATCH_CALLS); /* Some may travel again alone. */
    return after.messages - before.messages;
}

/* Calls share a message where their deadlines are within 20 ms, so a machine that stalls while they
 * are begun makes them go in more messages: then there is another batch. */
static void collected_calls_share_messages(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct library_inbox inbox;
    library_inbox_init(&inbox);
    uint64_t fewest = BATCH_CALLS;
    size_t batches = 0;
    while (fewest > BATCH_CALLS / 4 && batches < BATCHES_MAX) {
        const uint64_t messages = batch_messages(client, &inbox);
        fewest = messages < fewest ? messages : fewest;
        batches++;
    }
    assert_int_equal(inbox.counts_by_code[DELTASTREAM_NOT_FOUND], batches * BATCH_CALLS);
    assert_true(fewest <= BATCH_CALLS / 4);
    library_inbox_deinit(&inbox);
    deltastream_client_close(client);
}

static void what_cannot_be_begun_has_no_callback(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct library_inbox inbox;
    library_inbox_init(&inbox);
    const struct deltastream_call_options without_size = {.timeout_ms = 1};
    Deltastream__Storage__LatestTickRequest request =
        DELTASTREAM__STORAGE__LATEST_TICK_REQUEST__INIT;
    struct deltastream_call *call = NULL;
    assert_int_equal(deltastream_storage_latest_tick_async(client, &request, &without_size,
                                                           library_inbox_take, &inbox, &call),
                     DELTASTREAM_INVALID_ARGUMENT);
    request.base.descriptor = NULL;
    assert_int_equal(deltastream_storage_latest_tick_async(client, &request, NULL,
                                                           library_inbox_take, &inbox, &call),
                     DELTASTREAM_INVALID_ARGUMENT);
    assert_int_equal(
        deltastream_call_raw_async(client, NULL, NULL, 0, NULL, library_inbox_take, &inbox, &call),
        DELTASTREAM_UNIMPLEMENTED);
    assert_null(call);
    deltastream_client_close(client);
    assert_int_equal(inbox.count, 0);
    library_inbox_deinit(&inbox);
}

static void a_cancelled_call_ends_soon(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct library_inbox inbox;
    library_inbox_init(&inbox);
    struct deltastream_call *call = NULL;
    assert_int_equal(waiting_begin(client, &inbox, &call), DELTASTREAM_OK);
    library_server_await_waiting(*state, 1);
    deltastream_call_cancel(call);
    library_inbox_await(&inbox, 1);
    assert_int_equal(inbox.counts_by_code[DELTASTREAM_CANCELLED], 1);
    assert_null(deltastream_storage_ingest_ticks_response(inbox.newest));
    deltastream_call_cancel(call); /* Does nothing to a call that is over, */
    library_inbox_deinit(&inbox);
    deltastream_call_cancel(call); /* nor to one whose reply is gone. */
    deltastream_call_release(call);
    deltastream_client_close(client);
}

static void closing_a_client_ends_calls_that_were_never_flushed(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct library_inbox inbox;
    library_inbox_init(&inbox);
    assert_int_equal(latest_begin(client, "NIFTY", true, &inbox), DELTASTREAM_OK);
    deltastream_client_close(client);
    /* The hello of a client that leaves without a call may have sent it. */
    assert_int_equal(inbox.count, 1);
    library_inbox_deinit(&inbox);
}

static void closing_a_client_ends_its_calls(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct library_inbox inbox;
    library_inbox_init(&inbox);
    struct deltastream_call *call = NULL;
    assert_int_equal(waiting_begin(client, &inbox, &call), DELTASTREAM_OK);
    library_server_await_waiting(*state, 1);
    deltastream_client_close(client);
    assert_int_equal(inbox.count, 1);
    assert_int_equal(inbox.counts_by_code[DELTASTREAM_CANCELLED], 1);
    deltastream_call_release(call);
    library_inbox_deinit(&inbox);
}

struct careless {
    struct deltastream_client *client;
    struct library_inbox inbox; /* of what the callback begins */
    atomic_int code_in_callback;
    atomic_int url_code_in_callback;
};

static void call_and_wait(void *context, struct deltastream_reply *reply)
{
    struct careless *careless = context;
    Deltastream__Storage__LatestTickRequest request =
        DELTASTREAM__STORAGE__LATEST_TICK_REQUEST__INIT;
    deltastream_reply_free(reply);
    atomic_store(&careless->code_in_callback,
                 (int)deltastream_storage_latest_tick(careless->client, &request, NULL, NULL));
    char url[DELTASTREAM_EVENT_URL_BYTES_MAX];
    atomic_store(&careless->url_code_in_callback,
                 (int)deltastream_event_url(careless->client, url, sizeof url, NULL, 0));
    (void)latest_begin(careless->client, "NIFTY", false, &careless->inbox);
}

static void a_callback_may_begin_calls_but_not_wait(void **state)
{
    struct careless careless = {.client = library_client_open(*state)};
    library_inbox_init(&careless.inbox);
    Deltastream__Storage__LatestTickRequest request =
        DELTASTREAM__STORAGE__LATEST_TICK_REQUEST__INIT;
    assert_int_equal(deltastream_storage_latest_tick_async(careless.client, &request, NULL,
                                                           call_and_wait, &careless, NULL),
                     DELTASTREAM_OK);
    library_inbox_await(&careless.inbox, 1);
    assert_int_equal(atomic_load(&careless.code_in_callback), DELTASTREAM_FAILED_PRECONDITION);
    assert_int_equal(atomic_load(&careless.url_code_in_callback), DELTASTREAM_FAILED_PRECONDITION);
    assert_int_equal(careless.inbox.counts_by_code[DELTASTREAM_NOT_FOUND], 1);
    deltastream_client_close(careless.client);
    library_inbox_deinit(&careless.inbox);
}

struct worker {
    struct deltastream_client *client;
    struct library_inbox *inbox;
    size_t begun;
    size_t failures;
    pthread_t thread;
};

/* Calls of every sort, with a cancel and a change of the token between them. */
static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    Deltastream__Storage__ListTicksRequest request = DELTASTREAM__STORAGE__LIST_TICKS_REQUEST__INIT;
    char product[32];
    request.product = product;
    for (int i = 0; i < ROUNDS; i++) {
        struct deltastream_call *call = NULL;
        struct deltastream_reply *reply = NULL;
        snprintf(product, sizeof product, "PRODUCT%d", i);
        const enum deltastream_code code =
            deltastream_storage_list_ticks(worker->client, &request, NULL, &reply);
        worker->failures +=
            code != DELTASTREAM_OK ||
            strcmp(deltastream_storage_list_ticks_response(reply)->product, product) != 0;
        deltastream_reply_free(reply);
        worker->begun +=
            latest_begin(worker->client, product, i % 2 == 0, worker->inbox) == DELTASTREAM_OK;
        worker->begun +=
            deltastream_storage_list_ticks_async(worker->client, &request, NULL, library_inbox_take,
                                                 worker->inbox, &call) == DELTASTREAM_OK;
        deltastream_call_cancel(call);
        deltastream_call_release(call);
        deltastream_client_set_authorization(worker->client, i % 3 == 0 ? "Bearer x" : NULL);
        deltastream_client_flush(worker->client);
        (void)deltastream_client_state(worker->client);
    }
    return NULL;
}

static void many_threads_may_use_one_client(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct library_inbox inbox;
    struct worker workers[THREADS];
    size_t begun = 0;
    library_inbox_init(&inbox);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.client = client, .inbox = &inbox};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].failures, 0);
        begun += workers[i].begun;
    }
    assert_int_equal(begun, (size_t)THREADS * ROUNDS * 2);
    library_inbox_await(&inbox, begun);
    assert_int_equal(inbox.count, begun);
    assert_int_equal(inbox.counts_by_code[DELTASTREAM_NOT_FOUND], (size_t)THREADS * ROUNDS);
    assert_int_equal(inbox.counts_by_code[DELTASTREAM_OK] +
                         inbox.counts_by_code[DELTASTREAM_CANCELLED],
                     (size_t)THREADS * ROUNDS);
    library_inbox_deinit(&inbox);
    deltastream_client_close(client);
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
        cmocka_unit_test(an_asynchronous_call_brings_its_typed_reply),
        cmocka_unit_test(a_borrowed_request_is_read_where_it_is),
        cmocka_unit_test(collected_calls_share_messages),
        cmocka_unit_test(what_cannot_be_begun_has_no_callback),
        cmocka_unit_test(a_cancelled_call_ends_soon),
        cmocka_unit_test(closing_a_client_ends_calls_that_were_never_flushed),
        cmocka_unit_test(closing_a_client_ends_its_calls),
        cmocka_unit_test(a_callback_may_begin_calls_but_not_wait),
        cmocka_unit_test(many_threads_may_use_one_client),
    };
    return cmocka_run_group_tests(tests, server_open, server_close);
}
