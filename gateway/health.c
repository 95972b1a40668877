/* /health and /health/ready: asks every backend by grpc.health.v1 and remembers the answers for a
 * moment, so that a flood of checks does not become a flood of calls. */
#include "ds/json.h"
#include "ds/log.h"
#include "ds/time.h"
#include "ds/wire.h"
#include "gateway/system.h"

#include <assert.h>

#define HEALTH_METHOD "grpc.health.v1.Health/Check"
#define HEALTH_TIMEOUT_MS 1000
#define HEALTH_FRESH_US 500000
#define STATUS_SERVING 1

static bool is_serving(struct ds_bytes response)
{
    struct ds_wire_reader reader = ds_wire_reader_of(response);
    uint64_t status = 0;
    while (!ds_wire_at_end(&reader)) {
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return false;
        }
        const bool wanted = number == 1 && type == DS_WIRE_VARINT;
        if (!(wanted ? ds_wire_read_varint(&reader, &status) : ds_wire_skip(&reader, type))) {
            return false;
        }
    }
    return status == STATUS_SERVING;
}

/* "storage" of "deltastream.storage.v1.Storage": the service's own name in lower case. */
static void write_check_name(const struct ds_service *service, struct ds_buffer *json)
{
    const char *dot = strrchr(service->full_name, '.');
    const char *name = dot == NULL ? service->full_name : dot + 1;
    ds_buffer_append_byte(json, '"');
    for (size_t i = 0; name[i] != '\0'; i++) {
        const char letter = name[i];
        const bool is_upper = letter >= 'A' && letter <= 'Z';
        ds_buffer_append_byte(json, (uint8_t)(is_upper ? letter | 0x20 : letter));
    }
    ds_buffer_append_byte(json, '"');
}

static void write_report(struct exchange *exchange, bool healthy)
{
    struct gateway *gateway = exchange->gateway;
    struct ds_buffer *json = &exchange->request->reply_body;
    const int64_t now_us = ds_clock_wall_us(gateway->clock);
    char time[DS_TIME_TEXT_MAX];
    const size_t time_bytes =
        ds_time_format(now_us / DS_MICROSECONDS, (int32_t)(now_us % DS_MICROSECONDS * 1000), time);

    ds_buffer_append_text(json, healthy ? "{\"status\":\"healthy\",\"service\":"
                                        : "{\"status\":\"unhealthy\",\"service\":");
    ds_json_append_string(json, ds_bytes_of_text(system_service_name(exchange)));
    ds_buffer_append_text(json, ",\"timestamp\":");
    ds_json_append_string(json, ds_bytes_of(time, time_bytes));
    const bool connected = healthy && gateway->backend_count > 0;
    ds_buffer_append_text(json, connected ? ",\"database\":\"connected\",\"checks\":{"
                                          : ",\"database\":\"disconnected\",\"checks\":{");
    for (size_t i = 0; i < gateway->backend_count; i++) {
        if (i > 0) {
            ds_buffer_append_byte(json, ',');
        }
        write_check_name(gateway->backends[i].service, json);
        ds_buffer_append_text(json, gateway->health.checks[i].healthy ? ":\"healthy\""
                                                                      : ":\"unhealthy\"");
    }
    ds_buffer_append_text(json, "}}");
}

static void answer(struct exchange *exchange)
{
    struct gateway *gateway = exchange->gateway;
    if (exchange->abandoned) {
        exchange_end_abandoned(exchange);
        return;
    }
    bool healthy = true;
    for (size_t i = 0; i < gateway->backend_count; i++) {
        healthy = healthy && gateway->health.checks[i].healthy;
    }
    if (exchange->system_route->route == HTTP_ROUTE_HEALTH_READY) {
        const bool ready = healthy && !gateway->draining;
        exchange_begin_reply(exchange, ready ? 200 : 503, "application/json");
        ds_buffer_append_text(&exchange->request->reply_body,
                              ready ? "{\"status\":\"ready\"}" : "{\"status\":\"not ready\"}");
    } else {
        exchange_begin_reply(exchange, healthy ? 200 : 503, "application/json");
        write_report(exchange, healthy);
    }
    exchange_end(exchange);
}

/* An operator who finds refused requests in the log looks for since when and why. */
static void tell_change(const struct health_check *check, bool was_healthy, bool is_first)
{
    const struct gateway *gateway = check->gateway;
    const char *service = gateway->backends[check - gateway->health.checks].service->full_name;
    if (!check->healthy && (was_healthy || is_first)) {
        ds_log(DS_LOG_WARNING, "backend_unhealthy", DS_LOG_TEXT("backend", service),
               DS_LOG_TEXT("code", ds_code_name(check->call.code)));
    } else if (check->healthy && !was_healthy && !is_first) {
        ds_log(DS_LOG_INFO, "backend_healthy", DS_LOG_TEXT("backend", service));
    }
}

static void finish_check(struct completion *completion)
{
    struct health_check *check = (struct health_check *)(void *)completion;
    struct gateway *gateway = check->gateway;
    struct health *health = &gateway->health;
    const bool was_healthy = check->healthy;
    check->healthy = check->call.code == DS_OK && is_serving(check->call.response);
    tell_change(check, was_healthy, !health->known);
    ds_client_call_release(&check->call);
    if (--health->outstanding > 0) {
        return;
    }
    health->known = true;
    health->checked_us = ds_clock_monotonic_us(gateway->clock);
    while (health->waiting != NULL) {
        struct exchange *exchange = health->waiting;
        health->waiting = exchange->next;
        answer(exchange);
    }
    gateway_check_closed(gateway);
}

static void check_done(struct ds_client_call *call)
{
    struct health_check *check = call->context;
    gateway_complete(check->gateway, &check->completion);
}

/* The call that asks for the health of that service; the request is written to `payload`. */
static struct ds_client_call check_call(const struct ds_service *service,
                                        uint8_t payload[HEALTH_REQUEST_BYTES_MAX])
{
    const struct ds_method *method = ds_method_find(HEALTH_METHOD, sizeof HEALTH_METHOD - 1);
    const size_t name_bytes = strlen(service->full_name);
    assert(method != NULL && name_bytes < 128 && name_bytes + 2 <= HEALTH_REQUEST_BYTES_MAX);
    payload[0] = 1 << 3 | DS_WIRE_BYTES; /* HealthCheckRequest.service */
    payload[1] = (uint8_t)name_bytes;
    memcpy(payload + 2, service->full_name, name_bytes);
    return (struct ds_client_call){.method = method,
                                   .payload = ds_bytes_of(payload, name_bytes + 2),
                                   .timeout_ms = HEALTH_TIMEOUT_MS};
}

bool gateway_is_ready(struct gateway *gateway)
{
    bool is_ready = !gateway_is_draining(gateway);
    for (size_t i = 0; is_ready && i < gateway->backend_count; i++) {
        uint8_t payload[HEALTH_REQUEST_BYTES_MAX];
        struct ds_client_call call = check_call(gateway->backends[i].service, payload);
        is_ready = ds_channel_call_wait(gateway->backends[i].channel, &call) == DS_OK &&
                   is_serving(call.response);
        ds_client_call_release(&call);
    }
    return is_ready;
}

static void start_check(struct gateway *gateway, size_t index)
{
    struct gateway_backend *backend = &gateway->backends[index];
    struct health_check *check = &gateway->health.checks[index];
    check->gateway = gateway;
    check->completion.finish = finish_check;
    check->call = check_call(backend->service, check->payload);
    check->call.done = check_done;
    check->call.context = check;
    gateway->health.outstanding++;
    gateway_call(backend, &check->call);
}

static bool is_fresh(const struct gateway *gateway)
{
    return gateway->backend_count == 0 ||
           (gateway->health.known &&
            ds_clock_monotonic_us(gateway->clock) - gateway->health.checked_us < HEALTH_FRESH_US);
}

void health_ask(struct exchange *exchange)
{
    struct gateway *gateway = exchange->gateway;
    struct health *health = &gateway->health;
    if (health->outstanding == 0 && is_fresh(gateway)) {
        answer(exchange);
        return;
    }
    exchange->state = EXCHANGE_CHECKING;
    exchange->next = health->waiting;
    health->waiting = exchange;
    if (health->outstanding > 0) {
        return;
    }
    for (size_t i = 0; i < gateway->backend_count; i++) {
        start_check(gateway, i);
    }
}
