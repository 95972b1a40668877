/* A handler that calls on hands its time and its trace to the next server: caller → relay → end,
 * the last hop over ipc. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/rpc_client.h"
#include "ds/rpc_server.h"
#include "schema.gen.h"
#include "support/handlers.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define PARENT_ID "b7ad6b7169203331"
#define TRACEPARENT "00-" TRACE_ID "-" PARENT_ID "-01"

static atomic_int_fast64_t relay_now_us;

static int64_t wall_us(const struct ds_clock *clock)
{
    (void)clock;
    return ds_clock_wall_us(ds_clock_system());
}

static int64_t monotonic_us(const struct ds_clock *clock)
{
    (void)clock;
    return relay_now_us;
}

static const struct ds_clock relay_clock = {wall_us, monotonic_us};

/* What a server's handler saw of its call, and what it hands on. */
struct sight {
    int count;
    struct ds_trace trace;
    char handed_on[DS_TRACEPARENT_BYTES + 1];
    char tracestate[DS_TRACESTATE_BYTES_MAX + 1];
    uint32_t timeout_ms;
};

static struct ds_rpc_server *relay;
static struct ds_rpc_server *end;
static struct ds_channel *to_relay;
static struct ds_channel *to_end;
static struct sight at_relay;
static struct sight at_end;
static int64_t relay_works_us; /* before it calls on */
static uint32_t relay_timeout_ms;
static char folder[64];
static char url[128];

static ds_code look(struct ds_call *call, struct ds_client_call *onward, struct sight *sight)
{
    sight->count++;
    DS_TRY(ds_client_call_inherit(onward, call));
    sight->trace = *ds_call_trace(call);
    sight->timeout_ms = onward->timeout_ms;
    snprintf(sight->handed_on, sizeof sight->handed_on, "%s", onward->traceparent);
    snprintf(sight->tracestate, sizeof sight->tracestate, "%s",
             onward->tracestate != NULL ? onward->tracestate : "");
    return DS_OK;
}

static ds_code call_on(void *context, struct ds_call *call, const ProtobufCMessage *request,
                       ProtobufCMessage *response)
{
    (void)context;
    (void)request;
    (void)response;
    struct ds_client_call onward = {.method = ds_method_storage_list_ticks,
                                    .timeout_ms = relay_timeout_ms,
                                    .principal = ds_call_principal(call)};
    relay_now_us += relay_works_us;
    DS_TRY(look(call, &onward, &at_relay));
    const ds_code code = ds_channel_call_wait(to_end, &onward);
    ds_client_call_release(&onward);
    return code == DS_OK ? DS_OK : ds_fail(call, code, "the end failed");
}

static ds_code answer(void *context, struct ds_call *call, const ProtobufCMessage *request,
                      ProtobufCMessage *response)
{
    (void)context;
    (void)request;
    (void)response;
    struct ds_client_call onward = {.method = ds_method_storage_list_ticks};
    return look(call, &onward, &at_end);
}

static ds_handler_fn relay_handlers[HANDLERS_MAX];
static ds_handler_fn end_handlers[HANDLERS_MAX];
static const struct ds_service_handlers relay_service = {&ds_service_storage, relay_handlers};
static const struct ds_service_handlers end_service = {&ds_service_storage, end_handlers};

static int open_all(void **state)
{
    (void)state;
    memset(&at_relay, 0, sizeof at_relay);
    memset(&at_end, 0, sizeof at_end);
    relay_now_us = 1000000;
    relay_works_us = 0;
    relay_timeout_ms = 0;
    handlers_fill(&ds_service_storage, relay_handlers);
    handlers_fill(&ds_service_storage, end_handlers);
    relay_handlers[ds_method_storage_list_ticks->index] = call_on;
    end_handlers[ds_method_storage_list_ticks->index] = answer;
    strcpy(folder, "/tmp/ds-trace-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "ipc://%s/rpc.sock", folder);
    relay = ds_rpc_server_create(
        &(struct ds_rpc_server_options){.name = "relay/1", .clock = &relay_clock});
    end = ds_rpc_server_create(&(struct ds_rpc_server_options){.name = "end/1"});
    ds_rpc_server_add_service(relay, &relay_service, NULL);
    ds_rpc_server_add_service(end, &end_service, NULL);
    assert_int_equal(ds_rpc_server_listen(end, url, NULL, 0), DS_OK);
    assert_int_equal(ds_channel_open(&(struct ds_channel_options){.url = url}, &to_end), DS_OK);
    assert_int_equal(
        ds_channel_open(&(struct ds_channel_options){.server = relay, .clock = &relay_clock},
                        &to_relay),
        DS_OK);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    ds_channel_close(to_relay);
    ds_rpc_server_drain(relay, 60000);
    ds_rpc_server_destroy(relay);
    ds_channel_close(to_end);
    ds_rpc_server_drain(end, 60000);
    ds_rpc_server_destroy(end);
    char path[96];
    snprintf(path, sizeof path, "%s/rpc.sock", folder);
    unlink(path);
    rmdir(folder);
    return 0;
}

static ds_code make(const char *traceparent, const char *tracestate, uint32_t timeout_ms)
{
    static const char *const permissions[] = {"market:read"};
    static const struct ds_principal reader = {.subject = "user:7",
                                               .authentication_method = "jwt",
                                               .permissions = permissions,
                                               .permission_count = 1};
    struct ds_client_call call = {.method = ds_method_storage_list_ticks,
                                  .principal = &reader,
                                  .traceparent = traceparent,
                                  .tracestate = tracestate,
                                  .timeout_ms = timeout_ms};
    const ds_code code = ds_channel_call_wait(to_relay, &call);
    ds_client_call_release(&call);
    return code;
}

static void a_trace_goes_through_all_servers_with_a_span_each(void **state)
{
    (void)state;
    char trace_id[2 * DS_TRACE_ID_BYTES + 1];
    char parent_id[2 * DS_SPAN_ID_BYTES + 1];
    assert_int_equal(make(TRACEPARENT, "rojo=00f067aa0ba902b7,congo=t61", 60000), DS_OK);
    assert_int_equal(at_end.count, 1);
    ds_span_write_id(at_relay.trace.parent_id, parent_id);
    assert_string_equal(parent_id, PARENT_ID);
    assert_memory_equal(at_end.trace.parent_id, at_relay.trace.span_id, DS_SPAN_ID_BYTES);
    assert_memory_not_equal(at_end.trace.span_id, at_relay.trace.span_id, DS_SPAN_ID_BYTES);
    ds_trace_write_id(&at_end.trace, trace_id);
    assert_string_equal(trace_id, TRACE_ID);
    assert_true(at_end.trace.is_sampled);
    assert_string_equal(at_end.tracestate, "rojo=00f067aa0ba902b7,congo=t61");
    assert_memory_equal(at_end.handed_on, "00-" TRACE_ID "-", 36);
    assert_string_equal(at_end.handed_on + 52, "-01");
}

static void a_call_without_a_trace_begins_one(void **state)
{
    (void)state;
    assert_int_equal(make(NULL, "rojo=1", 60000), DS_OK);
    assert_memory_equal(at_end.trace.trace_id, at_relay.trace.trace_id, DS_TRACE_ID_BYTES);
    assert_memory_equal(at_end.trace.parent_id, at_relay.trace.span_id, DS_SPAN_ID_BYTES);
    assert_false(at_end.trace.is_sampled);
    assert_string_equal(at_end.tracestate, "");
}

static void a_bad_traceparent_is_not_handed_on(void **state)
{
    (void)state;
    assert_int_equal(make("ff-" TRACE_ID "-" PARENT_ID "-01", "rojo=1", 60000), DS_OK);
    assert_memory_not_equal(at_end.handed_on, "00-" TRACE_ID "-", 36);
    assert_true(ds_traceparent_is_valid(ds_bytes_of_text(at_end.handed_on)));
    assert_string_equal(at_end.tracestate, "");
}

static void a_bad_tracestate_is_dropped_and_the_trace_goes_on(void **state)
{
    (void)state;
    assert_int_equal(make(TRACEPARENT, "rojo=1,,ROJO=2", 60000), DS_OK);
    assert_memory_equal(at_end.handed_on, "00-" TRACE_ID "-", 36);
    assert_string_equal(at_end.tracestate, "");
}

static void a_call_on_has_what_is_left_of_the_time(void **state)
{
    (void)state;
    relay_works_us = 20000000;
    relay_timeout_ms = 60000;
    assert_int_equal(make(TRACEPARENT, NULL, 60000), DS_OK);
    assert_int_equal(at_relay.timeout_ms, 40000);
    assert_true(at_end.timeout_ms <= 40000);
}

static void a_call_on_has_no_more_than_its_methods_time(void **state)
{
    (void)state;
    assert_int_equal(make(TRACEPARENT, NULL, 600000), DS_OK);
    assert_int_equal(at_relay.timeout_ms, ds_method_storage_list_ticks->timeout_ms);
}

static void a_call_on_may_ask_for_less(void **state)
{
    (void)state;
    relay_timeout_ms = 30000;
    assert_int_equal(make(TRACEPARENT, NULL, 60000), DS_OK);
    assert_int_equal(at_relay.timeout_ms, 30000);
}

static void who_has_no_time_left_does_not_call_on(void **state)
{
    (void)state;
    relay_works_us = 60000000;
    assert_int_equal(make(TRACEPARENT, NULL, 60000), DS_DEADLINE_EXCEEDED);
    assert_int_equal(at_relay.count, 1);
    assert_int_equal(at_end.count, 0);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
    const struct CMUnitTest tests[] = {
        WITH(a_trace_goes_through_all_servers_with_a_span_each),
        WITH(a_call_without_a_trace_begins_one),
        WITH(a_bad_traceparent_is_not_handed_on),
        WITH(a_bad_tracestate_is_dropped_and_the_trace_goes_on),
        WITH(a_call_on_has_what_is_left_of_the_time),
        WITH(a_call_on_has_no_more_than_its_methods_time),
        WITH(a_call_on_may_ask_for_less),
        WITH(who_has_no_time_left_does_not_call_on),
    };
    return cmocka_run_group_tests_name("rpc trace", tests, NULL, NULL);
}
