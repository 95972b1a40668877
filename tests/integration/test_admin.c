/* The admin pages of a server that is at its limits or on its way out. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "admin/pages.h"
#include "integration/rpc_fixture.h"
#include "schema.gen.h"
#include "support/http_client.h"

#include <pthread.h>

static struct rpc_fixture fixture;
static struct ds_admin_program program;
static struct ds_admin *admin;
static char address[DS_ADMIN_ADDRESS_BYTES_MAX];

static void write_metrics(void *context, struct ds_buffer *text)
{
    ds_metrics_write(ds_rpc_server_metrics(context), text);
}

static bool is_ready(void *context)
{
    return ds_rpc_server_is_ready(context);
}

static bool is_draining(void *context)
{
    return ds_rpc_server_is_draining(context);
}

static int open_all(void **state)
{
    (void)state;
    rpc_fixture_open(&fixture, FIXTURE_TCP,
                     &(struct ds_rpc_server_options){
                         .authenticator = {.authenticate = rpc_fixture_authenticate_writer},
                         .write_threads = 1,
                         .queue_max = 1});
    program = (struct ds_admin_program){.name = "tester",
                                        .server = fixture.server,
                                        .settings = ds_admin_settings_create(),
                                        .write_metrics = write_metrics,
                                        .is_ready = is_ready,
                                        .is_draining = is_draining,
                                        .context = fixture.server};
    struct ds_admin_page pages[DS_ADMIN_PAGES_MAX];
    const struct ds_admin_options options = {
        .address = "127.0.0.1:0", .pages = pages, .page_count = ds_admin_pages(&program, pages)};
    assert_int_equal(ds_admin_start(&options, &admin, address), DS_OK);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    ds_admin_stop(admin);
    ds_admin_settings_destroy(program.settings);
    rpc_fixture_close(&fixture);
    return 0;
}

static struct http_client_reply ask(const char *path)
{
    char request[128];
    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    const int client = http_connect(address);
    http_send(client, request);
    const struct http_client_reply reply = http_receive_with(client, false);
    close(client);
    return reply;
}

static void assert_page_has(const char *path, const char *part)
{
    struct http_client_reply reply = ask(path);
    assert_int_equal(reply.status, 200);
    if (strstr(reply.body, part) == NULL) {
        fail_msg("%s has no %s:\n%s", path, part, reply.body);
    }
    http_reply_free(&reply);
}

static bool page_has(const char *path, const char *part)
{
    struct http_client_reply reply = ask(path);
    const bool has = strstr(reply.body, part) != NULL;
    http_reply_free(&reply);
    return has;
}

/* A call that waits before the gate, or for a thread that does. */
struct pending {
    struct ds_client_call call;
    pthread_t thread;
};

static void *call_wait(void *context)
{
    struct pending *pending = context;
    (void)rpc_fixture_call(&fixture, &pending->call);
    return NULL;
}

static void pending_begin(struct pending *pending)
{
    *pending = (struct pending){.call = {.method = ds_method_storage_ingest_ticks}};
    assert_int_equal(pthread_create(&pending->thread, NULL, call_wait, pending), 0);
}

static ds_code pending_end(struct pending *pending)
{
    pthread_join(pending->thread, NULL);
    const ds_code code = pending->call.code;
    ds_client_call_release(&pending->call);
    return code;
}

static void the_pages_answer_while_a_pool_is_full(void **state)
{
    (void)state;
    struct pending executing;
    struct pending queued;
    pending_begin(&executing);
    rpc_fixture_await_waiting(&fixture, 1);
    pending_begin(&queued);
    while (!page_has("/pools", "\"name\":\"write\",\"threads\":1,\"busy_threads\":1,\"queued\":1,"
                               "\"queue_max\":1,\"refused\":0")) {
    }
    struct ds_client_call refused = {.method = ds_method_storage_ingest_ticks};
    assert_int_equal(rpc_fixture_call(&fixture, &refused), DS_RESOURCE_EXHAUSTED);
    ds_client_call_release(&refused);

    assert_page_has("/pools", "\"queued\":1,\"queue_max\":1,\"refused\":1}");
    assert_page_has("/metrics", "\nds_rpc_server_pool_refused_total{pool=\"write\"} 1\n");
    assert_page_has("/metrics", "\nds_rpc_server_pool_queued{pool=\"write\"} 1\n");
    assert_page_has("/metrics", "\nds_rpc_server_calls_in_flight 2\n");
    assert_page_has("/calls", "{\"method\":\"deltastream.storage.v1.Storage/IngestTicks\"");
    assert_page_has("/calls", "\"executing\":true");
    assert_page_has("/calls", "\"executing\":false");
    assert_page_has("/connections", "\"trusted\":false");
    assert_page_has("/connections", "\"requests_in_work\":");
    assert_page_has("/health/ready", "{\"status\":\"ready\"}");
    rpc_fixture_open_gate(&fixture);
    assert_int_equal(pending_end(&executing), DS_OK);
    assert_int_equal(pending_end(&queued), DS_OK);
}

static void *drain(void *context)
{
    (void)context;
    ds_rpc_server_drain(fixture.server, RPC_FIXTURE_TIMEOUT_MS);
    return NULL;
}

static void the_pages_answer_during_a_drain(void **state)
{
    (void)state;
    struct pending executing;
    pthread_t draining;
    assert_page_has("/status", "\"draining\":false");
    pending_begin(&executing);
    rpc_fixture_await_waiting(&fixture, 1);
    assert_int_equal(pthread_create(&draining, NULL, drain, NULL), 0);
    while (!page_has("/status", "\"draining\":true")) {
    }
    struct http_client_reply reply = ask("/health/ready");
    assert_int_equal(reply.status, 503);
    http_reply_free(&reply);
    assert_page_has("/health/live", "alive");
    assert_page_has("/calls", "\"executing\":true");
    rpc_fixture_open_gate(&fixture);
    pthread_join(draining, NULL);
    assert_int_equal(pending_end(&executing), DS_OK);
    assert_page_has("/calls", "{\"calls\":[]}");
}

static void readiness_follows_what_health_answers(void **state)
{
    (void)state;
    ds_rpc_server_set_serving(fixture.server, "deltastream.storage.v1.Storage", false);
    struct http_client_reply reply = ask("/health/ready");
    assert_int_equal(reply.status, 503);
    http_reply_free(&reply);
    ds_rpc_server_set_serving(fixture.server, "deltastream.storage.v1.Storage", true);
    assert_page_has("/health/ready", "{\"status\":\"ready\"}");
}

static void a_connection_is_shown_with_its_peer(void **state)
{
    (void)state;
    struct ds_client_call health = {.method = ds_method_health_check};
    assert_int_equal(rpc_fixture_call(&fixture, &health), DS_OK);
    ds_client_call_release(&health);
    assert_page_has("/connections", "\"peer\":\"127.0.0.1:");
    assert_page_has("/connections", fixture.url);
    char sample[256];
    (void)snprintf(sample, sizeof sample, "\nds_rpc_server_connections{listener=\"%s\"} ",
                   fixture.url);
    assert_page_has("/metrics", sample);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_pages_answer_while_a_pool_is_full),
        TEST(the_pages_answer_during_a_drain),
        TEST(readiness_follows_what_health_answers),
        TEST(a_connection_is_shown_with_its_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
