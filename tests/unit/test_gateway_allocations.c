/*
 * How often the gateway asks for memory: never for a row, and not at all once its buffers have
 * their size. The linker puts the functions below in front of malloc() and its kin, and in front of
 * those that a call enters the service by: what happens in there is the service's business.
 */
#include "support/gateway_fixture.h"
#include "support/test.h"

#define WARM_ROUNDS 4
#define COUNTED_ROUNDS 5
#define WANTS_GZIP "Accept-Encoding: gzip\r\n"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_ds_channel_call(struct ds_channel *channel, struct ds_client_call *call);
void __real_ds_channel_flush(struct ds_channel *channel);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_ds_channel_call(struct ds_channel *channel, struct ds_client_call *call);
void __wrap_ds_channel_flush(struct ds_channel *channel);

static atomic_int allocations;
static _Thread_local bool is_loop; /* the gateway's thread, which alone makes calls here */
static _Thread_local bool is_in_service;

static void count(void)
{
    if (is_loop && !is_in_service) {
        atomic_fetch_add(&allocations, 1);
    }
}

void *__wrap_malloc(size_t size)
{
    count();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
    count();
    return __real_calloc(number, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    count();
    return __real_realloc(memory, size);
}

void __wrap_ds_channel_call(struct ds_channel *channel, struct ds_client_call *call)
{
    is_loop = true;
    is_in_service = true;
    __real_ds_channel_call(channel, call);
    is_in_service = false;
}

void __wrap_ds_channel_flush(struct ds_channel *channel)
{
    is_in_service = true;
    __real_ds_channel_flush(channel);
    is_in_service = false;
}

static int setup(void **state)
{
    *state = gateway_fixture_start_with(
        (struct gateway_options){.anonymous = &fixture_writer, .gzip = true});
    return 0;
}

static int teardown(void **state)
{
    gateway_fixture_stop(*state);
    return 0;
}

static void exchange(int client, const char *request, int status)
{
    http_send(client, request);
    http_expect(client, status, NULL);
}

/* Of COUNTED_ROUNDS such requests on one connection, after WARM_ROUNDS that are not counted. */
static int allocations_of(const struct gateway_fixture *fixture, const char *request, int status)
{
    const int client = http_connect(fixture->address);
    for (int i = 0; i < WARM_ROUNDS; i++) {
        exchange(client, request, status);
    }
    atomic_store(&allocations, 0);
    for (int i = 0; i < COUNTED_ROUNDS; i++) {
        exchange(client, request, status);
    }
    const int counted = atomic_load(&allocations);
    close(client);
    return counted;
}

#define TICKS(limit, fields) "GET /v1/ticks/PAGE?limit=" limit HOST fields "\r\n"

static const struct {
    const char *request;
    int status;
} requests[] = {
    {"GET /v1/ticks/A/latest" HOST "\r\n", 200},
    {TICKS("1", ""), 200},
    {TICKS("100", ""), 200},
    {TICKS("1000", ""), 200},
    {TICKS("100", WANTS_GZIP), 200},
    {TICKS("1000", WANTS_GZIP), 200},
    {TICKS("1000", "If-None-Match: *\r\n"), 304},
    {TICKS("x", ""), 400},
    {"GET /v1/ticks/GONE" HOST "\r\n", 404},
    {INGEST HOST JSON "Idempotency-Key: k\r\nContent-Length: 12\r\n\r\n{\"ticks\":[]}", 200},
};

static void a_warm_gateway_needs_no_memory(void **state)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const int counted = allocations_of(*state, requests[i].request, requests[i].status);
        if (counted != 0) {
            fail_msg("%d allocations: %s", counted, requests[i].request);
        }
    }
}

/* Buffers grow by doubling; three of them hold a reply at most: the JSON, its compressed form and
 * what is read of the request. */
static void a_cold_gateway_needs_none_for_a_row(void **state)
{
    enum { DOUBLINGS_MAX = 3 * 12 };
    struct gateway_fixture *fixture = *state;
    const int client = http_connect(fixture->address);
    exchange(client, TICKS("1", ""), 200);
    atomic_store(&allocations, 0);
    exchange(client, TICKS("1000", WANTS_GZIP), 200);
    assert_in_range(atomic_load(&allocations), 1, DOUBLINGS_MAX);
    close(client);
}

/* So many at a time that their buffers are past the budget: they are freed, and the next ones work
 * all the same. */
static void past_the_budget_requests_are_served_all_the_same(void **state)
{
    enum { CLIENTS = 48, PIPELINED = 4 };
    const struct gateway_fixture *fixture = *state;
    for (int round = 0; round < 2; round++) {
        int clients[CLIENTS];
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = http_connect(fixture->address);
            for (int j = 0; j < PIPELINED; j++) {
                http_send(clients[i], TICKS("1000", ""));
            }
        }
        for (int i = 0; i < CLIENTS; i++) {
            for (int j = 0; j < PIPELINED; j++) {
                http_expect(clients[i], 200, NULL);
            }
            close(clients[i]);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_warm_gateway_needs_no_memory),
        TEST(a_cold_gateway_needs_none_for_a_row),
        TEST(past_the_budget_requests_are_served_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
