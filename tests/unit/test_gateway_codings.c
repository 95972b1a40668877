/* What replies are finished with, piece by piece: the codings that are taken, gzip, entity tags,
 * the time of calls. */
#include "gateway/etag.h"
#include "gateway/gzip.h"
#include "gateway/negotiate.h"
#include "gateway/server_timing.h"
#include "support/request_with.h"
#include "support/test.h"

static void accept_encoding_is_weighed_as_rfc_9110_says(void **state)
{
    (void)state;
    static const struct {
        const char *lines[2];
        uint16_t gzip;
        uint16_t identity;
    } rows[] = {
        {{NULL}, 1000, 1000},
        {{"accept-encoding:"}, 0, 1},
        {{"accept-encoding: gzip"}, 1000, 1},
        {{"accept-encoding: x-gzip"}, 1000, 1},
        {{"accept-encoding: GZip;Q=1.000"}, 1000, 1},
        {{"accept-encoding: gzip;q=0.5, identity;q=0.9"}, 500, 900},
        {{"accept-encoding: gzip ; q=0.25"}, 250, 1},
        {{"accept-encoding: gzip;q=0.001"}, 1, 1},
        {{"accept-encoding: gzip;q=0"}, 0, 1},
        {{"accept-encoding: gzip;q=0.000, *"}, 0, 1000},
        {{"accept-encoding: *"}, 1000, 1000},
        {{"accept-encoding: *;q=0"}, 0, 0},
        {{"accept-encoding: *;q=0, identity"}, 0, 1000},
        {{"accept-encoding: identity;q=0"}, 0, 0},
        {{"accept-encoding: gzip, identity;q=0"}, 1000, 0},
        {{"accept-encoding: br, deflate, zstd"}, 0, 1},
        {{"accept-encoding: br", "accept-encoding: gzip"}, 1000, 1},
        {{"accept-encoding: ,,gzip,"}, 1000, 1},
        {{"accept-encoding: gzip;q=2"}, 0, 1},
        {{"accept-encoding: gzip;q=1.x"}, 0, 1},
        {{"accept-encoding: gzip;q=1.5"}, 0, 1},
        {{"accept-encoding: gzip;q=1."}, 1000, 1},
        {{"accept-encoding: gzip;q="}, 0, 1},
        {{"accept-encoding: gzip;q=0.1234"}, 0, 1},
        {{"accept-encoding: gzip;level=9"}, 1000, 1},
        {{"accept-encoding: gzipped"}, 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_request *request = request_with(rows[i].lines, 2);
        const struct negotiated_codings codings = negotiate_codings(request);
        if (codings.gzip != rows[i].gzip || codings.identity != rows[i].identity) {
            fail_msg("%s: %d %d", rows[i].lines[0], codings.gzip, codings.identity);
        }
        http_request_destroy(request);
    }
}

static void a_body_is_compressed_once_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *lines[2];
        int is_gzip; /* -1: refused */
    } rows[] = {
        {{NULL}, 0},
        {{"content-encoding:"}, 0},
        {{"content-encoding: identity"}, 0},
        {{"content-encoding: identity, identity"}, 0},
        {{"content-encoding: gzip"}, 1},
        {{"content-encoding: X-GZIP"}, 1},
        {{"content-encoding: gzip, identity"}, 1},
        {{"content-encoding: identity", "content-encoding: gzip"}, 1},
        {{"content-encoding: gzip, gzip"}, -1},
        {{"content-encoding: gzip", "content-encoding: gzip"}, -1},
        {{"content-encoding: deflate"}, -1},
        {{"content-encoding: br"}, -1},
        {{"content-encoding: gzip, br"}, -1},
        {{"content-encoding: zstd", "content-encoding: gzip"}, -1},
        {{"content-encoding: gzip;q=1"}, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_request *request = request_with(rows[i].lines, 2);
        struct problem problem;
        bool is_gzip = false;
        const bool taken = negotiate_body_coding(request, true, &is_gzip, &problem);
        if (taken != (rows[i].is_gzip >= 0) || (taken && is_gzip != (rows[i].is_gzip == 1))) {
            fail_msg("%s", rows[i].lines[0]);
        }
        assert_true(taken || problem.reason == DS_REASON(UNSUPPORTED_ENCODING));
        assert_int_equal(negotiate_body_coding(request, false, &is_gzip, &problem),
                         rows[i].is_gzip == 0);
        http_request_destroy(request);
    }
}

static void tags_are_found_in_lists_by_weak_comparison(void **state)
{
    (void)state;
    static const struct {
        const char *lines[2];
        bool is_listed;
    } rows[] = {
        {{"if-none-match: W/\"0123456789abcdef\""}, true},
        {{"if-none-match: \"0123456789abcdef\""}, true},
        {{"if-none-match: \"a,b\" , W/\"0123456789abcdef\""}, true},
        {{"if-none-match: ,, \"\",\"0123456789abcdef\""}, true},
        {{"if-none-match: \"x\"", "if-none-match: \"0123456789abcdef\""}, true},
        {{NULL}, false},
        {{"if-none-match:"}, false},
        {{"if-none-match: \"0123456789abcdeF\""}, false},
        {{"if-none-match: 0123456789abcdef"}, false},
        {{"if-none-match: \"0123456789abcdef"}, false},
        {{"if-none-match: w/\"0123456789abcdef\""}, false},
        {{"if-none-match: x \"0123456789abcdef\""}, false},
        {{"if-none-match: \"0123456789abcdef\"x"}, false},
        {{"if-none-match: W/"}, false},
        {{"if-match: \"0123456789abcdef\""}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_request *request = request_with(rows[i].lines, 2);
        const bool is_listed = etag_is_listed(request, HTTP_HEADER_IF_NONE_MATCH,
                                              ds_bytes_of_text("W/\"0123456789abcdef\""));
        if (is_listed != rows[i].is_listed) {
            fail_msg("%s", rows[i].lines[0]);
        }
        http_request_destroy(request);
    }
}

static void a_tag_is_a_weak_hash_of_the_bytes(void **state)
{
    (void)state;
    char tag[ETAG_BYTES];
    char other[ETAG_BYTES];
    /* The empty input's XXH3, as the algorithm's authors give it. */
    etag_of(ds_bytes_of(NULL, 0), tag);
    assert_memory_equal(tag, "W/\"2d06800538d394c2\"", ETAG_BYTES);
    etag_of(ds_bytes_of_text("{\"price\":1}"), tag);
    etag_of(ds_bytes_of_text("{\"price\":2}"), other);
    assert_memory_not_equal(tag, other, ETAG_BYTES);
}

static void times_are_milliseconds_with_three_decimals(void **state)
{
    (void)state;
    static const struct {
        uint32_t queue_us;
        uint32_t execution_us;
        const char *field;
    } rows[] = {
        {0, 0, "Server-Timing: queue;dur=0.000, call;dur=0.000\r\n"},
        {7, 1000, "Server-Timing: queue;dur=0.007, call;dur=1.000\r\n"},
        {12345, 89, "Server-Timing: queue;dur=12.345, call;dur=0.089\r\n"},
        {UINT32_MAX, UINT32_MAX, "Server-Timing: queue;dur=4294967.295, call;dur=4294967.295\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ds_buffer head;
        ds_buffer_init(&head, SIZE_MAX);
        server_timing_write(&head, rows[i].queue_us, rows[i].execution_us);
        assert_int_equal(head.size, strlen(rows[i].field));
        assert_memory_equal(head.data, rows[i].field, head.size);
        ds_buffer_deinit(&head);
    }
}

/* What the bytes unpack to, within bytes_max. */
static enum gzip_result unpack(struct gzip *gzip, struct ds_bytes packed, size_t bytes_max,
                               struct ds_buffer *body)
{
    ds_buffer_clear(body);
    body->limit = bytes_max > body->capacity ? bytes_max : body->capacity;
    return gzip_decompress(gzip, packed, bytes_max, body);
}

static void what_is_packed_unpacks_again_and_nothing_less_does(void **state)
{
    (void)state;
    static const char text[] = "{\"ticks\":[{\"product\":\"A\"},{\"product\":\"A\"}]}";
    struct gzip *gzip = gzip_create();
    struct ds_buffer packed;
    struct ds_buffer body;
    ds_buffer_init(&packed, SIZE_MAX);
    ds_buffer_init(&body, SIZE_MAX);
    for (int round = 0; round < 2; round++) {
        ds_buffer_clear(&packed);
        gzip_compress(gzip, ds_bytes_of_text(text), &packed);
        assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), strlen(text), &body), GZIP_OK);
        assert_int_equal(body.size, strlen(text));
        assert_memory_equal(body.data, text, body.size);
        assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), strlen(text) - 1, &body),
                         GZIP_TOO_LARGE);
        assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), 0, &body), GZIP_TOO_LARGE);
    }
    for (size_t size = 0; size < packed.size; size++) {
        assert_int_equal(unpack(gzip, ds_bytes_of(packed.data, size), 1000, &body), GZIP_TRUNCATED);
    }
    packed.data[packed.size - 1] ^= 1;
    assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), 1000, &body), GZIP_MALFORMED);
    assert_int_equal(unpack(gzip, ds_bytes_of_text("{\"ticks\":[]}"), 1000, &body), GZIP_MALFORMED);
    ds_buffer_deinit(&packed);
    ds_buffer_deinit(&body);
    gzip_destroy(gzip);
}

static void members_in_a_row_are_one_body_up_to_a_number(void **state)
{
    (void)state;
    struct gzip *gzip = gzip_create();
    struct ds_buffer packed;
    struct ds_buffer body;
    ds_buffer_init(&packed, SIZE_MAX);
    ds_buffer_init(&body, SIZE_MAX);
    for (int i = 0; i < GZIP_MEMBERS_MAX; i++) {
        gzip_compress(gzip, ds_bytes_of_text("ab"), &packed);
    }
    assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), 100, &body), GZIP_OK);
    assert_int_equal(body.size, 2 * GZIP_MEMBERS_MAX);
    assert_memory_equal(body.data, "abababab", 8);
    assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), 5, &body), GZIP_TOO_LARGE);
    const size_t size = packed.size;
    ds_buffer_append_byte(&packed, 'x');
    assert_int_equal(unpack(gzip, ds_bytes_of(packed.data, size), 100, &body), GZIP_OK);
    gzip_compress(gzip, ds_bytes_of_text(""), &packed);
    packed.size = size;
    gzip_compress(gzip, ds_bytes_of_text(""), &packed);
    assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), 100, &body), GZIP_TOO_MANY);

    ds_buffer_clear(&packed);
    gzip_compress(gzip, ds_bytes_of_text("ab"), &packed);
    ds_buffer_append_byte(&packed, 0);
    assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), 100, &body), GZIP_TRAILING);
    ds_buffer_deinit(&packed);
    ds_buffer_deinit(&body);
    gzip_destroy(gzip);
}

static void a_bomb_is_not_unpacked_beyond_the_bound(void **state)
{
    (void)state;
    enum { BOMB_BYTES = 16 * 1024 * 1024, BOUND_BYTES = 100000 };
    struct gzip *gzip = gzip_create();
    struct ds_buffer zeros;
    struct ds_buffer packed;
    struct ds_buffer body;
    ds_buffer_init(&zeros, SIZE_MAX);
    ds_buffer_init(&packed, SIZE_MAX);
    ds_buffer_init(&body, SIZE_MAX);
    memset(ds_buffer_reserve(&zeros, BOMB_BYTES), 0, BOMB_BYTES);
    ds_buffer_commit(&zeros, BOMB_BYTES);
    gzip_compress(gzip, ds_buffer_bytes(&zeros), &packed);
    assert_true(packed.size < BOMB_BYTES / 100);
    assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), BOUND_BYTES, &body), GZIP_TOO_LARGE);
    assert_true(body.capacity <= 2 * BOUND_BYTES);
    assert_int_equal(unpack(gzip, ds_buffer_bytes(&packed), BOMB_BYTES, &body), GZIP_OK);
    assert_int_equal(body.size, BOMB_BYTES);
    ds_buffer_deinit(&zeros);
    ds_buffer_deinit(&packed);
    ds_buffer_deinit(&body);
    gzip_destroy(gzip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_encoding_is_weighed_as_rfc_9110_says),
        cmocka_unit_test(a_body_is_compressed_once_or_not_at_all),
        cmocka_unit_test(tags_are_found_in_lists_by_weak_comparison),
        cmocka_unit_test(a_tag_is_a_weak_hash_of_the_bytes),
        cmocka_unit_test(times_are_milliseconds_with_three_decimals),
        cmocka_unit_test(what_is_packed_unpacks_again_and_nothing_less_does),
        cmocka_unit_test(members_in_a_row_are_one_body_up_to_a_number),
        cmocka_unit_test(a_bomb_is_not_unpacked_beyond_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
