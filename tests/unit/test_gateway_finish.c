/* Entity tags, preconditions, compression both ways and the time of calls, over real sockets. */
#include "gateway/finish.h"
#include "gateway/gzip.h"
#include "support/gateway_fixture.h"
#include "support/test.h"

#define PAGE "GET /v1/ticks/PAGE?limit=100"
#define LARGE "GET /v1/ticks/PAGE?limit=10000"
#define WANTS_GZIP "Accept-Encoding: gzip\r\n"

static int setup(void **state)
{
    *state = gateway_fixture_start_with(
        (struct gateway_options){.anonymous = &fixture_writer, .gzip = true});
    return 0;
}

static int setup_long_pipeline(void **state)
{
    *state = gateway_fixture_start_with((struct gateway_options){
        .anonymous = &fixture_writer, .gzip = true, .limits = {.pipeline_max = 64}});
    return 0;
}

static int setup_plain(void **state)
{
    *state = gateway_fixture_start(&fixture_writer);
    return 0;
}

static int teardown(void **state)
{
    gateway_fixture_stop(*state);
    return 0;
}

/* The value of a field of the reply; fails where there is none. */
static void field_of(const struct http_client_reply *reply, const char *name, char target[128])
{
    char start[64];
    (void)snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = strstr(reply->head, start);
    if (at == NULL) {
        fail_msg("no %s: %s", name, reply->head);
        return;
    }
    (void)snprintf(target, 128, "%.*s", (int)strcspn(at + strlen(start), "\r"), at + strlen(start));
}

static bool has_field(const struct http_client_reply *reply, const char *line)
{
    char text[128];
    (void)snprintf(text, sizeof text, "\r\n%s", line);
    return strstr(reply->head, text) != NULL;
}

static void expect_field(const struct http_client_reply *reply, const char *line)
{
    char text[160];
    (void)snprintf(text, sizeof text, "\r\n%s\r\n", line);
    if (strstr(reply->head, text) == NULL) {
        fail_msg("no \"%s\": %s", line, reply->head);
    }
}

/* The reply's body out of its gzip is that of the other reply. */
static void expect_same(const struct http_client_reply *packed,
                        const struct http_client_reply *plain)
{
    struct gzip *gzip = gzip_create();
    struct ds_buffer body;
    ds_buffer_init(&body, SIZE_MAX);
    assert_int_equal(gzip_decompress(gzip, ds_bytes_of(packed->body, packed->body_bytes),
                                     HTTP_CLIENT_BYTES_MAX, &body),
                     GZIP_OK);
    assert_int_equal(body.size, plain->body_bytes);
    assert_memory_equal(body.data, plain->body, body.size);
    ds_buffer_deinit(&body);
    gzip_destroy(gzip);
}

static void a_page_is_compressed_where_that_is_asked_for(void **state)
{
    struct http_client_reply plain = ask(*state, PAGE, "", NULL);
    struct http_client_reply packed = ask(*state, PAGE, WANTS_GZIP, NULL);
    assert_false(has_field(&plain, "Content-Encoding"));
    expect_field(&plain, "Vary: Accept-Encoding");
    expect_field(&packed, "Content-Encoding: gzip");
    expect_field(&packed, "Vary: Accept-Encoding");
    assert_true(packed.body_bytes < plain.body_bytes / 4);
    expect_same(&packed, &plain);
    struct http_client_reply head = ask(*state, "HEAD /v1/ticks/PAGE?limit=100", WANTS_GZIP, NULL);
    char of_get[128];
    char of_head[128];
    field_of(&packed, "Content-Length", of_get);
    field_of(&head, "Content-Length", of_head);
    assert_string_equal(of_get, of_head);
    expect_field(&head, "Content-Encoding: gzip");
    http_reply_free(&plain);
    http_reply_free(&packed);
    http_reply_free(&head);
}

static void a_large_page_is_compressed_on_another_thread(void **state)
{
    struct http_client_reply plain = ask(*state, LARGE, "", NULL);
    assert_true(plain.body_bytes > FINISH_GZIP_LOOP_BYTES_MAX);
    for (int i = 0; i < 3; i++) {
        struct http_client_reply packed = ask(*state, LARGE, WANTS_GZIP, NULL);
        expect_field(&packed, "Content-Encoding: gzip");
        expect_same(&packed, &plain);
        http_reply_free(&packed);
    }
    http_reply_free(&plain);
}

static void a_pipeline_of_large_pages_comes_in_order(void **state)
{
    enum { COUNT = 16 };
    const struct gateway_fixture *fixture = *state;
    struct http_client_reply plain = ask(*state, LARGE, "", NULL);
    const int client = http_connect(fixture->address);
    for (int i = 0; i < COUNT; i++) {
        char request[256];
        (void)snprintf(request, sizeof request, "%s" HOST "X-Request-Id: r%d\r\n%s\r\n",
                       i % 2 == 0 ? LARGE : PAGE, i, WANTS_GZIP);
        http_send(client, request);
    }
    for (int i = 0; i < COUNT; i++) {
        char line[64];
        struct http_client_reply reply = http_receive(client);
        (void)snprintf(line, sizeof line, "X-Request-Id: r%d", i);
        expect_field(&reply, line);
        if (i % 2 == 0) {
            expect_field(&reply, "Content-Encoding: gzip");
            expect_same(&reply, &plain);
        }
        http_reply_free(&reply);
    }
    close(client);
    http_reply_free(&plain);
}

/* Requests of one write are read in one turn, in which no thread's work ends. */
static void large_pages_beyond_the_bound_come_plain(void **state)
{
    enum { COUNT = FINISH_GZIP_WORKS_MAX + 8 };
    const struct gateway_fixture *fixture = *state;
    char requests[COUNT * 128];
    size_t size = 0;
    int packed_count = 0;
    for (int i = 0; i < COUNT; i++) {
        size +=
            (size_t)snprintf(requests + size, sizeof requests - size, LARGE HOST WANTS_GZIP "\r\n");
    }
    const int client = http_connect(fixture->address);
    http_send(client, requests);
    for (int i = 0; i < COUNT; i++) {
        struct http_client_reply reply = http_receive(client);
        assert_int_equal(reply.status, 200);
        expect_field(&reply, "Vary: Accept-Encoding");
        packed_count += has_field(&reply, "Content-Encoding: gzip\r\n");
        http_reply_free(&reply);
    }
    assert_in_range(packed_count, FINISH_GZIP_WORKS_MAX, COUNT - 1);
    close(client);
}

static void clients_may_leave_while_their_reply_is_compressed(void **state)
{
    const struct gateway_fixture *fixture = *state;
    for (int i = 0; i < 40; i++) {
        const struct linger reset = {.l_onoff = 1};
        const int client = http_connect(fixture->address);
        http_send(client, LARGE HOST WANTS_GZIP "\r\n");
        /* A reply to somebody else tells that the request was taken, whatever became of it. */
        struct http_client_reply other = ask(fixture, "GET /v1/products", "", NULL);
        assert_int_equal(other.status, 200);
        http_reply_free(&other);
        setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(client);
    }
    struct http_client_reply reply = ask(fixture, LARGE, WANTS_GZIP, NULL);
    assert_int_equal(reply.status, 200);
    http_reply_free(&reply);
}

/* How a reply is coded, by what the client takes. */
struct coding_row {
    const char *request;
    const char *fields;
    int status;
    bool is_packed;
    bool varies;
};

static const struct coding_row coding_rows[] = {
    {PAGE, "", 200, false, true},
    {PAGE, WANTS_GZIP, 200, true, true},
    {PAGE, "Accept-Encoding: br, x-gzip;q=0.8\r\n", 200, true, true},
    {PAGE, "Accept-Encoding: *\r\n", 200, true, true},
    {PAGE, "Accept-Encoding: gzip;q=0\r\n", 200, false, true},
    {PAGE, "Accept-Encoding: br\r\n", 200, false, true},
    {PAGE, "Accept-Encoding: gzip;q=0.4, identity;q=0.5\r\n", 200, false, true},
    {PAGE, "Accept-Encoding: identity;q=0, gzip\r\n", 200, true, true},
    {PAGE, "Accept-Encoding: identity;q=0\r\n", 406, false, false},
    {PAGE, "Accept-Encoding: *;q=0\r\n", 406, false, false},
    /* Small, so that only who refuses anything else gets it compressed. */
    {"GET /v1/ticks/PAGE?limit=1", WANTS_GZIP, 200, false, false},
    {"GET /v1/ticks/PAGE?limit=1", "Accept-Encoding: gzip, identity;q=0\r\n", 200, true, false},
    /* Methods that do not say that they may be. */
    {"GET /v1/ticks/A/latest", WANTS_GZIP, 200, false, false},
    {"GET /v1/ticks/A/latest", "Accept-Encoding: gzip, identity;q=0\r\n", 406, false, false},
    {"GET /metrics", WANTS_GZIP, 200, true, true},
    {"GET /nothing", WANTS_GZIP, 404, false, false},
};

static void the_coding_is_the_clients_choice(void **state)
{
    for (size_t i = 0; i < sizeof coding_rows / sizeof coding_rows[0]; i++) {
        const struct coding_row *row = &coding_rows[i];
        struct http_client_reply reply = ask(*state, row->request, row->fields, NULL);
        if (reply.status != row->status ||
            has_field(&reply, "Content-Encoding: gzip\r\n") != row->is_packed ||
            (has_field(&reply, "Vary: Accept-Encoding\r\n") != row->varies)) {
            fail_msg("%s %s: %s", row->request, row->fields, reply.head);
        }
        http_reply_free(&reply);
    }
}

static void without_the_setting_nothing_is_compressed(void **state)
{
    struct http_client_reply reply = ask(*state, PAGE, WANTS_GZIP, NULL);
    assert_false(has_field(&reply, "Content-Encoding"));
    assert_false(has_field(&reply, "Vary"));
    http_reply_free(&reply);
    reply = ask(*state, PAGE, "Accept-Encoding: gzip, identity;q=0\r\n", NULL);
    assert_int_equal(reply.status, 406);
    http_reply_free(&reply);
    reply = ask(*state, INGEST, JSON "Content-Encoding: gzip\r\n", "x");
    assert_int_equal(reply.status, 415);
    expect_field(&reply, "Accept-Encoding: identity");
    http_reply_free(&reply);
}

static void the_same_reply_has_the_same_tag_and_need_not_come_again(void **state)
{
    char tag[128];
    char fields[256];
    struct http_client_reply first = ask(*state, PAGE, "", NULL);
    struct http_client_reply packed = ask(*state, PAGE, WANTS_GZIP, NULL);
    field_of(&first, "ETag", tag);
    expect_field(&first, "Cache-Control: private, no-cache");
    assert_int_equal(strncmp(tag, "W/\"", 3), 0);
    assert_true(has_field(&packed, "ETag: "));
    (void)snprintf(fields, sizeof fields, "If-None-Match: \"x\", %s\r\n", tag);

    static const char *const requests[] = {PAGE, "HEAD /v1/ticks/PAGE?limit=100"};
    for (size_t i = 0; i < 2; i++) {
        struct http_client_reply reply = ask(*state, requests[i], fields, NULL);
        char again[128];
        assert_int_equal(reply.status, 304);
        assert_int_equal(reply.body_bytes, 0);
        field_of(&reply, "ETag", again);
        assert_string_equal(again, tag);
        expect_field(&reply, "Cache-Control: private, no-cache");
        expect_field(&reply, "Vary: Accept-Encoding");
        assert_false(has_field(&reply, "Content-Length"));
        assert_false(has_field(&reply, "Content-Type"));
        assert_false(has_field(&reply, "Content-Encoding"));
        http_reply_free(&reply);
    }
    http_reply_free(&first);
    http_reply_free(&packed);
}

/* A request that can be sent behind another on one connection, and the status it gets. */
struct condition_row {
    const char *request;
    const char *fields;
    int status;
};

static const struct condition_row condition_rows[] = {
    {PAGE, "If-None-Match: *\r\n", 304},
    {PAGE, "If-None-Match: \"x\"\r\n", 200},
    {PAGE, "If-None-Match: *, \"x\"\r\n", 200},
    {PAGE, "If-Match: *\r\n", 200},
    {PAGE, "If-Match: \"x\"\r\n", 412},
    /* If-Match comes first, and what is 404 or 400 anyway stays so (RFC 9110 13.2). */
    {PAGE, "If-Match: \"x\"\r\nIf-None-Match: *\r\n", 412},
    {PAGE, "If-Match: *\r\nIf-None-Match: *\r\n", 304},
    {"GET /v1/ticks/GONE", "If-Match: \"x\"\r\n", 404},
    {"GET /v1/ticks/GONE", "If-None-Match: *\r\n", 404},
    {"GET /v1/ticks/A?x=1", "If-Match: \"x\"\r\n", 400},
    {"GET /openapi.json", "If-None-Match: *\r\n", 304},
    {"GET /health/live", "If-None-Match: *\r\n", 200},
    {"OPTIONS /v1/ticks/A", "If-Match: \"x\"\r\n", 204},
};

static void preconditions_are_kept_in_their_order(void **state)
{
    for (size_t i = 0; i < sizeof condition_rows / sizeof condition_rows[0]; i++) {
        const struct condition_row *row = &condition_rows[i];
        struct http_client_reply reply = ask(*state, row->request, row->fields, NULL);
        if (reply.status != row->status) {
            fail_msg("%s %s: %s", row->request, row->fields, reply.head);
        }
        http_reply_free(&reply);
    }
}

static void a_change_under_a_condition_is_not_made(void **state)
{
    struct gateway_fixture *fixture = *state;
    static const char body[] = "{\"ticks\":[{\"product\":\"COUNT\"}]}";
    struct http_client_reply reply = ask(fixture, INGEST, JSON "If-Match: \"x\"\r\n", body);
    assert_int_equal(reply.status, 412);
    assert_non_null(strstr(reply.body, "\"error_code\":\"precondition_failed\""));
    assert_non_null(strstr(reply.body, "{\"header\":\"If-Match\""));
    http_reply_free(&reply);
    reply = ask(fixture, INGEST, JSON "If-Match: *\r\n", body);
    assert_int_equal(reply.status, 412);
    http_reply_free(&reply);
    /* Nothing is there, so that nothing matches. */
    reply = ask(fixture, INGEST, JSON "If-None-Match: *\r\n", body);
    assert_int_equal(reply.status, 200);
    http_reply_free(&reply);
    /* The path of this one can be read too: whether that matches is not known. */
    reply = ask(fixture, "POST /v1/ticks:latest", JSON "If-None-Match: *\r\n", "{}");
    assert_int_equal(reply.status, 412);
    http_reply_free(&reply);
    assert_int_equal(atomic_load(&fixture->counted), 1);
}

static void a_reply_over_the_bound_has_no_tag(void **state)
{
    struct http_client_reply reply = ask(*state, "GET /v1/ticks/LARGE", "", NULL);
    assert_true(reply.body_bytes > FINISH_ETAG_BYTES_MAX);
    assert_false(has_field(&reply, "ETag"));
    http_reply_free(&reply);
}

/* Posts bytes as a body with that coding. */
static struct http_client_reply post(const struct gateway_fixture *fixture, const char *coding,
                                     struct ds_bytes body)
{
    char head[256];
    const int client = http_connect(fixture->address);
    (void)snprintf(head, sizeof head,
                   INGEST HOST JSON "Content-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", coding,
                   body.size);
    http_send(client, head);
    http_send_bytes(client, body.data, body.size);
    const struct http_client_reply reply = http_receive(client);
    close(client);
    return reply;
}

static void expect_post(const struct gateway_fixture *fixture, const char *coding,
                        struct ds_bytes body, int status, const char *words)
{
    struct http_client_reply reply = post(fixture, coding, body);
    if (reply.status != status || strstr(reply.body, words) == NULL) {
        fail_msg("%s: %s%s", coding, reply.head, reply.body);
    }
    if (status == 415) {
        expect_field(&reply, "Accept-Encoding: gzip, identity");
    }
    http_reply_free(&reply);
}

static void a_compressed_body_is_taken_within_the_methods_size(void **state)
{
    enum { BOMB_BYTES = 12 * 1024 * 1024 };
    static const char rows[] = "{\"ticks\":[{\"product\":\"A\"},{\"product\":\"B\"}]}";
    struct gzip *gzip = gzip_create();
    struct ds_buffer packed;
    struct ds_buffer zeros;
    ds_buffer_init(&packed, SIZE_MAX);
    ds_buffer_init(&zeros, SIZE_MAX);
    gzip_compress(gzip, ds_bytes_of_text(rows), &packed);
    const struct ds_bytes body = ds_buffer_bytes(&packed);
    expect_post(*state, "gzip", body, 200, "\"accepted\":2");
    expect_post(*state, "x-gzip", body, 200, "\"accepted\":2");
    expect_post(*state, "identity", ds_bytes_of_text(rows), 200, "\"accepted\":2");
    expect_post(*state, "deflate", body, 415, "\"error_code\":\"unsupported_encoding\"");
    expect_post(*state, "gzip, gzip", body, 415, "{\"header\":\"Content-Encoding\"");
    expect_post(*state, "gzip", ds_bytes_of(body.data, body.size - 1), 400, "ends before");
    expect_post(*state, "gzip", ds_bytes_of_text(rows), 400, "is not gzip");
    ds_buffer_append_byte(&packed, '\n');
    expect_post(*state, "gzip", ds_buffer_bytes(&packed), 400, "bytes behind");

    memset(ds_buffer_reserve(&zeros, BOMB_BYTES), ' ', BOMB_BYTES);
    ds_buffer_commit(&zeros, BOMB_BYTES);
    ds_buffer_clear(&packed);
    gzip_compress(gzip, ds_buffer_bytes(&zeros), &packed);
    expect_post(*state, "gzip", ds_buffer_bytes(&packed), 413, "once it is unpacked");
    expect_post(*state, "gzip", ds_bytes_of(NULL, 0), 400, "the body is empty");
    ds_buffer_deinit(&packed);
    ds_buffer_deinit(&zeros);
    gzip_destroy(gzip);
}

static void await_metric(const struct gateway_fixture *fixture, const char *words)
{
    bool is_there = false;
    while (!is_there) {
        struct http_client_reply reply = ask(fixture, "GET /metrics", "", NULL);
        is_there = strstr(reply.body, words) != NULL;
        http_reply_free(&reply);
    }
}

/* What is unpacked counts with the bodies of all requests in work, as if it had come so. */
static void unpacked_bodies_are_bounded_together(void **state)
{
    enum { BODY_BYTES = 8380000, HELD = 16 };
    static const char rows[] = "{\"ticks\":[{\"product\":\"HOLD\"}]}";
    struct gateway_fixture *fixture = *state;
    struct gzip *gzip = gzip_create();
    struct ds_buffer body;
    struct ds_buffer packed;
    char head[256];
    ds_buffer_init(&body, SIZE_MAX);
    ds_buffer_init(&packed, SIZE_MAX);
    memset(ds_buffer_reserve(&body, BODY_BYTES), ' ', BODY_BYTES);
    memcpy(body.data, rows, strlen(rows));
    ds_buffer_commit(&body, BODY_BYTES);
    gzip_compress(gzip, ds_buffer_bytes(&body), &packed);
    (void)snprintf(head, sizeof head,
                   INGEST HOST JSON "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                   packed.size);
    const int client = http_connect(fixture->address);
    for (int i = 0; i < HELD + 1; i++) {
        http_send(client, head);
        http_send_bytes(client, packed.data, packed.size);
    }
    await_metric(fixture, "route=\"/v1/ticks:ingest\",status=\"503\"} 1\n");
    for (int i = 0; i < HELD; i++) {
        sem_post(&fixture->release);
    }
    for (int i = 0; i < HELD; i++) {
        http_expect(client, 200, NULL);
    }
    struct http_client_reply reply = http_receive(client);
    assert_int_equal(reply.status, 503);
    expect_field(&reply, "Retry-After: 1");
    assert_non_null(strstr(reply.body, "too many large requests"));
    http_reply_free(&reply);
    http_send(client, head);
    http_send_bytes(client, packed.data, packed.size);
    sem_post(&fixture->release);
    http_expect(client, 200, NULL);
    close(client);
    ds_buffer_deinit(&body);
    ds_buffer_deinit(&packed);
    gzip_destroy(gzip);
}

static void a_called_reply_tells_where_its_time_went(void **state)
{
    struct http_client_reply reply = ask(*state, "GET /v1/ticks/A/latest", "", NULL);
    expect_field(&reply, "Server-Timing: queue;dur=0.000, call;dur=0.000");
    http_reply_free(&reply);
    reply = ask(*state, "GET /v1/ticks/GONE", "", NULL);
    assert_true(has_field(&reply, "Server-Timing: "));
    http_reply_free(&reply);
    reply = ask(*state, "GET /nothing", "", NULL);
    assert_false(has_field(&reply, "Server-Timing: "));
    http_reply_free(&reply);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_is_compressed_where_that_is_asked_for),
        TEST(a_large_page_is_compressed_on_another_thread),
        TEST(a_pipeline_of_large_pages_comes_in_order),
        cmocka_unit_test_setup_teardown(large_pages_beyond_the_bound_come_plain,
                                        setup_long_pipeline, teardown),
        TEST(clients_may_leave_while_their_reply_is_compressed),
        TEST(the_coding_is_the_clients_choice),
        cmocka_unit_test_setup_teardown(without_the_setting_nothing_is_compressed, setup_plain,
                                        teardown),
        TEST(the_same_reply_has_the_same_tag_and_need_not_come_again),
        TEST(preconditions_are_kept_in_their_order),
        TEST(a_change_under_a_condition_is_not_made),
        TEST(a_reply_over_the_bound_has_no_tag),
        TEST(a_compressed_body_is_taken_within_the_methods_size),
        cmocka_unit_test_setup_teardown(unpacked_bodies_are_bounded_together, setup_long_pipeline,
                                        teardown),
        TEST(a_called_reply_tells_where_its_time_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
