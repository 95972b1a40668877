/* Synchronous calls of libdeltastream: typed, by bytes and as JSON, with what goes with them. */
#include "integration/client_library.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static const enum library_transport every_transport[] = {LIBRARY_IPC, LIBRARY_TCP, LIBRARY_TLS};

static Deltastream__Storage__LatestTickRequest latest_request(const char *product)
{
    Deltastream__Storage__LatestTickRequest request =
        DELTASTREAM__STORAGE__LATEST_TICK_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    return request;
}

static void a_typed_call_gives_the_typed_response(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof every_transport / sizeof every_transport[0]; i++) {
        struct library_server *server = library_server_open(every_transport[i]);
        struct deltastream_client *client = library_client_open(server);
        const Deltastream__Storage__ListTicksRequest request = ticks_request("NIFTY", 7);
        struct deltastream_reply *reply = NULL;
        assert_int_equal(deltastream_storage_list_ticks(client, &request, NULL, &reply),
                         DELTASTREAM_OK);
        assert_int_equal(deltastream_reply_code(reply), DELTASTREAM_OK);
        assert_string_equal(deltastream_reply_message(reply), "");
        const Deltastream__Storage__ListTicksResponse *response =
            deltastream_storage_list_ticks_response(reply);
        assert_string_equal(response->product, "NIFTY");
        assert_int_equal(response->count, 7);
        assert_null(deltastream_storage_latest_tick_response(reply));
        assert_int_equal(deltastream_client_state(client), DELTASTREAM_READY);
        deltastream_client_close(client);
        assert_string_equal(response->product, "NIFTY"); /* Replies outlive their client. */
        deltastream_reply_free(reply);
        library_server_close(server);
    }
}

static void an_optional_field_tells_whether_it_is_there(void **state)
{
    (void)state;
    Deltastream__Storage__Tick tick = DELTASTREAM__STORAGE__TICK__INIT;
    assert_false(deltastream__storage__tick__has_price(&tick));
    deltastream__storage__tick__set_price(&tick, 0);
    assert_true(deltastream__storage__tick__has_price(&tick));
    assert_true(tick.price == 0);
    assert_int_equal(deltastream__storage__tick__get_packed_size(&tick), 9);
}

static void a_failure_has_its_code_text_reason_and_details(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    const Deltastream__Storage__LatestTickRequest request = latest_request("retry");
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_storage_latest_tick(client, &request, NULL, &reply),
                     DELTASTREAM_UNAVAILABLE);
    assert_string_equal(deltastream_reply_message(reply), "later");
    assert_string_equal(deltastream_reply_reason(reply), "STORE_UNAVAILABLE");
    assert_null(deltastream_storage_latest_tick_response(reply));
    struct deltastream_reply_info info = {.struct_size = sizeof info};
    assert_int_equal(deltastream_reply_describe(reply, &info), DELTASTREAM_OK);
    assert_true(info.has_retry_after);
    assert_int_equal(info.retry_after_ms, 1500);
    assert_false(info.is_unreached);
    size_t bytes = 0;
    const void *details = deltastream_reply_details(reply, &bytes);
    Deltastream__Google__Rpc__Status *status =
        deltastream__google__rpc__status__unpack(NULL, bytes, details);
    assert_non_null(status);
    assert_int_equal(status->code, DELTASTREAM_UNAVAILABLE);
    deltastream__google__rpc__status__free_unpacked(status, NULL);
    deltastream_reply_free(reply);
    deltastream_client_close(client);
}

/* The fixture answers so many zero bytes, which are no message. */
static void a_response_that_cannot_be_read_is_internal(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    const Deltastream__Storage__ListTicksRequest request = ticks_request("bytes", 10);
    struct deltastream_reply *reply = NULL;
    const char *text = NULL;
    assert_int_equal(deltastream_storage_list_ticks(client, &request, NULL, &reply),
                     DELTASTREAM_INTERNAL);
    assert_null(deltastream_storage_list_ticks_response(reply));
    assert_string_not_equal(deltastream_reply_message(reply), "");
    deltastream_reply_free(reply);

    static const char json[] = "{\"product\":\"bytes\",\"limit\":10}";
    assert_int_equal(
        deltastream_call_json(client,
                              deltastream_method_find("deltastream.storage.v1.Storage/ListTicks"),
                              json, strlen(json), NULL, &reply),
        DELTASTREAM_OK);
    size_t bytes = 0;
    assert_non_null(deltastream_reply_wire(reply, &bytes));
    assert_int_equal(bytes, 10);
    assert_int_equal(deltastream_reply_json(reply, 0, &text, NULL), DELTASTREAM_INTERNAL);
    deltastream_reply_free(reply);
    deltastream_client_close(client);
}

static void a_reply_that_nobody_wants_is_freed(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    const Deltastream__Storage__LatestTickRequest request = latest_request("NIFTY");
    assert_int_equal(deltastream_storage_latest_tick(client, &request, NULL, NULL),
                     DELTASTREAM_NOT_FOUND);
    deltastream_client_close(client);
}

static void a_request_that_was_not_initialised_is_refused(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    Deltastream__Storage__LatestTickRequest request;
    memset(&request, 0, sizeof request);
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_storage_latest_tick(client, &request, NULL, &reply),
                     DELTASTREAM_INVALID_ARGUMENT);
    assert_non_null(strstr(deltastream_reply_message(reply), "__INIT"));
    deltastream_reply_free(reply);
    deltastream_client_close(client);
}

static void options_without_their_size_are_refused(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct deltastream_client *none = NULL;
    char why[DELTASTREAM_MESSAGE_BYTES_MAX] = "";
    struct deltastream_client_options options = {.url = "tcp://127.0.0.1:1"};
    assert_int_equal(deltastream_client_open(&options, &none, why, sizeof why),
                     DELTASTREAM_INVALID_ARGUMENT);
    assert_non_null(strstr(why, "struct_size"));
    options.struct_size = sizeof options + 8; /* As a later release may have it. */
    assert_int_equal(deltastream_client_open(&options, &none, NULL, 0),
                     DELTASTREAM_INVALID_ARGUMENT);
    assert_null(none);

    const struct deltastream_call_options call_options = {.timeout_ms = 1};
    const Deltastream__Storage__ListTicksRequest request = ticks_request("NIFTY", 1);
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_storage_list_ticks(client, &request, &call_options, &reply),
                     DELTASTREAM_INVALID_ARGUMENT);
    assert_non_null(strstr(deltastream_reply_message(reply), "struct_size"));
    deltastream_reply_free(reply);
    struct deltastream_traffic traffic = {.struct_size = 0};
    assert_int_equal(deltastream_client_traffic(client, &traffic), DELTASTREAM_INVALID_ARGUMENT);
    deltastream_client_close(client);
}

static void client_options_that_cannot_be_used_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const one_is_null[] = {"tcp://127.0.0.1:1", NULL};
    static const char *const one_is_bad[] = {"tcp://127.0.0.1:1", "http://127.0.0.1:1"};
    const struct deltastream_retry_policy retry_without_size = {.attempts_max = 2};
    const struct deltastream_principal nobody = {.struct_size = sizeof nobody};
    const struct {
        struct deltastream_client_options options;
        enum deltastream_code code;
        const char *reason;
    } cases[] = {
        {{.url = NULL}, DELTASTREAM_INVALID_ARGUMENT, "url"},
        {{.url = "http://127.0.0.1:1"},
         DELTASTREAM_INVALID_ARGUMENT,
         "url: \"http://127.0.0.1:1\" is not of the form ipc:///path"},
        {{.url = "tls+tcp://nowhere"},
         DELTASTREAM_INVALID_ARGUMENT,
         "url: tls+tcp://nowhere is not of the form"},
        {{.urls = one_is_bad, .url_count = 2}, DELTASTREAM_INVALID_ARGUMENT, "url: one of urls is"},
        {{.urls = one_is_null, .url_count = 2}, DELTASTREAM_INVALID_ARGUMENT, "NULL"},
        {{.urls = one_is_null, .url_count = 17}, DELTASTREAM_INVALID_ARGUMENT, "16"},
        {{.url = "tcp://127.0.0.1:1", .retry = &retry_without_size},
         DELTASTREAM_INVALID_ARGUMENT,
         "retry: struct_size"},
        {{.url = "tcp://127.0.0.1:1", .principal = &nobody},
         DELTASTREAM_INVALID_ARGUMENT,
         "subject"},
        {{.url = "tls+tcp://localhost:1", .tls_ca_file = "/nowhere.pem"},
         DELTASTREAM_FAILED_PRECONDITION,
         "/nowhere.pem"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct deltastream_client_options options = cases[i].options;
        struct deltastream_client *client = NULL;
        char why[DELTASTREAM_MESSAGE_BYTES_MAX] = "";
        options.struct_size = sizeof options;
        assert_int_equal(deltastream_client_open(&options, &client, why, sizeof why),
                         cases[i].code);
        assert_null(client);
        if (strstr(why, cases[i].reason) == NULL) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, why, cases[i].reason);
        }
    }
}

static void call_options_that_cannot_be_used_are_refused_with_a_reason(void **state)
{
    (void)state;
    char key[65] = {0};
    const struct deltastream_metadata capital = {.key = "Key", .value = "v", .value_bytes = 1};
    const struct deltastream_metadata without_key = {.key = NULL};
    const struct {
        struct deltastream_call_options options;
        const char *reason;
    } cases[] = {
        {{.idempotency_key = key, .idempotency_key_bytes = sizeof key}, "idempotency_key"},
        {{.idempotency_key_bytes = 1}, "idempotency_key"},
        {{.metadata = &capital, .metadata_count = 1}, "key"},
        {{.metadata = &without_key, .metadata_count = 1}, "NULL"},
        {{.metadata = &capital, .metadata_count = 65}, "64"},
        {{.compression = (enum deltastream_compression)7}, "compression"},
    };
    assert_null(deltastream_call_options_refusal(NULL));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct deltastream_call_options options = cases[i].options;
        options.struct_size = sizeof options;
        const char *why = deltastream_call_options_refusal(&options);
        assert_non_null(why);
        if (strstr(why, cases[i].reason) == NULL) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, why, cases[i].reason);
        }
    }
}

static void a_call_by_its_bytes_gives_the_responses_bytes(void **state)
{
    static const char wire[] = "\x0a\x05NIFTY";
    struct deltastream_client *client = library_client_open(*state);
    const struct deltastream_method *method =
        deltastream_method_find("deltastream.storage.v1.Storage/ListTicks");
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_call_raw(client, method, wire, sizeof wire - 1, NULL, &reply),
                     DELTASTREAM_OK);
    size_t bytes = 0;
    const void *response = deltastream_reply_wire(reply, &bytes);
    assert_int_equal(bytes, sizeof wire - 1); /* The field has the same number there. */
    assert_memory_equal(response, wire, bytes);
    struct deltastream_reply_info info = {.struct_size = sizeof info};
    assert_int_equal(deltastream_reply_describe(reply, &info), DELTASTREAM_OK);
    assert_ptr_equal(info.method, method);
    assert_int_equal(info.attempt, 0);
    assert_null(deltastream_storage_list_ticks_response(reply));
    deltastream_reply_free(reply);
    deltastream_client_close(client);
}

static void a_method_that_nobody_knows_is_unimplemented(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    struct deltastream_reply *reply = NULL;
    assert_null(deltastream_method_find("deltastream.storage.v1.Storage/Nothing"));
    assert_int_equal(deltastream_call_raw(client, NULL, NULL, 0, NULL, &reply),
                     DELTASTREAM_UNIMPLEMENTED);
    deltastream_reply_free(reply);
    assert_int_equal(deltastream_call_json(client, NULL, "{}", 2, NULL, NULL),
                     DELTASTREAM_UNIMPLEMENTED);
    deltastream_client_close(client);
}

static void a_call_in_json_gives_json(void **state)
{
    static const char request[] = "{\"product\": \"NIFTY\", \"limit\": 3}";
    struct deltastream_client *client = library_client_open(*state);
    const struct deltastream_method *method =
        deltastream_method_find("deltastream.storage.v1.Storage/ListTicks");
    struct deltastream_reply *reply = NULL;
    const char *text = NULL;
    size_t bytes = 0;
    assert_int_equal(deltastream_call_json(client, method, request, strlen(request), NULL, &reply),
                     DELTASTREAM_OK);
    assert_int_equal(deltastream_reply_json(reply, 0, &text, &bytes), DELTASTREAM_OK);
    assert_string_equal(text, "{\"product\":\"NIFTY\",\"count\":3}");
    assert_int_equal(bytes, strlen(text));
    const unsigned int flags = DELTASTREAM_JSON_PROTO_NAMES | DELTASTREAM_JSON_DEFAULTS;
    assert_int_equal(deltastream_reply_json(reply, flags, &text, NULL), DELTASTREAM_OK);
    assert_non_null(strstr(text, "\"next_page_token\":\"\""));
    deltastream_reply_free(reply);
    deltastream_client_close(client);
}

static void json_that_cannot_be_read_names_its_place(void **state)
{
    static const char request[] = "{\"product\": \"NIFTY\", \"limit\": \"many\"}";
    struct deltastream_client *client = library_client_open(*state);
    const struct deltastream_method *method =
        deltastream_method_find("deltastream.storage.v1.Storage/ListTicks");
    struct deltastream_reply *reply = NULL;
    const char *text = NULL;
    assert_int_equal(deltastream_call_json(client, method, request, strlen(request), NULL, &reply),
                     DELTASTREAM_INVALID_ARGUMENT);
    assert_non_null(strstr(deltastream_reply_message(reply), "/limit"));
    assert_int_equal(deltastream_reply_json(reply, 0, &text, NULL),
                     DELTASTREAM_FAILED_PRECONDITION);
    deltastream_reply_free(reply);

    void *wire = NULL;
    size_t wire_bytes = 0;
    char why[DELTASTREAM_MESSAGE_BYTES_MAX] = "";
    assert_int_equal(deltastream_request_from_json(method, request, strlen(request), &wire,
                                                   &wire_bytes, why, sizeof why),
                     DELTASTREAM_INVALID_ARGUMENT);
    assert_non_null(strstr(why, "/limit"));
    assert_int_equal(
        deltastream_request_from_json(method, "{\"limit\":3}", 11, &wire, &wire_bytes, NULL, 0),
        DELTASTREAM_OK);
    assert_true(wire_bytes > 0);
    deltastream_free(wire);
    deltastream_client_close(client);
}

static void metadata_travels_both_ways(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    const struct deltastream_metadata sent[] = {
        {.key = "echo", .value = "hello", .value_bytes = 5},
        {.key = "echo-bin", .value = "\0\1", .value_bytes = 2},
    };
    const struct deltastream_call_options options = {
        .struct_size = sizeof options, .metadata = sent, .metadata_count = 2};
    const Deltastream__Storage__ListTicksRequest request = ticks_request("NIFTY", 1);
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_storage_list_ticks(client, &request, &options, &reply),
                     DELTASTREAM_OK);
    struct deltastream_metadata entry;
    assert_true(deltastream_reply_metadata(reply, "echo-bin", &entry));
    assert_int_equal(entry.value_bytes, 2);
    assert_memory_equal(entry.value, "\0\1", 2);
    assert_true(deltastream_reply_metadata_at(reply, 0, &entry));
    assert_string_equal(entry.key, "echo");
    assert_false(deltastream_reply_metadata_at(reply, 2, &entry));
    assert_false(deltastream_reply_metadata(reply, "nothing", &entry));
    deltastream_reply_free(reply);
    deltastream_client_close(client);
}

/* Over ipc the server believes what the client says of itself. */
static void the_principal_is_who_calls(void **state)
{
    const struct library_server *server = *state;
    static const char *const permissions[] = {"market:read"};
    const struct deltastream_principal reader = {.struct_size = sizeof reader,
                                                 .subject = "service:reader",
                                                 .authentication_method = "jwt",
                                                 .permissions = permissions,
                                                 .permission_count = 1};
    const struct deltastream_client_options options = {.struct_size = sizeof options,
                                                       .url = library_server_url(server),
                                                       .timeout_ms = LIBRARY_PATIENCE_MS,
                                                       .principal = &reader};
    struct deltastream_client *client = NULL;
    assert_int_equal(deltastream_client_open(&options, &client, NULL, 0), DELTASTREAM_OK);
    Deltastream__Storage__ListProductsRequest request =
        DELTASTREAM__STORAGE__LIST_PRODUCTS_REQUEST__INIT;
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_storage_list_products(client, &request, NULL, &reply),
                     DELTASTREAM_OK);
    assert_string_equal(deltastream_storage_list_products_response(reply)->products[0],
                        "service:reader");
    deltastream_reply_free(reply);
    Deltastream__Storage__IngestTicksRequest write =
        DELTASTREAM__STORAGE__INGEST_TICKS_REQUEST__INIT;
    assert_int_equal(deltastream_storage_ingest_ticks(client, &write, NULL, NULL),
                     DELTASTREAM_PERMISSION_DENIED);
    deltastream_client_close(client);
}

static void a_call_with_a_key_is_executed_once(void **state)
{
    struct library_server *server = *state;
    struct deltastream_client *client = library_client_open(server);
    Deltastream__Storage__Tick tick = DELTASTREAM__STORAGE__TICK__INIT;
    Deltastream__Storage__Tick *ticks[] = {&tick};
    Deltastream__Storage__IngestTicksRequest request =
        DELTASTREAM__STORAGE__INGEST_TICKS_REQUEST__INIT;
    request.ticks = ticks;
    request.n_ticks = 1;
    const struct deltastream_call_options options = {
        .struct_size = sizeof options, .idempotency_key = "key 1", .idempotency_key_bytes = 5};
    const int before = library_server_executed(server);
    for (int i = 0; i < 2; i++) {
        struct deltastream_reply *reply = NULL;
        assert_int_equal(deltastream_storage_ingest_ticks(client, &request, &options, &reply),
                         DELTASTREAM_OK);
        assert_int_equal(deltastream_storage_ingest_ticks_response(reply)->accepted, 1);
        deltastream_reply_free(reply);
    }
    assert_int_equal(library_server_executed(server), before + 1);
    deltastream_client_close(client);
}

static void a_deadline_ends_a_call(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    const struct deltastream_call_options options = {.struct_size = sizeof options,
                                                     .timeout_ms = 50};
    Deltastream__Storage__IngestTicksRequest request =
        DELTASTREAM__STORAGE__INGEST_TICKS_REQUEST__INIT;
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_storage_ingest_ticks(client, &request, &options, &reply),
                     DELTASTREAM_DEADLINE_EXCEEDED);
    assert_string_not_equal(deltastream_reply_message(reply), "");
    deltastream_reply_free(reply);
    deltastream_client_close(client);
}

static uint32_t attempts_of(struct deltastream_client *client, bool no_retry)
{
    const struct deltastream_call_options options = {.struct_size = sizeof options,
                                                     .no_retry = no_retry};
    const Deltastream__Storage__LatestTickRequest request = latest_request("retry");
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_storage_latest_tick(client, &request, &options, &reply),
                     DELTASTREAM_UNAVAILABLE);
    struct deltastream_reply_info info = {.struct_size = sizeof info};
    assert_int_equal(deltastream_reply_describe(reply, &info), DELTASTREAM_OK);
    deltastream_reply_free(reply);
    return info.attempt;
}

static void a_policy_makes_failed_calls_again(void **state)
{
    const struct deltastream_retry_policy retry = {.struct_size = sizeof retry, .attempts_max = 2};
    const struct deltastream_principal principal = {.struct_size = sizeof principal,
                                                    .subject = "service:test"};
    const struct deltastream_client_options options = {.struct_size = sizeof options,
                                                       .url = library_server_url(*state),
                                                       .timeout_ms = LIBRARY_PATIENCE_MS,
                                                       .retry = &retry,
                                                       .principal = &principal};
    struct deltastream_client *client = NULL;
    assert_int_equal(deltastream_client_open(&options, &client, NULL, 0), DELTASTREAM_OK);
    assert_int_equal(attempts_of(client, true), 0);
    assert_int_equal(attempts_of(client, false), 1);
    struct deltastream_traffic traffic = {.struct_size = sizeof traffic};
    assert_int_equal(deltastream_client_traffic(client, &traffic), DELTASTREAM_OK);
    assert_int_equal(traffic.repeated_calls, 1);
    deltastream_client_close(client);
}

/* Whoever hangs up before the greeting is through makes nng's listener deaf for a while. */
static void a_client_that_makes_no_call_troubles_nobody(void **state)
{
    for (int i = 0; i < 3; i++) {
        deltastream_client_close(library_client_open(*state));
    }
    struct deltastream_client *client = library_client_open(*state);
    const Deltastream__Storage__ListTicksRequest request = ticks_request("NIFTY", 1);
    assert_int_equal(deltastream_storage_list_ticks(client, &request, NULL, NULL), DELTASTREAM_OK);
    deltastream_client_close(client);
}

static void nobody_there_is_unavailable(void **state)
{
    (void)state;
    const struct deltastream_client_options options = {.struct_size = sizeof options,
                                                       .url = "ipc:///tmp/ds-nobody-is-here"};
    struct deltastream_client *client = NULL;
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_client_open(&options, &client, NULL, 0), DELTASTREAM_OK);
    const Deltastream__Storage__LatestTickRequest request = latest_request("NIFTY");
    assert_int_equal(deltastream_storage_latest_tick(client, &request, NULL, &reply),
                     DELTASTREAM_UNAVAILABLE);
    assert_string_equal(deltastream_reply_reason(reply), "REASON_UNSPECIFIED");
    struct deltastream_reply_info info = {.struct_size = sizeof info};
    assert_int_equal(deltastream_reply_describe(reply, &info), DELTASTREAM_OK);
    assert_true(info.is_unreached);
    deltastream_reply_free(reply);
    deltastream_client_close(client);
}

/* The library looks for the reason while calls wait for a connection: it may come after the first.
 */
static void a_certificate_that_is_refused_is_named(void **state)
{
    (void)state;
    struct library_server *server = library_server_open(LIBRARY_TLS);
    const struct deltastream_client_options options = {
        .struct_size = sizeof options,
        .url = library_server_url(server),
        .tls_ca_file = library_server_ca_file(server),
        .tls_server_name = "somebody.else",
    };
    struct deltastream_client *client = NULL;
    assert_int_equal(deltastream_client_open(&options, &client, NULL, 0), DELTASTREAM_OK);
    const Deltastream__Storage__LatestTickRequest request = latest_request("NIFTY");
    struct deltastream_reply_info info = {.struct_size = sizeof info, .is_unreached = true};
    struct deltastream_reply *reply = NULL;
    while (info.is_unreached) {
        deltastream_reply_free(reply);
        assert_int_equal(deltastream_storage_latest_tick(client, &request, NULL, &reply),
                         DELTASTREAM_UNAVAILABLE);
        assert_int_equal(deltastream_reply_describe(reply, &info), DELTASTREAM_OK);
    }
    assert_non_null(strstr(deltastream_reply_message(reply), "certificate"));
    deltastream_reply_free(reply);
    deltastream_client_close(client);
    library_server_close(server);
}

/* What is looked at, and what comes out: text is in the message, NULL where there is none. */
static void assert_certificate(const struct deltastream_client_options *given,
                               enum deltastream_code code, const char *text)
{
    struct deltastream_client_options options = *given;
    struct deltastream_client *client = NULL;
    char why[DELTASTREAM_MESSAGE_BYTES_MAX] = "";
    int32_t days = INT32_MIN;
    options.struct_size = sizeof options;
    assert_int_equal(deltastream_client_open(&options, &client, why, sizeof why), DELTASTREAM_OK);
    assert_int_equal(
        deltastream_client_certificate_days(client, LIBRARY_PATIENCE_MS, &days, why, sizeof why),
        code);
    if (code == DELTASTREAM_OK) {
        assert_true(days > 0);
    } else {
        assert_int_equal(days, INT32_MIN);
        assert_non_null(strstr(why, text));
    }
    deltastream_client_close(client);
}

static void a_certificate_can_be_looked_at(void **state)
{
    static const char *const two[] = {"tls+tcp://localhost:1", "tls+tcp://localhost:2"};
    struct library_server *server = library_server_open(LIBRARY_TLS);
    const char *url = library_server_url(server);
    const char *ca_file = library_server_ca_file(server);
    const struct {
        struct deltastream_client_options options;
        enum deltastream_code code;
        const char *text;
    } cases[] = {
        {{.url = url, .tls_ca_file = ca_file}, DELTASTREAM_OK, NULL},
        {{.url = url, .tls_ca_file = ca_file, .tls_server_name = "somebody.else"},
         DELTASTREAM_FAILED_PRECONDITION,
         "certificate"},
        {{.url = two[0], .tls_ca_file = ca_file}, DELTASTREAM_UNAVAILABLE, "reached"},
        {{.urls = two, .url_count = 2, .tls_ca_file = ca_file},
         DELTASTREAM_INVALID_ARGUMENT,
         "one server"},
        {{.url = library_server_url(*state)}, DELTASTREAM_INVALID_ARGUMENT, "tls+tcp"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_certificate(&cases[i].options, cases[i].code, cases[i].text);
    }
    library_server_close(server);
}

static void calls_go_in_turn_to_replicas(void **state)
{
    (void)state;
    struct library_server *servers[] = {library_server_open(LIBRARY_TCP),
                                        library_server_open(LIBRARY_TCP)};
    const char *urls[] = {library_server_url(servers[0]), library_server_url(servers[1])};
    const struct deltastream_client_options options = {.struct_size = sizeof options,
                                                       .urls = urls,
                                                       .url_count = 2,
                                                       .balancing = DELTASTREAM_ROUND_ROBIN,
                                                       .health_timeout_ms = LIBRARY_PATIENCE_MS,
                                                       .timeout_ms = LIBRARY_PATIENCE_MS};
    struct deltastream_client *client = NULL;
    assert_int_equal(deltastream_client_open(&options, &client, NULL, 0), DELTASTREAM_OK);
    for (size_t i = 0; i < 2; i++) {
        while (deltastream_client_replica_state(client, i) != DELTASTREAM_READY) {
            library_pause();
        }
    }
    const Deltastream__Storage__ListTicksRequest request = ticks_request("NIFTY", 1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(deltastream_storage_list_ticks(client, &request, NULL, NULL),
                         DELTASTREAM_OK);
    }
    assert_true(library_server_executed(servers[0]) > 0);
    assert_true(library_server_executed(servers[1]) > 0);
    assert_int_equal(library_server_executed(servers[0]) + library_server_executed(servers[1]), 10);
    deltastream_client_close(client);
    library_server_close(servers[0]);
    library_server_close(servers[1]);
}

static void every_method_is_listed_with_its_properties(void **state)
{
    (void)state;
    size_t storage_count = 0;
    for (size_t i = 0; i < deltastream_method_count(); i++) {
        const struct deltastream_method *method = deltastream_method_at(i);
        struct deltastream_method_info info = {.struct_size = sizeof info};
        assert_int_equal(deltastream_method_describe(method, &info), DELTASTREAM_OK);
        assert_ptr_equal(deltastream_method_find(info.full_name), method);
        assert_true(info.timeout_ms > 0 && info.request_bytes_max > 0);
        storage_count += strcmp(info.service, "deltastream.storage.v1.Storage") == 0;
    }
    assert_null(deltastream_method_at(deltastream_method_count()));
    assert_true(storage_count >= 27);

    struct deltastream_method_info info = {.struct_size = sizeof info};
    assert_int_equal(
        deltastream_method_describe(
            deltastream_method_find("deltastream.storage.v1.Storage/IngestTicks"), &info),
        DELTASTREAM_OK);
    assert_string_equal(info.permission, "market:write");
    assert_string_equal(info.request, "deltastream.storage.v1.IngestTicksRequest");
    assert_int_equal(info.idempotency, DELTASTREAM_IDEMPOTENT);
    assert_true(info.may_compress);
    assert_false(info.is_inline);
}

static void the_services_that_come_with_every_server_have_typed_calls_too(void **state)
{
    struct deltastream_client *client = library_client_open(*state);
    Deltastream__Rpc__HelloRequest hello = DELTASTREAM__RPC__HELLO_REQUEST__INIT;
    struct deltastream_reply *reply = NULL;
    assert_int_equal(deltastream_control_hello(client, &hello, NULL, &reply), DELTASTREAM_OK);
    assert_string_equal(deltastream_control_hello_response(reply)->server, "fixture/1");
    deltastream_reply_free(reply);
    Deltastream__Grpc__Health__V1__HealthCheckRequest check =
        DELTASTREAM__GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    assert_int_equal(deltastream_health_check(client, &check, NULL, NULL), DELTASTREAM_OK);
    deltastream_client_close(client);
}

static void names_and_versions_are_told(void **state)
{
    (void)state;
    assert_string_equal(deltastream_version(), DELTASTREAM_VERSION);
    assert_string_equal(deltastream_code_name(DELTASTREAM_RESOURCE_EXHAUSTED),
                        "RESOURCE_EXHAUSTED");
    assert_string_equal(deltastream_code_name((enum deltastream_code)99), "UNKNOWN");
}

static void what_is_null_may_be_freed(void **state)
{
    (void)state;
    deltastream_client_close(NULL);
    deltastream_reply_free(NULL);
    deltastream_call_release(NULL);
    deltastream_unsubscribe(NULL);
    deltastream_free(NULL);
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
        cmocka_unit_test(a_typed_call_gives_the_typed_response),
        cmocka_unit_test(an_optional_field_tells_whether_it_is_there),
        cmocka_unit_test(a_failure_has_its_code_text_reason_and_details),
        cmocka_unit_test(a_response_that_cannot_be_read_is_internal),
        cmocka_unit_test(a_reply_that_nobody_wants_is_freed),
        cmocka_unit_test(a_request_that_was_not_initialised_is_refused),
        cmocka_unit_test(options_without_their_size_are_refused),
        cmocka_unit_test(client_options_that_cannot_be_used_are_refused_with_a_reason),
        cmocka_unit_test(call_options_that_cannot_be_used_are_refused_with_a_reason),
        cmocka_unit_test(a_call_by_its_bytes_gives_the_responses_bytes),
        cmocka_unit_test(a_method_that_nobody_knows_is_unimplemented),
        cmocka_unit_test(a_call_in_json_gives_json),
        cmocka_unit_test(json_that_cannot_be_read_names_its_place),
        cmocka_unit_test(metadata_travels_both_ways),
        cmocka_unit_test(the_principal_is_who_calls),
        cmocka_unit_test(a_call_with_a_key_is_executed_once),
        cmocka_unit_test(a_deadline_ends_a_call),
        cmocka_unit_test(a_policy_makes_failed_calls_again),
        cmocka_unit_test(a_client_that_makes_no_call_troubles_nobody),
        cmocka_unit_test(nobody_there_is_unavailable),
        cmocka_unit_test(a_certificate_that_is_refused_is_named),
        cmocka_unit_test(a_certificate_can_be_looked_at),
        cmocka_unit_test(calls_go_in_turn_to_replicas),
        cmocka_unit_test(every_method_is_listed_with_its_properties),
        cmocka_unit_test(the_services_that_come_with_every_server_have_typed_calls_too),
        cmocka_unit_test(names_and_versions_are_told),
        cmocka_unit_test(what_is_null_may_be_freed),
    };
    return cmocka_run_group_tests(tests, server_open, server_close);
}
