#include "http/chunked.h"
#include "support/test.h"

#define BODY_BYTES_MAX 64
#define TRAILERS_BYTES_MAX 64
#define TRAILER_COUNT_MAX 3

#define BAD DS_REASON(INVALID_REQUEST)
#define LARGE DS_REASON(HEADERS_TOO_LARGE)
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define LAST "0\r\n\r\n"

static const struct http_chunked_limits limits = {
    .body_bytes_max = BODY_BYTES_MAX,
    .trailers_bytes_max = TRAILERS_BYTES_MAX,
    .trailer_count_max = TRAILER_COUNT_MAX,
};

struct outcome {
    enum http_chunked_state state;
    struct http_refusal refusal;
    size_t used;
};

/* Gives `text` in pieces of `piece` bytes until the body is over, refused, or the text is. */
static struct outcome feed(struct ds_bytes text, size_t piece,
                           const struct http_chunked_limits *bounds, struct ds_buffer *body)
{
    struct http_chunked chunked = {0};
    struct outcome outcome = {.state = HTTP_CHUNKED_PART};
    while (outcome.state == HTTP_CHUNKED_PART && outcome.used < text.size) {
        const size_t left = text.size - outcome.used;
        size_t used = 0;
        outcome.state = http_chunked_take(
            &chunked, bounds, ds_bytes_of(text.data + outcome.used, left < piece ? left : piece),
            body, &used, &outcome.refusal);
        outcome.used += used;
    }
    return outcome;
}

static const struct {
    const char *name;
    const char *text;
    const char *body;
} taken[] = {
    {"no chunk", LAST, ""},
    {"two chunks", "3\r\nabc\r\n2\r\nde\r\n" LAST, "abcde"},
    {"digits of both cases", "0a\r\n0123456789\r\nB\r\n0123456789a\r\n" LAST,
     "01234567890123456789a"},
    {"zeros in front of a size", "0000000000000000003\r\nabc\r\n000\r\n\r\n", "abc"},
    {"line ends within a chunk", "4\r\n\r\n\r\n\r\n" LAST, "\r\n\r\n"},
    {"a chunk that looks like the end", "5\r\n" LAST "\r\n" LAST, LAST},
    {"an extension without a value", "3;a\r\nabc\r\n" LAST, "abc"},
    {"an extension", "3;a=b\r\nabc\r\n" LAST, "abc"},
    {"extensions", "3;a=b;c;d=e\r\nabc\r\n" LAST, "abc"},
    {"blanks around an extension", "3 \t; \ta \t= \tb\r\nabc\r\n" LAST, "abc"},
    {"blanks between extensions", "3;a=b ; c ;d\r\nabc\r\n" LAST, "abc"},
    {"quotes", "3;a=\"b;\\\"\\\\ c\"\r\nabc\r\n" LAST, "abc"},
    {"quotes and another extension", "3;a=\"\" ;b\r\nabc\r\n" LAST, "abc"},
    {"bytes above 7 bits in quotes", "3;a=\"\xc3\xa4\"\r\nabc\r\n" LAST, "abc"},
    {"an extension of the last chunk", "0;a=b\r\n\r\n", ""},
    {"a trailer field", "0\r\nX: y\r\n\r\n", ""},
    {"a trailer field without a value", "0\r\nX:\r\n\r\n", ""},
    {"three trailer fields", "0\r\nX: y\r\nY: \x80z\t\r\nZ:z\r\n\r\n", ""},
    {"a trailer field that means nothing there", "0\r\nContent-Length: 9\r\n\r\n", ""},
    {"a body of the limit", "40\r\n" X64 "\r\n" LAST, X64},
};

static void a_chunked_body_ends_where_it_says_however_it_arrives(void **state)
{
    (void)state;
    static const size_t pieces[] = {SIZE_MAX, 1, 5};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            struct ds_buffer text;
            struct ds_buffer body;
            ds_buffer_init(&text, SIZE_MAX);
            ds_buffer_init(&body, SIZE_MAX);
            ds_buffer_append_text(&text, taken[i].text);
            ds_buffer_append_text(&text, "GET /next HTTP/1.1\r\n");
            const struct outcome outcome = feed(ds_buffer_bytes(&text), pieces[j], &limits, &body);
            if (outcome.state != HTTP_CHUNKED_COMPLETE) {
                fail_msg("%s: state %d: %s", taken[i].name, outcome.state,
                         outcome.refusal.detail == NULL ? "" : outcome.refusal.detail);
            }
            assert_int_equal(outcome.used, strlen(taken[i].text));
            assert_true(ds_bytes_equal_text(ds_buffer_bytes(&body), taken[i].body));
            ds_buffer_deinit(&text);
            ds_buffer_deinit(&body);
        }
    }
}

static const struct {
    const char *name;
    ds_reason reason;
    const char *text;
    size_t size; /* 0: that of the text */
} refused[] = {
    {"no size", BAD, "\r\nabc", 0},
    {"a blank in front of a size", BAD, " 3\r\nabc", 0},
    {"a size of letters", BAD, "g\r\n", 0},
    {"a size with 0x", BAD, "0x3\r\nabc", 0},
    {"a size with a sign", BAD, "-3\r\nabc", 0},
    {"a size beyond 64 bits", BAD, "10000000000000000\r\n", 0},
    {"a size beyond 64 bits that wraps to zero", BAD, "100000000000000000\r\n\r\n", 0},
    {"LF alone behind a size", BAD, "3\nabc\r\n" LAST, 0},
    {"LF alone behind the last size", BAD, "0\n\r\n", 0},
    {"LF alone behind an extension's name", BAD, "3;a\nabc", 0},
    {"LF alone behind an extension's value", BAD, "3;a=b\nabc", 0},
    {"LF alone behind quotes", BAD, "3;a=\"b\"\nabc", 0},
    {"LF within quotes", BAD, "3;a=\"\n\"\r\nabc", 0},
    {"CR LF within quotes", BAD, "3;a=\"\r\n\"\r\nabc", 0},
    {"an escaped LF within quotes", BAD, "3;a=\"\\\n\"\r\nabc", 0},
    {"NUL within quotes", BAD, "3;a=\"\0\"\r\n", 10},
    {"DEL within quotes", BAD, "3;a=\"\x7f\"\r\n", 0},
    {"CR alone behind a size", BAD, "3\rabc\r\n", 0},
    {"CR CR LF behind a size", BAD, "3\r\r\nabc\r\n", 0},
    {"a blank behind a size", BAD, "3 \r\nabc\r\n" LAST, 0},
    {"a blank within a size", BAD, "3 3\r\nabc\r\n" LAST, 0},
    {"an extension without a name", BAD, "3;\r\nabc", 0},
    {"an extension that is a value", BAD, "3;=b\r\nabc", 0},
    {"an extension that ends at its equals sign", BAD, "3;a=\r\nabc", 0},
    {"a blank behind an extension", BAD, "3;a=b \r\nabc", 0},
    {"a blank behind an extension's name", BAD, "3;a \r\nabc", 0},
    {"a word behind quotes", BAD, "3;a=\"b\"c\r\nabc", 0},
    {"a name with a bracket", BAD, "3;a[=b\r\nabc", 0},
    {"a chunk that is longer than its size", BAD, "3\r\nabcd\r\n", 0},
    {"a chunk that is shorter than its size", BAD, "3\r\nab\r\n" LAST, 0},
    {"LF alone behind a chunk", BAD, "3\r\nabc\n" LAST, 0},
    {"CR alone behind a chunk", BAD, "3\r\nabc\r0\r\n\r\n", 0},
    {"LF alone at the end", BAD, "0\r\n\n", 0},
    {"LF alone at the end of the trailer section", BAD, "0\r\nX: y\r\n\nGET / HTTP/1.1\r\n", 0},
    {"LF alone behind a trailer field", BAD, "0\r\nX: y\n\r\n", 0},
    {"LF alone behind a trailer field's name", BAD, "0\r\nX\n\r\n", 0},
    {"CR alone at the end", BAD, "0\r\n\rGET", 0},
    {"CR alone within a trailer field", BAD, "0\r\nX: y\rz\r\n\r\n", 0},
    {"NUL in a trailer field", BAD, "0\r\nX: \0\r\n\r\n", 11},
    {"a control character in a trailer field", BAD, "0\r\nX: \x01\r\n\r\n", 0},
    {"a folded trailer field", BAD, "0\r\nX: y\r\n z\r\n\r\n", 0},
    {"a trailer field folded by a tab", BAD, "0\r\nX: y\r\n\tz\r\n\r\n", 0},
    {"a first trailer field that begins with a blank", BAD, "0\r\n X: y\r\n\r\n", 0},
    {"a trailer field without a name", BAD, "0\r\n: y\r\n\r\n", 0},
    {"a trailer field without a colon", BAD, "0\r\nX\r\n\r\n", 0},
    {"a blank in front of a trailer field's colon", BAD, "0\r\nX : y\r\n\r\n", 0},
    {"a request in place of a trailer field", BAD, "0\r\nGET / HTTP/1.1\r\n\r\n", 0},
    {"too many trailer fields", LARGE, "0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n", 0},
    {"trailer fields that are too large", LARGE, "0\r\nA: " X16 X16 "\r\nB: " X16 X16 "\r\n\r\n",
     0},
    {"a chunk that announces more than the limit", DS_REASON(REQUEST_TOO_LARGE), "41\r\n", 0},
    {"a second chunk that goes beyond the limit", DS_REASON(REQUEST_TOO_LARGE),
     "40\r\n" X64 "\r\n1\r\n", 0},
    {"the largest size", DS_REASON(REQUEST_TOO_LARGE), "FFFFFFFFFFFFFFFF\r\n", 0},
};

static void a_malformed_chunked_body_is_refused_however_it_arrives(void **state)
{
    (void)state;
    static const size_t pieces[] = {SIZE_MAX, 1, 5};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const size_t size = refused[i].size != 0 ? refused[i].size : strlen(refused[i].text);
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            const struct outcome outcome =
                feed(ds_bytes_of(refused[i].text, size), pieces[j], &limits, NULL);
            if (outcome.state != HTTP_CHUNKED_REFUSED ||
                outcome.refusal.reason != refused[i].reason) {
                fail_msg("%s, in pieces of %zu: state %d, reason %d", refused[i].name, pieces[j],
                         outcome.state, (int)outcome.refusal.reason);
            }
            assert_true(outcome.refusal.detail[0] != '\0');
        }
    }
}

static void a_body_that_is_dropped_is_read_the_same(void **state)
{
    (void)state;
    const struct http_chunked_limits none = {UINT64_MAX, TRAILERS_BYTES_MAX, TRAILER_COUNT_MAX};
    const struct ds_bytes text = ds_bytes_of_text("41\r\n" X64 "x\r\n" LAST);
    const struct outcome outcome = feed(text, 7, &none, NULL);
    assert_int_equal(outcome.state, HTTP_CHUNKED_COMPLETE);
    assert_int_equal(outcome.used, text.size);
}

/* Chunks of one byte, each with that much beside it. */
static struct outcome feed_framed(size_t chunk_count, size_t extension_bytes)
{
    const struct http_chunked_limits none = {UINT64_MAX, TRAILERS_BYTES_MAX, TRAILER_COUNT_MAX};
    struct ds_buffer text;
    ds_buffer_init(&text, SIZE_MAX);
    for (size_t i = 0; i < chunk_count; i++) {
        ds_buffer_append_text(&text, "1;");
        for (size_t j = 0; j < extension_bytes; j++) {
            ds_buffer_append_byte(&text, 'a');
        }
        ds_buffer_append_text(&text, "\r\nx\r\n");
    }
    ds_buffer_append_text(&text, LAST);
    const struct outcome outcome = feed(ds_buffer_bytes(&text), 1000, &none, NULL);
    ds_buffer_deinit(&text);
    return outcome;
}

static void framing_is_bounded_by_what_it_frames(void **state)
{
    (void)state;
    assert_int_equal(feed_framed(20000, 2).state, HTTP_CHUNKED_COMPLETE);
    const struct outcome many = feed_framed(20000, 4);
    assert_int_equal(many.state, HTTP_CHUNKED_REFUSED);
    assert_int_equal(many.refusal.reason, BAD);
    const struct outcome one = feed_framed(1, 40000);
    assert_int_equal(one.state, HTTP_CHUNKED_REFUSED);
    assert_int_equal(one.used, HTTP_CHUNKED_FRAMING_BYTES_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunked_body_ends_where_it_says_however_it_arrives),
        cmocka_unit_test(a_malformed_chunked_body_is_refused_however_it_arrives),
        cmocka_unit_test(a_body_that_is_dropped_is_read_the_same),
        cmocka_unit_test(framing_is_bounded_by_what_it_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
