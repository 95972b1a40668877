#include "http/reader.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_BYTES_MAX 64

static const struct http_head_limits limits = {
    .request_line_bytes_max = 256, .headers_bytes_max = 512, .header_count_max = 8};

struct outcome {
    enum http_event event;
    ds_reason reason;
    const char *detail;
    size_t used;
};

/* Feeds `text` in pieces of `piece` bytes until the request ends, is refused or the text is over.
 */
static struct outcome feed(struct http_request *request, struct ds_bytes text, size_t piece)
{
    struct http_reader reader = {.limits = limits};
    struct outcome outcome = {.event = HTTP_EVENT_MORE};
    size_t budget_bytes = 0;
    http_request_reset(request, &budget_bytes);
    http_reader_begin(&reader);
    while (outcome.event == HTTP_EVENT_MORE || outcome.event == HTTP_EVENT_HEAD) {
        const size_t left = text.size - outcome.used;
        const size_t size = left < piece ? left : piece;
        if (size == 0 && outcome.event == HTTP_EVENT_MORE) {
            break;
        }
        size_t used = 0;
        outcome.event =
            http_reader_take(&reader, request, ds_bytes_of(text.data + outcome.used, size), &used);
        outcome.used += used;
        if (outcome.event == HTTP_EVENT_HEAD) {
            request->body_bytes_max = BODY_BYTES_MAX;
        }
    }
    outcome.reason = reader.refusal.reason;
    outcome.detail = reader.refusal.detail;
    return outcome;
}

static struct outcome feed_text(struct http_request *request, const char *text)
{
    return feed(request, ds_bytes_of_text(text), SIZE_MAX);
}

static int setup(void **state)
{
    *state = http_request_create(limits.header_count_max + 1);
    return 0;
}

static int teardown(void **state)
{
    http_request_destroy(*state);
    return 0;
}

#define BAD DS_REASON(INVALID_REQUEST)
#define GET_HEAD "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST_HEAD "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST_HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X256 X64 X64 X64 X64

static const struct {
    const char *name;
    ds_reason reason;
    const char *text;
    size_t size; /* 0: that of the text */
} refused[] = {
    {"a version of two", DS_REASON(UNSUPPORTED_HTTP_VERSION), "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
     0},
    {"http/2's preface", DS_REASON(UNSUPPORTED_HTTP_VERSION), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     0},
    {"a version of 0.9", DS_REASON(UNSUPPORTED_HTTP_VERSION), "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
     0},
    {"a version of three digits", BAD, "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 0},
    {"a version in lower case", BAD, "GET / http/1.1\r\nHost: a\r\n\r\n", 0},
    {"no version", BAD, "GET /\r\nHost: a\r\n\r\n", 0},
    {"no target", BAD, "GET HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"two blanks in the request line", BAD, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a tab in the request line", BAD, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a blank behind the version", BAD, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 0},
    {"a blank in front of the method", BAD, " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a method with a colon", BAD, "G:T / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a target without a slash", BAD, "GET index HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a target of another scheme", BAD, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a target with a user", BAD, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a whole URL without a host", BAD, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a whole URL without a host but a port", BAD, "GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n",
     0},
    {"a whole URL with two ports", BAD, "GET http://a:1:2/ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a whole URL with a port beyond 16 bits", BAD,
     "GET http://a:65536/ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a whole URL and no Host", BAD, "GET http://a/ HTTP/1.1\r\n\r\n", 0},
    {"a whole URL and a bad Host", BAD, "GET http://a/ HTTP/1.1\r\nHost: b/c\r\n\r\n", 0},
    {"a target of CONNECT for GET", BAD, "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"CONNECT without a port", BAD, "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"CONNECT with an empty port", BAD, "CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"CONNECT of a path", BAD, "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"CONNECT with a body", BAD, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
     0},
    {"TRACE with a length", BAD, "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 0},
    {"TRACE with chunks", BAD,
     "TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
    {"a star for GET", BAD, "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a quote in the target", BAD, "GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"an angle bracket in the target", BAD, "GET /a<b HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a backslash in the target", BAD, "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a caret in the query", BAD, "GET /a?b^c HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a bracket in the query", BAD, "GET /a?b[]=c HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a brace in the path of a whole URL", BAD, "GET http://a/{ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a fragment behind a host", BAD, "GET http://a#b HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a fragment", BAD, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"raw bytes of UTF-8 in the target", BAD, "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"half a percent-encoding", BAD, "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a percent-encoding of letters", BAD, "GET /a%GG HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"an encoded NUL", BAD, "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"an encoded NUL in the query", BAD, "GET /a?b=%00 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"encoded bytes that are no UTF-8", BAD, "GET /%C3%28 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"an encoded overlong slash", BAD, "GET /%C0%AF HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {"a missing Host", BAD, "GET / HTTP/1.1\r\n\r\n", 0},
    {"a double Host", BAD, GET_HEAD "Host: b\r\n\r\n", 0},
    {"a double Host in HTTP/1.0", BAD, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 0},
    {"a Host with a path", BAD, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 0},
    {"a Host with a user", BAD, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 0},
    {"a list of Hosts", BAD, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 0},
    {"a blank in front of the colon", BAD, "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 0},
    {"a field without a name", BAD, GET_HEAD ": x\r\n\r\n", 0},
    {"a field without a colon", BAD, GET_HEAD "abc\r\n\r\n", 0},
    {"a name with a bracket", BAD, GET_HEAD "a[b]: x\r\n\r\n", 0},
    {"a folded field", BAD, GET_HEAD "X: a\r\n b\r\n\r\n", 0},
    {"a field folded by a tab", BAD, GET_HEAD "X: a\r\n\tb\r\n\r\n", 0},
    {"a blank line of blanks", BAD, GET_HEAD " \r\n\r\n", 0},
    {"a first field that begins with a blank", BAD, "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 0},
    {"LF alone behind the request line", BAD, "GET / HTTP/1.1\nHost: a\r\n\r\n", 0},
    {"LF alone behind a field", BAD, "GET / HTTP/1.1\r\nHost: a\n\r\n", 0},
    {"LF alone at the end", BAD, GET_HEAD "\n", 0},
    {"CR alone within a field", BAD, GET_HEAD "X: a\rb\r\n\r\n", 0},
    {"CR CR LF", BAD, GET_HEAD "X: a\r\r\n\r\n", 0},
    {"NUL in a field", BAD, GET_HEAD "X: a\0b\r\n\r\n", sizeof GET_HEAD - 1 + 10},
    {"NUL in the target", BAD, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28},
    {"a control character in a value", BAD, GET_HEAD "X: \x01\r\n\r\n", 0},
    {"DEL in a value", BAD, GET_HEAD "X: \x7f\r\n\r\n", 0},
    {"three blank lines in front", BAD, "\r\n\r\n\r\n" GET_HEAD "\r\n", 0},
    {"Content-Length and Transfer-Encoding", BAD,
     POST_HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 0},
    {"two equal Content-Lengths", BAD,
     POST_HEAD "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 0},
    {"two different Content-Lengths", BAD,
     POST_HEAD "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 0},
    {"a list of Content-Lengths", BAD, POST_HEAD "Content-Length: 3, 3\r\n\r\nabc", 0},
    {"a negative Content-Length", BAD, POST_HEAD "Content-Length: -1\r\n\r\n", 0},
    {"a Content-Length with a plus", BAD, POST_HEAD "Content-Length: +3\r\n\r\nabc", 0},
    {"a hexadecimal Content-Length", BAD, POST_HEAD "Content-Length: 0x3\r\n\r\nabc", 0},
    {"an empty Content-Length", BAD, POST_HEAD "Content-Length:\r\n\r\n", 0},
    {"a Content-Length beyond 64 bits", BAD,
     POST_HEAD "Content-Length: 18446744073709551619\r\n\r\nabc", 0},
    {"Transfer-Encoding gzip, chunked", DS_REASON(NOT_IMPLEMENTED),
     POST_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0},
    {"Transfer-Encoding chunked, chunked", BAD,
     POST_HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 0},
    {"Transfer-Encoding twice", BAD,
     POST_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
    {"Transfer-Encoding in two fields", DS_REASON(NOT_IMPLEMENTED),
     POST_HEAD "Transfer-Encoding: gzip;level=1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
    {"Transfer-Encoding chunked, gzip", BAD,
     POST_HEAD "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 0},
    {"Transfer-Encoding chunked with a parameter", BAD,
     POST_HEAD "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 0},
    {"Transfer-Encoding with an empty element in front", BAD,
     POST_HEAD "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n", 0},
    {"Transfer-Encoding with an empty element behind", BAD,
     POST_HEAD "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", 0},
    {"Transfer-Encoding identity", BAD, POST_HEAD "Transfer-Encoding: identity\r\n\r\n", 0},
    {"Transfer-Encoding xchunked", BAD, POST_HEAD "Transfer-Encoding: xchunked\r\n\r\n", 0},
    {"an empty Transfer-Encoding", BAD, POST_HEAD "Transfer-Encoding:\r\n\r\n", 0},
    {"Transfer-Encoding in HTTP/1.0", BAD,
     "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
    {"a chunk size of letters", BAD, CHUNKED "zz\r\n", 0},
    {"a chunk size with 0x", BAD, CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", 0},
    {"a chunk size with a sign", BAD, CHUNKED "+3\r\nabc\r\n0\r\n\r\n", 0},
    {"no chunk size", BAD, CHUNKED "\r\nabc\r\n0\r\n\r\n", 0},
    {"a chunk size beyond 64 bits", BAD, CHUNKED "FFFFFFFFFFFFFFFFF\r\nabc", 0},
    {"LF alone behind a chunk size", BAD, CHUNKED "3\nabc\r\n0\r\n\r\n", 0},
    {"LF alone behind a chunk", BAD, CHUNKED "3\r\nabc\n0\r\n\r\n", 0},
    {"a chunk that is longer than it says", BAD, CHUNKED "3\r\nabcX\r\n0\r\n\r\n", 0},
    {"LF alone in a trailer", BAD, CHUNKED "0\r\nX: y\n\r\n", 0},
    {"LF alone behind the trailers", BAD, CHUNKED "0\r\nX: y\r\n\n", 0},
    {"a folded trailer", BAD, CHUNKED "0\r\nX: y\r\n z\r\n\r\n", 0},
    {"too many trailers", DS_REASON(HEADERS_TOO_LARGE),
     CHUNKED "0\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\nH:\r\nI:\r\n\r\n", 0},
    {"trailers over the limit", DS_REASON(HEADERS_TOO_LARGE), CHUNKED "0\r\nX: " X256 X256 "\r\n",
     0},
    {"a body over the limit by its length", DS_REASON(REQUEST_TOO_LARGE),
     POST_HEAD "Content-Length: 65\r\n\r\n", 0},
    {"a body over the limit by its chunks", DS_REASON(REQUEST_TOO_LARGE),
     CHUNKED "40\r\n" X64 "\r\n1\r\nx\r\n0\r\n\r\n", 0},
    {"a chunk that announces more than the limit", DS_REASON(REQUEST_TOO_LARGE),
     CHUNKED "FFFFFFFF\r\n" X64 "xx", 0},
    {"a request line over the limit", DS_REASON(URI_TOO_LONG), "GET /" X256, 0},
    {"fields over the limit", DS_REASON(HEADERS_TOO_LARGE), GET_HEAD "X: " X256 X256, 0},
    {"too many fields", DS_REASON(HEADERS_TOO_LARGE),
     GET_HEAD "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\nF: 1\r\nG: 1\r\nH: 1\r\n\r\n", 0},
    {"an unknown expectation", DS_REASON(UNSUPPORTED_EXPECTATION),
     POST_HEAD "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 0},
    {"two expectations", DS_REASON(UNSUPPORTED_EXPECTATION),
     POST_HEAD "Expect: 100-continue, x\r\nContent-Length: 1\r\n\r\nx", 0},
};

static void a_malformed_request_is_refused_however_it_arrives(void **state)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 7};
    struct http_request *request = *state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const size_t size = refused[i].size != 0 ? refused[i].size : strlen(refused[i].text);
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            const struct outcome outcome =
                feed(request, ds_bytes_of(refused[i].text, size), pieces[j]);
            if (outcome.event != HTTP_EVENT_REFUSED || outcome.reason != refused[i].reason) {
                fail_msg("%s, in pieces of %zu: event %d, reason %d", refused[i].name, pieces[j],
                         outcome.event, (int)outcome.reason);
            }
            assert_true(outcome.detail[0] != '\0');
        }
    }
}

static const struct {
    const char *text;
    const char *body;
    bool keep_alive;
} accepted[] = {
    {GET_HEAD "\r\n", "", true},
    {"\r\n" GET_HEAD "\r\n", "", true},
    {"GET / HTTP/1.0\r\n\r\n", "", false},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "", true},
    {GET_HEAD "Connection: close\r\n\r\n", "", false},
    {GET_HEAD "Connection: x, Close\r\n\r\n", "", false},
    {GET_HEAD "Connection: keep-alive\r\nConnection: close\r\n\r\n", "", false},
    {GET_HEAD "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "", true},
    {GET_HEAD "X:\r\nY:   \r\n\r\n", "", true},
    {"FOO / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", "ab", true},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "", true},
    {"CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "", true},
    {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "", true},
    {"TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "", true},
    {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "", true},
    {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "", true},
    {"POST / HTTP/1.9\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "x",
     true},
    {POST_HEAD "Content-Length: 0\r\n\r\n", "", true},
    {POST_HEAD "Content-Length: 3\r\n\r\nabc", "abc", true},
    {POST_HEAD "Content-Length: 3\r\nConnection: close\r\n\r\nabc", "abc", false},
    {POST_HEAD "content-length: \t 3 \r\n\r\nabc", "abc", true},
    {CHUNKED "0\r\n\r\n", "", true},
    {CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", true},
    {CHUNKED "003\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n", "abc", true},
    {CHUNKED "3 ; a = \"b;c\"\r\nabc\r\n0\r\n\r\n", "abc", true},
    {POST_HEAD "Transfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "x", true},
    {"POST / HTTP/1.0\r\nExpect: anything\r\nContent-Length: 1\r\n\r\nx", "x", false},
};

static void a_request_ends_where_it_says_however_it_arrives(void **state)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 5};
    struct http_request *request = *state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, "%sGET /next", accepted[i].text);
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            const struct outcome outcome = feed(request, ds_bytes_of_text(text), pieces[j]);
            if (outcome.event != HTTP_EVENT_END) {
                fail_msg("%s: event %d: %s", text, outcome.event,
                         outcome.detail == NULL ? "" : outcome.detail);
            }
            assert_int_equal(outcome.used, strlen(accepted[i].text));
            assert_true(ds_bytes_equal_text(ds_buffer_bytes(&request->body), accepted[i].body));
            assert_int_equal(request->keep_alive, accepted[i].keep_alive);
        }
    }
}

static void half_a_request_is_not_over(void **state)
{
    assert_int_equal(feed_text(*state, "GET / HT").event, HTTP_EVENT_MORE);
    assert_int_equal(feed_text(*state, GET_HEAD).event, HTTP_EVENT_MORE);
    assert_int_equal(feed_text(*state, POST_HEAD "Content-Length: 3\r\n\r\nab").event,
                     HTTP_EVENT_MORE);
    assert_int_equal(feed_text(*state, CHUNKED "3\r\nabc\r\n").event, HTTP_EVENT_MORE);
}

static void the_parts_of_the_request_line_are_taken_apart(void **state)
{
    struct http_request *request = *state;
    feed_text(request, "PATCH /a/b%2Fc?x=1&y HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(request->method, HTTP_METHOD_PATCH);
    assert_true(ds_bytes_equal_text(request->path, "/a/b%2Fc"));
    assert_true(ds_bytes_equal_text(request->query, "x=1&y"));
    feed_text(request, "BREW /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(request->method, HTTP_METHOD_OTHER);
    assert_true(ds_bytes_equal_text(request->method_text, "BREW"));
}

static void a_whole_url_as_target_gives_its_path(void **state)
{
    struct http_request *request = *state;
    feed_text(request, "GET http://example.org:80/a?b HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ds_bytes_equal_text(request->path, "/a"));
    assert_true(ds_bytes_equal_text(request->query, "b"));
    feed_text(request, "GET HTTP://example.org HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ds_bytes_equal_text(request->path, "/"));
    feed_text(request, "GET http://example.org?a=b HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ds_bytes_equal_text(request->path, "/"));
    assert_true(ds_bytes_equal_text(request->query, "a=b"));
    feed_text(request, "OPTIONS http://example.org HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ds_bytes_equal_text(request->path, "*"));
    feed_text(request, "OPTIONS http://example.org/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ds_bytes_equal_text(request->path, "/"));
}

static void the_host_of_the_target_goes_before_the_field(void **state)
{
    struct http_request *request = *state;
    feed_text(request, "GET https://[::1]:80/a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ds_bytes_equal_text(request->host, "[::1]:80"));
    feed_text(request, "CONNECT b:1 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(ds_bytes_equal_text(request->host, "b:1"));
    feed_text(request, "GET /a HTTP/1.1\r\nHost: x:7\r\n\r\n");
    assert_true(ds_bytes_equal_text(request->host, "x:7"));
    feed_text(request, "GET /a HTTP/1.0\r\n\r\n");
    assert_int_equal(request->host.size, 0);
}

static void known_fields_are_found_whatever_their_case(void **state)
{
    struct http_request *request = *state;
    feed_text(request, "GET / HTTP/1.1\r\nHOST: a\r\nx-request-ID:  7 \r\nAccept: b\r\n\r\n");
    assert_true(ds_bytes_equal_text(http_request_header(request, HTTP_HEADER_X_REQUEST_ID), "7"));
    assert_true(ds_bytes_equal_text(http_request_header(request, HTTP_HEADER_ACCEPT), "b"));
    assert_int_equal(http_request_header(request, HTTP_HEADER_EXPECT).size, 0);
}

static void every_known_name_has_its_number_and_no_other_has_one(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum http_header_id id;
    } names[] = {
        {"Accept", HTTP_HEADER_ACCEPT},
        {"Accept-Encoding", HTTP_HEADER_ACCEPT_ENCODING},
        {"Access-Control-Request-Headers", HTTP_HEADER_ACCESS_CONTROL_REQUEST_HEADERS},
        {"Access-Control-Request-Method", HTTP_HEADER_ACCESS_CONTROL_REQUEST_METHOD},
        {"Authorization", HTTP_HEADER_AUTHORIZATION},
        {"Connect-Protocol-Version", HTTP_HEADER_CONNECT_PROTOCOL_VERSION},
        {"Connect-Timeout-Ms", HTTP_HEADER_CONNECT_TIMEOUT_MS},
        {"Connection", HTTP_HEADER_CONNECTION},
        {"Content-Encoding", HTTP_HEADER_CONTENT_ENCODING},
        {"Content-Length", HTTP_HEADER_CONTENT_LENGTH},
        {"Content-Type", HTTP_HEADER_CONTENT_TYPE},
        {"Cookie", HTTP_HEADER_COOKIE},
        {"Expect", HTTP_HEADER_EXPECT},
        {"Host", HTTP_HEADER_HOST},
        {"Idempotency-Key", HTTP_HEADER_IDEMPOTENCY_KEY},
        {"If-Match", HTTP_HEADER_IF_MATCH},
        {"If-None-Match", HTTP_HEADER_IF_NONE_MATCH},
        {"Last-Event-Id", HTTP_HEADER_LAST_EVENT_ID},
        {"Origin", HTTP_HEADER_ORIGIN},
        {"Sec-Websocket-Extensions", HTTP_HEADER_SEC_WEBSOCKET_EXTENSIONS},
        {"Sec-Websocket-Key", HTTP_HEADER_SEC_WEBSOCKET_KEY},
        {"Sec-Websocket-Protocol", HTTP_HEADER_SEC_WEBSOCKET_PROTOCOL},
        {"Sec-Websocket-Version", HTTP_HEADER_SEC_WEBSOCKET_VERSION},
        {"TE", HTTP_HEADER_TE},
        {"Traceparent", HTTP_HEADER_TRACEPARENT},
        {"Tracestate", HTTP_HEADER_TRACESTATE},
        {"Transfer-Encoding", HTTP_HEADER_TRANSFER_ENCODING},
        {"Upgrade", HTTP_HEADER_UPGRADE},
        {"X-Api-Key", HTTP_HEADER_X_API_KEY},
        {"X-Forwarded-For", HTTP_HEADER_X_FORWARDED_FOR},
        {"X-Forwarded-Proto", HTTP_HEADER_X_FORWARDED_PROTO},
        {"X-Request-Id", HTTP_HEADER_X_REQUEST_ID},
    };
    assert_int_equal(sizeof names / sizeof names[0], HTTP_HEADER_COUNT - 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(http_header_id_of(ds_bytes_of_text(names[i].name)), names[i].id);
    }
    static const char *const others[] = {"", "x", "ts", "hosts", "x-request-ie", X64};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(http_header_id_of(ds_bytes_of_text(others[i])), HTTP_HEADER_OTHER);
    }
}

static void an_expectation_counts_only_with_a_body(void **state)
{
    struct http_request *request = *state;
    feed_text(request, POST_HEAD "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx");
    assert_true(request->expects_continue);
    feed_text(request, GET_HEAD "Expect: 100-continue\r\n\r\n");
    assert_false(request->expects_continue);
}

static void extensions_of_chunks_are_bounded(void **state)
{
    struct ds_buffer text;
    ds_buffer_init(&text, SIZE_MAX);
    ds_buffer_append_text(&text, CHUNKED "1;");
    for (int i = 0; i < 40000; i++) {
        ds_buffer_append_byte(&text, 'a');
    }
    const struct outcome outcome = feed(*state, ds_buffer_bytes(&text), 1024);
    ds_buffer_deinit(&text);
    assert_int_equal(outcome.event, HTTP_EVENT_REFUSED);
    assert_true(outcome.used < 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_malformed_request_is_refused_however_it_arrives, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_request_ends_where_it_says_however_it_arrives, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(half_a_request_is_not_over, setup, teardown),
        cmocka_unit_test_setup_teardown(the_parts_of_the_request_line_are_taken_apart, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_whole_url_as_target_gives_its_path, setup, teardown),
        cmocka_unit_test_setup_teardown(the_host_of_the_target_goes_before_the_field, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(known_fields_are_found_whatever_their_case, setup,
                                        teardown),
        cmocka_unit_test(every_known_name_has_its_number_and_no_other_has_one),
        cmocka_unit_test_setup_teardown(an_expectation_counts_only_with_a_body, setup, teardown),
        cmocka_unit_test_setup_teardown(extensions_of_chunks_are_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
