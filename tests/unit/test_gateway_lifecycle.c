/* The gateway as a whole: its own routes, who may do what, clients that leave, the end. */
#include "gateway/tables.h"
#include "support/gateway_fixture.h"
#include "support/test.h"

static int setup(void **state)
{
    *state = gateway_fixture_start(&fixture_writer);
    return 0;
}

static int teardown(void **state)
{
    gateway_fixture_stop(*state);
    return 0;
}

static int setup_reader(void **state)
{
    *state = gateway_fixture_start(&fixture_reader);
    return 0;
}

static int setup_nobody(void **state)
{
    *state = gateway_fixture_start(NULL);
    return 0;
}

static int begin_held_ingest(struct gateway_fixture *fixture)
{
    const int client = http_connect(fixture->address);
    http_send(client, INGEST HOST JSON "Content-Length: 32\r\n\r\n"
                                       "{\"ticks\":[{\"product\":\"HOLD\"}]}  ");
    sem_wait(&fixture->begun);
    return client;
}

static void what_the_anonymous_caller_may_not_is_401(void **state)
{
    struct http_client_reply reply = ask(*state, INGEST, JSON, "{\"ticks\":[]}");
    assert_int_equal(reply.status, 401);
    assert_non_null(strstr(reply.head, "\r\nWWW-Authenticate: Bearer\r\n"));
    assert_non_null(strstr(reply.body, "\"error_code\":\"unauthenticated\""));
    http_reply_free(&reply);
    reply = ask(*state, "GET /v1/products", "", NULL);
    assert_int_equal(reply.status, 200);
    http_reply_free(&reply);
}

static void without_an_anonymous_caller_only_system_routes_are_open(void **state)
{
    struct http_client_reply reply =
        ask(*state, "GET /v1/products", "Authorization: Bearer x\r\n", NULL);
    assert_int_equal(reply.status, 401);
    http_reply_free(&reply);
    reply = ask(*state, "GET /health", "", NULL);
    assert_int_equal(reply.status, 200);
    http_reply_free(&reply);
}

static void a_client_that_leaves_cancels_its_call(void **state)
{
    struct gateway_fixture *fixture = *state;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    const int client = begin_held_ingest(fixture);
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
    struct http_client_reply reply = {.status = 0};
    do {
        /* 499 is what such a request is counted under. */
        http_reply_free(&reply);
        reply = ask(fixture, "GET /metrics", "", NULL);
    } while (strstr(reply.body, "status=\"499\"} 1\n") == NULL);
    http_reply_free(&reply);
    sem_post(&fixture->release);
    /* The handler goes on alone; the fixture's teardown waits for it. */
    while (!atomic_load(&fixture->saw_abandoned)) {
        sched_yield();
    }
}

static void other_requests_go_on_while_one_waits(void **state)
{
    struct gateway_fixture *fixture = *state;
    const int client = begin_held_ingest(fixture);
    get(fixture, "/v1/products", 200, "{\"products\":[\"A\",\"B\"]}");
    sem_post(&fixture->release);
    http_expect(client, 200, "{\"accepted\":1,\"duplicate\":0,\"late\":0,\"rejected\":[]}");
    close(client);
}

static void stopping_lets_requests_in_work_end(void **state)
{
    struct gateway_fixture *fixture = *state;
    const int client = begin_held_ingest(fixture);
    gateway_stop(fixture->gateway, FIXTURE_PATIENCE_MS);
    sem_post(&fixture->release);
    struct http_client_reply reply = http_receive(client);
    assert_int_equal(reply.status, 200);
    http_reply_free(&reply);
    assert_true(http_at_end(client));
    close(client);
}

/* Returns once the gateway has begun to stop: it takes no more connections. */
static void begin_to_stop(struct gateway_fixture *fixture)
{
    gateway_stop(fixture->gateway, FIXTURE_PATIENCE_MS);
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)atoi(strrchr(fixture->address, ':') + 1));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int refused = 0; refused == 0;) {
        const int client = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(client >= 0);
        refused = connect(client, (struct sockaddr *)&to, sizeof to);
        close(client);
    }
}

static void stopping_does_not_wait_for_more_of_a_client_that_takes_its_reply(void **state)
{
    struct gateway_fixture *fixture = *state;
    const int client = http_connect_with(fixture->address, 4096);
    char byte;
    http_send(client, "GET /v1/ticks/LARGE" HOST "\r\n");
    assert_int_equal(http_recv(client, &byte, 1, MSG_PEEK), 1);
    begin_to_stop(fixture);
    struct http_client_reply reply = http_receive(client);
    assert_int_equal(reply.status, 200);
    assert_true(reply.body_bytes > LARGE_BYTES);
    http_reply_free(&reply);
    assert_true(http_at_end(client));
    close(client);
}

static void stopping_serves_a_request_whose_first_bytes_have_come(void **state)
{
    struct gateway_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    http_send(client, INGEST HOST JSON "Content-Length: 32\r\n\r\n"
                                       "{\"ticks\":[{\"product\":\"HOLD\"}]}  "
                                       "GET /health/live HTTP/1.1\r\nHo");
    sem_wait(&fixture->begun);
    begin_to_stop(fixture);
    sem_post(&fixture->release);
    struct http_client_reply reply = http_receive(client);
    assert_int_equal(reply.status, 200);
    assert_null(strstr(reply.head, "\r\nConnection: close\r\n"));
    http_reply_free(&reply);
    http_send(client, "st: a\r\n\r\n");
    reply = http_receive(client);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head, "\r\nConnection: close\r\n"));
    http_reply_free(&reply);
    assert_true(http_at_end(client));
    close(client);
}

static void replies_of_one_moment_are_bounded_together(void **state)
{
    enum { CLIENTS = 3, PIPELINE = 16 };
    struct gateway_fixture *fixture = *state;
    int clients[CLIENTS];
    /* Reads of ticks run on the loop's thread: while one waits, requests gather. */
    const int first = http_connect(fixture->address);
    http_send(first, "GET /v1/ticks/WAIT" HOST "\r\n");
    sem_wait(&fixture->begun);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = http_connect_with(fixture->address, 4096);
        for (int j = 0; j < PIPELINE; j++) {
            http_send(clients[i], "GET /v1/ticks/LARGE" HOST "\r\n");
        }
    }
    sem_post(&fixture->release);
    /* 48 replies of 4 MiB in all: what does not fit 128 MiB is refused when its turn comes. */
    int refused = 0;
    for (int i = 0; i < CLIENTS; i++) {
        for (int j = 0; j < PIPELINE; j++) {
            struct http_client_reply reply = http_receive(clients[i]);
            assert_true(reply.status == 200 || reply.status == 503);
            refused += reply.status == 503;
            http_reply_free(&reply);
        }
        close(clients[i]);
    }
    assert_true(refused > 0);
    close(first);
}

static void stopping_waits_no_longer_than_its_grace(void **state)
{
    struct gateway_fixture *fixture = *state;
    const int client = begin_held_ingest(fixture);
    gateway_stop(fixture->gateway, 50);
    assert_true(http_at_end(client));
    close(client);
    sem_post(&fixture->release);
}

static void the_root_names_the_listeners_service(void **state)
{
    get(*state, "/", 200,
        "{\"service\":\"named\",\"version\":\"" DS_VERSION
        "\",\"status\":\"running\",\"docs\":\"/docs\"}");
    get(*state, "/health/live", 200, "{\"status\":\"alive\"}");
}

static void health_follows_the_backend(void **state)
{
    const struct gateway_fixture *fixture = *state;
    struct http_client_reply reply = ask(fixture, "GET /health", "", NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "{\"status\":\"healthy\",\"service\":\"named\","
                                       "\"timestamp\":\"20"));
    assert_non_null(
        strstr(reply.body, "\"database\":\"connected\",\"checks\":{\"storage\":\"healthy\"}}"));
    http_reply_free(&reply);
    get(fixture, "/health/ready", 200, "{\"status\":\"ready\"}");

    ds_rpc_server_set_serving(fixture->server, STORAGE, false);
    do {
        /* The old answer is remembered for a moment. */
        http_reply_free(&reply);
        reply = ask(fixture, "GET /health", "", NULL);
    } while (reply.status == 200);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.body, "{\"status\":\"unhealthy\""));
    assert_non_null(strstr(
        reply.body, "\"database\":\"disconnected\",\"checks\":{\"storage\":\"unhealthy\"}}"));
    http_reply_free(&reply);
    get(fixture, "/health/ready", 503, "{\"status\":\"not ready\"}");
}

static void metrics_count_requests_by_route_and_status(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct http_client_reply reply = ask(*state, "GET /v1/ticks/A", "", NULL);
        http_reply_free(&reply);
    }
    struct http_client_reply reply = ask(*state, "GET /nothing", "", NULL);
    http_reply_free(&reply);
    reply = ask(*state, "GET /metrics", "Accept: text/plain;version=0.0.4;q=0.5\r\n", NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head, "\r\nContent-Type: text/plain; version=0.0.4;"));
    assert_non_null(strstr(reply.body, "\nds_http_requests_total{method=\"GET\","
                                       "route=\"/v1/ticks/{product}\",status=\"200\"} 3\n"));
    assert_non_null(strstr(
        reply.body, "\nds_http_requests_total{method=\"\",route=\"none\",status=\"404\"} 1\n"));
    assert_non_null(strstr(reply.body, "\nds_http_request_seconds_count{method=\"GET\","
                                       "route=\"/v1/ticks/{product}\"} 3\n"));
    assert_non_null(strstr(reply.body, "\nds_http_connections_open "));
    assert_non_null(strstr(reply.body, "\nds_rpc_server_calls_total{"));
    http_reply_free(&reply);
}

static void a_gateway_serves_the_tables_that_it_is_given(void **state)
{
    (void)state;
    struct route_match match;
    struct gateway_tables tables = gateway_tables_default();
    assert_true(route_find_in(tables.nodes, ds_bytes_of_text("/v1/products"), &match));
    struct route_binding own = *match.leaf->bindings[HTTP_METHOD_GET];
    own.path_template = "/own";
    const struct route_leaf leaf = {.verb = "", .bindings = {[HTTP_METHOD_GET] = &own}};
    const struct route_edge edge = {"own", 3, 1};
    const struct route_node nodes[] = {
        {.edges = &edge, .edge_count = 1, .star = ROUTE_NO_NODE, .rest = ROUTE_NO_NODE},
        {.leaves = &leaf, .leaf_count = 1, .star = ROUTE_NO_NODE, .rest = ROUTE_NO_NODE},
    };
    tables.nodes = nodes;
    tables.bindings = &own;
    tables.binding_count = 1;
    struct gateway_fixture *fixture = gateway_fixture_start_serving(&tables, &fixture_writer);
    struct http_client_reply reply = ask(fixture, "GET /own", "", NULL);
    assert_int_equal(reply.status, 200);
    http_reply_free(&reply);
    reply = ask(fixture, "GET /v1/products", "", NULL);
    assert_int_equal(reply.status, 404);
    http_reply_free(&reply);
    reply = ask(fixture, "GET /metrics", "", NULL);
    assert_non_null(strstr(reply.body, "\nds_http_requests_total{method=\"GET\",route=\"/own\","
                                       "status=\"200\"} 1\n"));
    http_reply_free(&reply);
    gateway_fixture_stop(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_anonymous_caller_may_not_is_401, setup_reader,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_an_anonymous_caller_only_system_routes_are_open,
                                        setup_nobody, teardown),
        TEST(a_client_that_leaves_cancels_its_call),
        TEST(other_requests_go_on_while_one_waits),
        TEST(stopping_lets_requests_in_work_end),
        TEST(stopping_does_not_wait_for_more_of_a_client_that_takes_its_reply),
        TEST(stopping_serves_a_request_whose_first_bytes_have_come),
        TEST(stopping_waits_no_longer_than_its_grace),
        TEST(replies_of_one_moment_are_bounded_together),
        TEST(the_root_names_the_listeners_service),
        TEST(health_follows_the_backend),
        TEST(metrics_count_requests_by_route_and_status),
        cmocka_unit_test(a_gateway_serves_the_tables_that_it_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
