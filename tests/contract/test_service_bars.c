/* GetBars and GetOhlc as a caller meets them. */
#include "ds/log.h"
#include "service_json.h"
#include "storage/rpc/page_token.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)

/* Ten o'clock of a day in 2025. */
#define TEN INT64_C(1737799200000000)

static void tick_with_volume(struct service *service, size_t index, int64_t timestamp_us,
                             int64_t tick_id, double price, int64_t volume)
{
    Storage__Tick *tick = tick_set(service, index, "NIFTY", timestamp_us, tick_id, price);
    tick->_volume_case = STORAGE__TICK___VOLUME_VOLUME;
    tick->volume = volume;
}

/* Three minutes with ticks, the second without any between them. */
static void ingest_some(struct service *service)
{
    tick_with_volume(service, 0, TEN, 1, 100, 10);
    tick_with_volume(service, 1, TEN + 30 * SECOND, 2, 104, 30);
    tick_set(service, 2, "NIFTY", TEN + 60 * SECOND - 1, 3, 98);
    tick_set(service, 3, "NIFTY", TEN + 2 * MINUTE, 4, 99.5);
    tick_with_volume(service, 4, TEN + 3 * MINUTE, 5, 97, 0);
    tick_set(service, 5, "OTHER", TEN, 1, 1);
    assert_int_equal(ingest(service, 6), DS_OK);
}

#define BAR_AT_TEN                                                                                 \
    "{\"start_time\":\"2025-01-25T10:00:00Z\",\"end_time\":\"2025-01-25T10:01:00Z\","              \
    "\"open\":100,\"high\":104,\"low\":98,\"close\":98,\"num_ticks\":3,\"volume\":40,"             \
    "\"vwap\":103}"
#define BAR_AT_TWO                                                                                 \
    "{\"start_time\":\"2025-01-25T10:02:00Z\",\"end_time\":\"2025-01-25T10:03:00Z\","              \
    "\"open\":99.5,\"high\":99.5,\"low\":99.5,\"close\":99.5,\"num_ticks\":1}"
#define BAR_AT_THREE                                                                               \
    "{\"start_time\":\"2025-01-25T10:03:00Z\",\"end_time\":\"2025-01-25T10:04:00Z\","              \
    "\"open\":97,\"high\":97,\"low\":97,\"close\":97,\"num_ticks\":1,\"volume\":0}"
#define REPLY(count, bars)                                                                         \
    "{\"product\":\"NIFTY\",\"interval\":\"1m\",\"count\":" #count ",\"bars\":[" bars              \
    "],\"next_page_token\":\"\"}"

static void bars_come_newest_first_and_minutes_without_ticks_are_left_out(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "GetBars", "{\"product\":\"NIFTY\"}",
                REPLY(3, BAR_AT_THREE "," BAR_AT_TWO "," BAR_AT_TEN));
    assert_json(service, "GetBars",
                "{\"product\":\"NIFTY\",\"interval\":\"1m\",\"order\":\"ORDER_ASC\"}",
                REPLY(3, BAR_AT_TEN "," BAR_AT_TWO "," BAR_AT_THREE));
}

static void start_and_end_say_which_ticks_count(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "GetBars",
                "{\"product\":\"NIFTY\",\"start\":\"2025-01-25T10:02:00Z\","
                "\"end\":\"2025-01-25T10:03:00Z\"}",
                REPLY(2, BAR_AT_THREE "," BAR_AT_TWO));
    assert_json(service, "GetBars",
                "{\"product\":\"NIFTY\",\"start\":\"2025-01-25T10:00:00.000001Z\","
                "\"end\":\"2025-01-25T10:00:30Z\"}",
                REPLY(1, "{\"start_time\":\"2025-01-25T10:00:00Z\","
                         "\"end_time\":\"2025-01-25T10:01:00Z\",\"open\":104,\"high\":104,"
                         "\"low\":104,\"close\":104,\"num_ticks\":1,\"volume\":30,\"vwap\":104}"));
    assert_json(service, "GetBars",
                "{\"product\":\"NIFTY\",\"start\":\"2025-01-25T11:00:00Z\","
                "\"end\":\"2025-01-25T10:00:00Z\"}",
                REPLY(0, ""));
}

static void an_unknown_product_has_no_bars(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "GetBars", "{\"product\":\"NOTHING\",\"interval\":\"1d\"}",
                "{\"product\":\"NOTHING\",\"interval\":\"1d\",\"count\":0,\"bars\":[],"
                "\"next_page_token\":\"\"}");
}

static void days_begin_at_midnight_in_utc(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "GetBars", "{\"product\":\"NIFTY\",\"interval\":\"1d\"}",
                "{\"product\":\"NIFTY\",\"interval\":\"1d\",\"count\":1,\"bars\":["
                "{\"start_time\":\"2025-01-25T00:00:00Z\",\"end_time\":\"2025-01-26T00:00:00Z\","
                "\"open\":100,\"high\":104,\"low\":97,\"close\":97,\"num_ticks\":5,\"volume\":40,"
                "\"vwap\":103}],\"next_page_token\":\"\"}");
}

static void a_late_row_corrects_its_bar(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    /* Before the first one of its minute and before all but one of another. */
    tick_with_volume(service, 0, TEN - MINUTE, 9, 96, 1);
    tick_with_volume(service, 1, TEN + 60 * SECOND - 1, 4, 105, 40);
    assert_int_equal(ingest(service, 2), DS_OK);
    assert_ingested(service, "2 0 2");
    assert_json(service, "GetBars", "{\"product\":\"NIFTY\",\"end\":\"2025-01-25T10:01:00Z\"}",
                REPLY(2, "{\"start_time\":\"2025-01-25T10:00:00Z\","
                         "\"end_time\":\"2025-01-25T10:01:00Z\",\"open\":100,\"high\":105,"
                         "\"low\":98,\"close\":105,\"num_ticks\":4,\"volume\":80,\"vwap\":104},"
                         "{\"start_time\":\"2025-01-25T09:59:00Z\","
                         "\"end_time\":\"2025-01-25T10:00:00Z\",\"open\":96,\"high\":96,"
                         "\"low\":96,\"close\":96,\"num_ticks\":1,\"volume\":1,\"vwap\":96}"));
}

/* Ticks of one moment count in the order of their ids. */
static void open_and_close_follow_the_order_of_rows(void **state)
{
    struct service *service = *state;
    tick_set(service, 0, "NIFTY", TEN, 2, 3);
    tick_set(service, 1, "NIFTY", TEN, -1, 1);
    tick_set(service, 2, "NIFTY", TEN, 1, 2);
    assert_int_equal(ingest(service, 3), DS_OK);
    for (int order = 1; order <= 2; order++) {
        char request[128];
        snprintf(request, sizeof request,
                 "{\"product\":\"NIFTY\",\"interval\":\"1m\",\"order\":%d}", order);
        assert_json(service, "GetBars", request,
                    REPLY(1, "{\"start_time\":\"2025-01-25T10:00:00Z\","
                             "\"end_time\":\"2025-01-25T10:01:00Z\",\"open\":1,\"high\":3,"
                             "\"low\":1,\"close\":3,\"num_ticks\":3}"));
    }
}

static Storage__GetBarsResponse *bars(struct service *service,
                                      const Storage__GetBarsRequest *request)
{
    if (service_call(service, "GetBars", &request->base) != DS_OK) {
        fail_msg("%s", service->call.message);
    }
    const struct ds_bytes wire = service->call.response;
    Storage__GetBarsResponse *response =
        storage__get_bars_response__unpack(NULL, wire.size, wire.data);
    assert_non_null(response);
    assert_int_equal(response->count, response->n_bars);
    return response;
}

static Storage__GetBarsRequest bars_request(const char *interval, int32_t limit)
{
    Storage__GetBarsRequest request = STORAGE__GET_BARS_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "NIFTY";
    request.interval = (char *)(uintptr_t)interval;
    request._limit_case = STORAGE__GET_BARS_REQUEST___LIMIT_LIMIT;
    request.limit = limit;
    return request;
}

static void without_a_limit_there_are_500_bars(void **state)
{
    struct service *service = *state;
    for (size_t i = 0; i < 501; i++) {
        tick_set(service, i, "NIFTY", TEN + (int64_t)i * SECOND, (int64_t)i, 1);
    }
    assert_int_equal(ingest(service, 501), DS_OK);
    Storage__GetBarsRequest request = bars_request("1s", 0);
    request._limit_case = STORAGE__GET_BARS_REQUEST___LIMIT__NOT_SET;
    Storage__GetBarsResponse *response = bars(service, &request);
    assert_int_equal(response->n_bars, 500);
    assert_string_not_equal(response->next_page_token, "");
    storage__get_bars_response__free_unpacked(response, NULL);
    request = bars_request("1s", INT32_MAX);
    response = bars(service, &request);
    assert_int_equal(response->n_bars, 501);
    assert_string_equal(response->next_page_token, "");
    storage__get_bars_response__free_unpacked(response, NULL);
}

static void there_are_10000_bars_at_most(void **state)
{
    struct service *service = *state;
    for (size_t i = 0; i < 10000; i++) {
        tick_set(service, i, "NIFTY", TEN + (int64_t)i * SECOND, (int64_t)i, 1);
    }
    assert_int_equal(ingest(service, 10000), DS_OK);
    tick_set(service, 0, "NIFTY", TEN - SECOND, 0, 1);
    assert_int_equal(ingest(service, 1), DS_OK);
    Storage__GetBarsRequest request = bars_request("1s", INT32_MAX);
    Storage__GetBarsResponse *response = bars(service, &request);
    assert_int_equal(response->n_bars, 10000);
    assert_string_not_equal(response->next_page_token, "");
    storage__get_bars_response__free_unpacked(response, NULL);
}

static void bad_parameters_are_refused_by_name(void **state)
{
    struct service *service = *state;
    static const struct {
        const char *request;
        const char *field;
        const char *message;
    } table[] = {
        {"{}", "product", "product must not be empty"},
        {"{\"product\":\"A/B\"}", "product", "product must not have a '/'"},
        {"{\"product\":\"A\",\"interval\":\"7m\"}", "interval",
         "interval must be a number and s, m, h or d, from 1s to 1d"},
        {"{\"product\":\"A\",\"limit\":0}", "limit", "limit must be 1 or more"},
        {"{\"product\":\"A\",\"order\":7}", "order", "order must be"},
        {"{\"product\":\"A\",\"page_token\":\"AAAA\"}", "page_token", "page_token"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_refused(service, "GetBars", table[i].request, DS_INVALID_ARGUMENT, table[i].message);
        assert_failure(service, table[i].field, NULL);
    }
}

static void a_page_token_is_for_its_interval_product_and_order(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    Storage__GetBarsRequest request = bars_request("1m", 1);
    Storage__GetBarsResponse *response = bars(service, &request);
    char token[64];
    snprintf(token, sizeof token, "%s", response->next_page_token);
    storage__get_bars_response__free_unpacked(response, NULL);
    request.page_token = token;
    request.interval = (char *)(uintptr_t) "60s";
    response = bars(service, &request);
    assert_int_equal(response->bars[0]->start_time->seconds, (TEN + 2 * MINUTE) / SECOND);
    storage__get_bars_response__free_unpacked(response, NULL);

    static const char *const others[] = {
        "{\"product\":\"NIFTY\",\"interval\":\"30s\",\"page_token\":\"%s\"}",
        "{\"product\":\"OTHER\",\"page_token\":\"%s\"}",
        "{\"product\":\"NIFTY\",\"order\":2,\"page_token\":\"%s\"}",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, others[i], token);
        assert_int_equal(call_json(service, "GetBars", text), DS_INVALID_ARGUMENT);
        assert_failure(service, NULL, "INVALID_PAGE_TOKEN");
    }
    char list[256];
    snprintf(list, sizeof list, "{\"product\":\"NIFTY\",\"page_token\":\"%s\"}", token);
    assert_int_equal(call_json(service, "ListTicks", list), DS_INVALID_ARGUMENT);
}

static void a_page_token_never_leads_out_of_the_range(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    Storage__GetBarsRequest request = bars_request("1m", 1);
    request.order = STORAGE__ORDER__ORDER_ASC;
    Storage__GetBarsResponse *response = bars(service, &request);
    char text[256];
    snprintf(text, sizeof text,
             "{\"product\":\"NIFTY\",\"order\":\"ORDER_ASC\",\"page_token\":\"%s\","
             "\"start\":\"2025-01-25T10:03:00Z\"}",
             response->next_page_token);
    storage__get_bars_response__free_unpacked(response, NULL);
    assert_json(service, "GetBars", text, REPLY(1, BAR_AT_THREE));
}

/* Tokens prove nothing, so a caller may make one. */
static void a_made_up_page_token_is_only_a_place(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    static const int64_t moments[] = {INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        const bool ascending = i >= 2;
        const struct page_scope scope = {.kind = MARKET_TICKS,
                                         .ascending = ascending,
                                         .series = ds_bytes_of_text("NIFTY"),
                                         .filter = ds_bytes_of_text("bars/60000000")};
        const struct market_position place = {.timestamp_us = moments[i % 2]};
        char token[PAGE_TOKEN_TEXT_MAX];
        page_token_write(&scope, &place, token);
        Storage__GetBarsRequest request = bars_request("1m", 10);
        request.order = ascending ? STORAGE__ORDER__ORDER_ASC : STORAGE__ORDER__ORDER_DESC;
        request.page_token = token;
        Storage__GetBarsResponse *response = bars(service, &request);
        assert_int_equal(response->n_bars, (place.timestamp_us == INT64_MIN) == ascending ? 3 : 0);
        storage__get_bars_response__free_unpacked(response, NULL);
    }
}

static void the_last_bar_that_there_can_be_is_shown(void **state)
{
    struct service *service = *state;
    tick_set(service, 0, "NIFTY", INT64_C(253402300799999999), 1, 2);
    assert_int_equal(ingest(service, 1), DS_OK);
    assert_json(service, "GetBars", "{\"product\":\"NIFTY\"}",
                REPLY(1, "{\"start_time\":\"9999-12-31T23:59:00Z\","
                         "\"end_time\":\"9999-12-31T23:59:59.999999Z\",\"open\":2,\"high\":2,"
                         "\"low\":2,\"close\":2,\"num_ticks\":1}"));
}

/* A tick of the model test below. */
struct sample {
    int64_t timestamp_us;
    int64_t tick_id;
    double price;
    int64_t volume; /* -1: it has none */
};

#define SAMPLES 4000

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int compare_samples(const void *left, const void *right)
{
    const struct sample *a = left;
    const struct sample *b = right;
    if (a->timestamp_us != b->timestamp_us) {
        return a->timestamp_us < b->timestamp_us ? -1 : 1;
    }
    return a->tick_id < b->tick_id ? -1 : 1;
}

/* In a random order, so that most rows are late. Prices and volumes are such that sums are exact.
 */
static void samples_ingest(struct service *service, struct sample *samples)
{
    uint64_t random = 88172645463325252U;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct sample *sample = &samples[i];
        *sample = (struct sample){
            .timestamp_us = TEN + (int64_t)(random_next(&random) % 1200) * (SECOND / 2),
            .tick_id = (int64_t)i,
            .price = 100 + (double)(random_next(&random) % 64) / 4,
            .volume = (int64_t)(random_next(&random) % 5) - 1,
        };
        Storage__Tick *tick =
            tick_set(service, i, "NIFTY", sample->timestamp_us, sample->tick_id, sample->price);
        if (sample->volume >= 0) {
            tick->_volume_case = STORAGE__TICK___VOLUME_VOLUME;
            tick->volume = sample->volume;
        }
    }
    assert_int_equal(ingest(service, SAMPLES), DS_OK);
    qsort(samples, SAMPLES, sizeof *samples, compare_samples);
}

/* Asserts that `bar` is what the samples of its interval give, in the plainest way. */
static void assert_bar(const Storage__Bar *bar, const struct sample *samples, int64_t interval_us)
{
    const int64_t start_us = bar->start_time->seconds * SECOND;
    double high = -1;
    double low = 1e9;
    double turnover = 0;
    int64_t volume = 0;
    bool has_volume = false;
    int64_t count = 0;
    const struct sample *first = NULL;
    const struct sample *last = NULL;
    assert_int_equal(bar->end_time->seconds * SECOND, start_us + interval_us);
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *sample = &samples[i];
        if (sample->timestamp_us < start_us || sample->timestamp_us >= start_us + interval_us) {
            continue;
        }
        first = first == NULL ? sample : first;
        last = sample;
        high = sample->price > high ? sample->price : high;
        low = sample->price < low ? sample->price : low;
        count++;
        if (sample->volume >= 0) {
            has_volume = true;
            volume += sample->volume;
            turnover += sample->price * (double)sample->volume;
        }
    }
    assert_non_null(first);
    assert_true(bar->open == first->price && bar->close == last->price);
    assert_true(bar->high == high && bar->low == low && bar->num_ticks == count);
    assert_int_equal(bar->_volume_case == STORAGE__BAR___VOLUME_VOLUME, has_volume);
    assert_int_equal(bar->_vwap_case == STORAGE__BAR___VWAP_VWAP, volume != 0);
    assert_int_equal(bar->volume, volume);
    assert_true(volume == 0 || bar->vwap == turnover / (double)volume);
}

/* All pages of a list; returns the number of ticks in their bars. */
static int64_t pages_check(struct service *service, const struct sample *samples,
                           const char *interval, int64_t interval_us, int32_t limit,
                           Storage__Order order)
{
    Storage__GetBarsRequest request = bars_request(interval, limit);
    char token[64] = "";
    int64_t previous = order == STORAGE__ORDER__ORDER_ASC ? INT64_MIN : INT64_MAX;
    int64_t ticks = 0;
    request.order = order;
    do {
        request.page_token = token;
        Storage__GetBarsResponse *response = bars(service, &request);
        assert_true(response->n_bars >= 1 && response->n_bars <= (size_t)limit);
        for (size_t i = 0; i < response->n_bars; i++) {
            const int64_t start = response->bars[i]->start_time->seconds;
            assert_true(order == STORAGE__ORDER__ORDER_ASC ? start > previous : start < previous);
            previous = start;
            assert_bar(response->bars[i], samples, interval_us);
            ticks += response->bars[i]->num_ticks;
        }
        snprintf(token, sizeof token, "%s", response->next_page_token);
        storage__get_bars_response__free_unpacked(response, NULL);
    } while (token[0] != '\0');
    return ticks;
}

static void pages_of_bars_are_what_the_rows_give_in_any_interval_and_order(void **state)
{
    struct service *service = *state;
    struct sample *samples = calloc(SAMPLES, sizeof *samples);
    assert_non_null(samples);
    samples_ingest(service, samples);
    static const struct {
        const char *interval;
        int64_t us;
        int32_t limit;
    } table[] = {
        {"1s", SECOND, 97}, {"15s", 15 * SECOND, 7}, {"1m", MINUTE, 1},
        {"1m", MINUTE, 10}, {"5m", 5 * MINUTE, 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int order = STORAGE__ORDER__ORDER_DESC; order <= STORAGE__ORDER__ORDER_ASC; order++) {
            assert_int_equal(pages_check(service, samples, table[i].interval, table[i].us,
                                         table[i].limit, (Storage__Order)order),
                             SAMPLES);
        }
    }
    free(samples);
}

static void a_window_ends_with_the_newest_tick(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    assert_json(service, "GetOhlc", "{\"product\":\"NIFTY\"}",
                "{\"product\":\"NIFTY\",\"window_minutes\":5,\"open\":100,\"high\":104,\"low\":97,"
                "\"close\":97,\"start_time\":\"2025-01-25T10:00:00Z\","
                "\"end_time\":\"2025-01-25T10:03:00Z\",\"num_ticks\":5}");
    /* A minute before the newest belongs to it, what is older does not. */
    assert_json(service, "GetOhlc", "{\"product\":\"NIFTY\",\"window\":1}",
                "{\"product\":\"NIFTY\",\"window_minutes\":1,\"open\":99.5,\"high\":99.5,"
                "\"low\":97,\"close\":97,\"start_time\":\"2025-01-25T10:02:00Z\","
                "\"end_time\":\"2025-01-25T10:03:00Z\",\"num_ticks\":2}");
    tick_set(service, 0, "NIFTY", TEN + 2 * MINUTE + 1, 1, 120);
    assert_int_equal(ingest(service, 1), DS_OK);
    assert_json(service, "GetOhlc", "{\"product\":\"NIFTY\",\"window\":1}",
                "{\"product\":\"NIFTY\",\"window_minutes\":1,\"open\":99.5,\"high\":120,"
                "\"low\":97,\"close\":97,\"start_time\":\"2025-01-25T10:02:00Z\","
                "\"end_time\":\"2025-01-25T10:03:00Z\",\"num_ticks\":3}");
}

static void a_window_is_1_to_1440_minutes_of_a_product_with_ticks(void **state)
{
    struct service *service = *state;
    assert_refused(service, "GetOhlc", "{\"product\":\"NIFTY\"}", DS_NOT_FOUND,
                   "there is no tick of NIFTY");
    assert_failure(service, NULL, "NOT_FOUND");
    static const char *const windows[] = {"0", "-5", "1441", "2147483647"};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        char request[128];
        snprintf(request, sizeof request, "{\"product\":\"NIFTY\",\"window\":%s}", windows[i]);
        assert_refused(service, "GetOhlc", request, DS_INVALID_ARGUMENT,
                       "window must be 1 to 1440 minutes");
        assert_failure(service, "window", NULL);
    }
    assert_refused(service, "GetOhlc", "{}", DS_INVALID_ARGUMENT, "product must not be empty");
    tick_set(service, 0, "NIFTY", TEN, 1, 1);
    assert_int_equal(ingest(service, 1), DS_OK);
    assert_int_equal(call_json(service, "GetOhlc", "{\"product\":\"NIFTY\",\"window\":1440}"),
                     DS_OK);
}

/* A price that ends early. */
static void a_damaged_tick_is_data_loss(void **state)
{
    struct service *service = *state;
    ingest_some(service);
    store_row(service, MARKET_TICKS, "NIFTY", "", ds_bytes_of("\x11\x01", 2));
    assert_refused(service, "GetBars", "{\"product\":\"NIFTY\"}", DS_DATA_LOSS,
                   "stored data is damaged");
    assert_refused(service, "GetOhlc", "{\"product\":\"NIFTY\"}", DS_DATA_LOSS,
                   "stored data is damaged");
}

/* As other writers of a database may leave them. */
static void ticks_without_a_price_are_passed_over(void **state)
{
    struct service *service = *state;
    store_row(service, MARKET_TICKS, "NIFTY", "", ds_bytes_of("\x30\x07", 2));
    assert_json(service, "GetBars", "{\"product\":\"NIFTY\"}", REPLY(0, ""));
    assert_refused(service, "GetOhlc", "{\"product\":\"NIFTY\"}", DS_NOT_FOUND,
                   "there is no tick of NIFTY with a price");
}

static int run_on_engines(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_come_newest_first_and_minutes_without_ticks_are_left_out),
        cmocka_unit_test(start_and_end_say_which_ticks_count),
        cmocka_unit_test(an_unknown_product_has_no_bars),
        cmocka_unit_test(days_begin_at_midnight_in_utc),
        cmocka_unit_test(a_late_row_corrects_its_bar),
        cmocka_unit_test(open_and_close_follow_the_order_of_rows),
        cmocka_unit_test(without_a_limit_there_are_500_bars),
        cmocka_unit_test(there_are_10000_bars_at_most),
        cmocka_unit_test(bad_parameters_are_refused_by_name),
        cmocka_unit_test(a_page_token_is_for_its_interval_product_and_order),
        cmocka_unit_test(a_page_token_never_leads_out_of_the_range),
        cmocka_unit_test(a_made_up_page_token_is_only_a_place),
        cmocka_unit_test(the_last_bar_that_there_can_be_is_shown),
        cmocka_unit_test(pages_of_bars_are_what_the_rows_give_in_any_interval_and_order),
        cmocka_unit_test(a_window_ends_with_the_newest_tick),
        cmocka_unit_test(a_window_is_1_to_1440_minutes_of_a_product_with_ticks),
        cmocka_unit_test(a_damaged_tick_is_data_loss),
        cmocka_unit_test(ticks_without_a_price_are_passed_over),
    };
    return service_tests_run(tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    return run_on_engines() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
