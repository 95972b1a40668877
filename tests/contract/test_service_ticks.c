/* ListTicks, LatestTick and ListProducts as a caller meets them. */
#include "ds/log.h"
#include "service_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

static void ingest_ticks_of_nifty(struct service *service, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tick_set(service, i, "NIFTY", (int64_t)(i + 1) * 1000000, (int64_t)i, 100 + (double)i);
    }
    assert_int_equal(ingest(service, count), DS_OK);
}

static void ticks_come_back_newest_first_as_they_were_sent(void **state)
{
    struct service *service = *state;
    tick_set(service, 0, "NIFTY", 1000001, 1, 21500.05);
    Storage__Tick *whole = tick_set(service, 1, "NIFTY", 2000000, 2, 0);
    whole->_volume_case = STORAGE__TICK___VOLUME_VOLUME;
    whole->volume = 75;
    whole->_close_case = STORAGE__TICK___CLOSE_CLOSE;
    whole->close = 0;
    Google__Protobuf__Timestamp processed_at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    processed_at.seconds = 9;
    whole->processed_at = &processed_at;
    assert_int_equal(ingest(service, 2), DS_OK);
    assert_ingested(service, "2 0 0");
    const Storage__ListTicksRequest request = list_request("NIFTY");
    Storage__ListTicksResponse *response = list(service, &request);
    assert_int_equal(response->n_ticks, 2);
    assert_string_equal(response->next_page_token, "");
    const Storage__Tick *newest = response->ticks[0];
    assert_string_equal(newest->product, "");
    assert_true(newest->tick_id == 2 && newest->price == 0 && newest->volume == 75);
    assert_int_equal(newest->_close_case, STORAGE__TICK___CLOSE_CLOSE);
    assert_int_equal(newest->_open_case, STORAGE__TICK___OPEN__NOT_SET);
    assert_true(newest->processed_at->seconds == 9);
    const Storage__Tick *oldest = response->ticks[1];
    assert_true(oldest->price == 21500.05 && oldest->timestamp->nanos == 1000);
    assert_true(oldest->processed_at->seconds == SERVICE_NOW_US / 1000000);
    assert_true(oldest->processed_at->nanos == 1000);
    storage__list_ticks_response__free_unpacked(response, NULL);
}

static void start_and_end_belong_to_the_range(void **state)
{
    struct service *service = *state;
    ingest_ticks_of_nifty(service, 5);
    Google__Protobuf__Timestamp start = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Google__Protobuf__Timestamp end = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Storage__ListTicksRequest request = list_request("NIFTY");
    request.start = &start;
    request.end = &end;
    start.seconds = 2;
    end.seconds = 4;
    assert_list(service, &request, "3 2 1");
    request.order = STORAGE__ORDER__ORDER_ASC;
    assert_list(service, &request, "1 2 3");
    /* A nanosecond inside is outside of the row's microsecond. */
    start.nanos = 1;
    end.seconds = 3;
    end.nanos = 999999999;
    assert_list(service, &request, "2");
    start.seconds = 5;
    assert_list(service, &request, "");
}

static void an_unknown_product_is_an_empty_list(void **state)
{
    struct service *service = *state;
    const Storage__ListTicksRequest request = list_request("NOSUCH");
    assert_list(service, &request, "");
}

static void without_a_limit_a_list_has_100_rows_and_at_most_10000(void **state)
{
    struct service *service = *state;
    ingest_ticks_of_nifty(service, 10000);
    assert_ingested(service, "10000 0 0");
    tick_set(service, 0, "NIFTY", 1, 0, 1);
    assert_int_equal(ingest(service, 1), DS_OK);
    assert_ingested(service, "1 0 1");
    Storage__ListTicksRequest request = list_request("NIFTY");
    Storage__ListTicksResponse *response = list(service, &request);
    assert_int_equal(response->count, 100);
    assert_string_not_equal(response->next_page_token, "");
    storage__list_ticks_response__free_unpacked(response, NULL);
    limit_set(&request, 10001);
    response = list(service, &request);
    assert_int_equal(response->count, 10000);
    assert_string_not_equal(response->next_page_token, "");
    assert_true(response->ticks[9999]->tick_id == 0);
    storage__list_ticks_response__free_unpacked(response, NULL);
}

static void pages_follow_one_another_to_the_last_row(void **state)
{
    struct service *service = *state;
    for (size_t i = 0; i < 250; i++) {
        /* Five rows to a timestamp. */
        tick_set(service, i, "NIFTY", (int64_t)(i / 5) * 1000000, (int64_t)i, 1);
    }
    assert_int_equal(ingest(service, 250), DS_OK);
    for (int ascending = 0; ascending < 2; ascending++) {
        Storage__ListTicksRequest request = list_request("NIFTY");
        request.order = ascending == 1 ? STORAGE__ORDER__ORDER_ASC : STORAGE__ORDER__ORDER_DESC;
        limit_set(&request, 7);
        char token[128] = "";
        size_t seen = 0;
        do {
            request.page_token = token;
            Storage__ListTicksResponse *response = list(service, &request);
            for (size_t i = 0; i < response->n_ticks; i++, seen++) {
                const size_t expected = ascending == 1 ? seen : 249 - seen;
                assert_true((size_t)response->ticks[i]->tick_id == expected);
            }
            snprintf(token, sizeof(token), "%s", response->next_page_token);
            storage__list_ticks_response__free_unpacked(response, NULL);
        } while (token[0] != '\0' && seen <= 250);
        assert_int_equal(seen, 250);
    }
}

static void a_page_token_of_another_list_is_refused(void **state)
{
    struct service *service = *state;
    ingest_ticks_of_nifty(service, 3);
    Storage__ListTicksRequest request = list_request("NIFTY");
    limit_set(&request, 1);
    Storage__ListTicksResponse *response = list(service, &request);
    request.page_token = response->next_page_token;
    request.order = STORAGE__ORDER__ORDER_ASC;
    assert_int_equal(service_call(service, "ListTicks", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "page_token", "INVALID_PAGE_TOKEN");
    assert_non_null(strstr(service->call.message, "page_token"));
    request.order = STORAGE__ORDER__ORDER_DESC;
    request.product = (char *)(uintptr_t) "BANKNIFTY";
    assert_int_equal(service_call(service, "ListTicks", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "page_token", "INVALID_PAGE_TOKEN");
    request.product = (char *)(uintptr_t) "NIFTY";
    assert_list(service, &request, "1 more");
    storage__list_ticks_response__free_unpacked(response, NULL);
}

static void a_bad_parameter_of_a_list_is_refused_by_name(void **state)
{
    struct service *service = *state;
    static const char *const products[] = {"", "A/B", "A\nB"};
    for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++) {
        const Storage__ListTicksRequest request = list_request(products[i]);
        assert_int_equal(service_call(service, "ListTicks", &request.base), DS_INVALID_ARGUMENT);
        assert_failure(service, "product", NULL);
    }
    static const int32_t limits[] = {0, -1, INT32_MIN};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        Storage__ListTicksRequest request = list_request("NIFTY");
        limit_set(&request, limits[i]);
        assert_int_equal(service_call(service, "ListTicks", &request.base), DS_INVALID_ARGUMENT);
        assert_failure(service, "limit", NULL);
    }
    Storage__ListTicksRequest request = list_request("NIFTY");
    request.order = (Storage__Order)7;
    assert_int_equal(service_call(service, "ListTicks", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "order", NULL);
    Google__Protobuf__Timestamp moment = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    moment.nanos = -1;
    request = list_request("NIFTY");
    request.start = &moment;
    assert_int_equal(service_call(service, "ListTicks", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "start", NULL);
    request = list_request("NIFTY");
    moment.nanos = 0;
    moment.seconds = INT64_MAX;
    request.end = &moment;
    assert_int_equal(service_call(service, "ListTicks", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "end", NULL);
}

/* Rows of the largest size: 10,000 of them have 40 MB, a reply 16. */
static void a_list_stops_before_the_largest_reply_and_says_where_to_go_on(void **state)
{
    struct service *service = *state;
    static uint8_t bytes[4000];
    ProtobufCMessageUnknownField unknown = {
        .tag = 999,
        .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
        .len = sizeof(bytes),
        .data = bytes,
    };
    /* The length that stands in front of the bytes. */
    bytes[0] = (uint8_t)((sizeof(bytes) - 2) | 0x80);
    bytes[1] = (uint8_t)((sizeof(bytes) - 2) >> 7);
    for (size_t part = 0; part < 5; part++) {
        for (size_t i = 0; i < 1000; i++) {
            const int64_t id = (int64_t)(part * 1000 + i);
            Storage__Tick *tick = tick_set(service, i, "NIFTY", id * 1000000, id, 1);
            tick->base.n_unknown_fields = 1;
            tick->base.unknown_fields = &unknown;
        }
        assert_int_equal(ingest(service, 1000), DS_OK);
        assert_ingested(service, "1000 0 0");
    }
    Storage__ListTicksRequest request = list_request("NIFTY");
    limit_set(&request, 10000);
    char token[128] = "";
    size_t seen = 0;
    size_t pages = 0;
    do {
        request.page_token = token;
        Storage__ListTicksResponse *response = list(service, &request);
        assert_true(service->call.response.size <= 16 * 1024 * 1024);
        for (size_t i = 0; i < response->n_ticks; i++, seen++) {
            assert_true((size_t)response->ticks[i]->tick_id == 4999 - seen);
        }
        snprintf(token, sizeof(token), "%s", response->next_page_token);
        storage__list_ticks_response__free_unpacked(response, NULL);
        pages++;
    } while (token[0] != '\0' && pages < 10);
    assert_int_equal(seen, 5000);
    assert_int_equal(pages, 2);
}

static void the_latest_tick_has_its_product(void **state)
{
    struct service *service = *state;
    ingest_ticks_of_nifty(service, 3);
    Storage__LatestTickRequest request = STORAGE__LATEST_TICK_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "NIFTY";
    assert_int_equal(service_call(service, "LatestTick", &request.base), DS_OK);
    Storage__Tick *tick =
        storage__tick__unpack(NULL, service->call.response.size, service->call.response.data);
    assert_non_null(tick);
    assert_string_equal(tick->product, "NIFTY");
    assert_true(tick->tick_id == 2 && tick->price == 102);
    storage__tick__free_unpacked(tick, NULL);
    request.product = (char *)(uintptr_t) "NIFT";
    assert_int_equal(service_call(service, "LatestTick", &request.base), DS_NOT_FOUND);
    assert_failure(service, NULL, "NOT_FOUND");
    request.product = (char *)(uintptr_t) "";
    assert_int_equal(service_call(service, "LatestTick", &request.base), DS_INVALID_ARGUMENT);
    assert_failure(service, "product", NULL);
}

static void products_are_listed_in_order(void **state)
{
    struct service *service = *state;
    Storage__ListProductsRequest request = STORAGE__LIST_PRODUCTS_REQUEST__INIT;
    assert_int_equal(service_call(service, "ListProducts", &request.base), DS_OK);
    assert_int_equal(service->call.response.size, 0);
    tick_set(service, 0, "SENSEX", 1, 1, 1);
    tick_set(service, 1, "BANKNIFTY", 1, 1, 1);
    tick_set(service, 2, "NIFTY", 1, 1, 1);
    assert_int_equal(ingest(service, 3), DS_OK);
    assert_int_equal(service_call(service, "ListProducts", &request.base), DS_OK);
    Storage__ListProductsResponse *response = storage__list_products_response__unpack(
        NULL, service->call.response.size, service->call.response.data);
    assert_non_null(response);
    assert_int_equal(response->n_products, 3);
    assert_string_equal(response->products[0], "BANKNIFTY");
    assert_string_equal(response->products[1], "NIFTY");
    assert_string_equal(response->products[2], "SENSEX");
    storage__list_products_response__free_unpacked(response, NULL);
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_come_back_newest_first_as_they_were_sent),
        cmocka_unit_test(start_and_end_belong_to_the_range),
        cmocka_unit_test(an_unknown_product_is_an_empty_list),
        cmocka_unit_test(without_a_limit_a_list_has_100_rows_and_at_most_10000),
        cmocka_unit_test(pages_follow_one_another_to_the_last_row),
        cmocka_unit_test(a_page_token_of_another_list_is_refused),
        cmocka_unit_test(a_bad_parameter_of_a_list_is_refused_by_name),
        cmocka_unit_test(a_list_stops_before_the_largest_reply_and_says_where_to_go_on),
        cmocka_unit_test(the_latest_tick_has_its_product),
        cmocka_unit_test(products_are_listed_in_order),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    return run_on_engines() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
