#include "admin/pages.h"

#include "ds/json_build.h"
#include "ds/process.h"
#include "ds/rpc_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* One answer shows at most as many; a list that long is cut. */
#define VIEWS_MAX 1000

static unsigned int finish(struct ds_buffer *json, unsigned int status)
{
    ds_buffer_append_byte(json, '\n');
    return status;
}

static unsigned int write_metrics(void *context, struct ds_buffer *body)
{
    const struct ds_admin_program *program = context;
    program->write_metrics(program->context, body);
    return 200;
}

static unsigned int write_live(void *context, struct ds_buffer *body)
{
    (void)context;
    ds_buffer_append_text(body, "{\"status\":\"alive\"}");
    return finish(body, 200);
}

static unsigned int write_ready(void *context, struct ds_buffer *body)
{
    const struct ds_admin_program *program = context;
    const bool is_ready = program->is_ready(program->context);
    ds_buffer_append_text(body, is_ready ? "{\"status\":\"ready\"}" : "{\"status\":\"not ready\"}");
    return finish(body, is_ready ? 200 : 503);
}

static void write_process(struct ds_buffer *json)
{
    struct ds_process_view process;
    ds_process_look(&process);
    ds_json_put_number(json, "pid", getpid());
    ds_json_put_time(json, "started_at", process.started_at_us);
    ds_json_put_seconds(json, "uptime_seconds", process.uptime_us);
    ds_json_put_seconds(json, "cpu_seconds", process.cpu_us);
    ds_json_put_number(json, "threads", (int64_t)process.threads);
    ds_json_put_number(json, "open_files", (int64_t)process.open_files);
    ds_json_put_number(json, "open_files_max", (int64_t)process.open_files_max);
    ds_json_put_open(json, "memory", '{');
    ds_json_put_number(json, "anonymous_bytes", (int64_t)process.anonymous_bytes);
    ds_json_put_number(json, "resident_bytes", (int64_t)process.resident_bytes);
    ds_json_put_close(json, '}');
}

static unsigned int write_status(void *context, struct ds_buffer *body)
{
    const struct ds_admin_program *program = context;
    ds_json_put_open(body, NULL, '{');
    ds_json_put_text(body, "name", program->name);
    ds_json_put_text(body, "version", DS_VERSION);
    if (program->server != NULL) {
        /* As text: it has more bits than a number of JSON may have. */
        char epoch[24];
        (void)snprintf(epoch, sizeof epoch, "%" PRIu64, ds_rpc_server_epoch(program->server));
        ds_json_put_text(body, "epoch", epoch);
    }
    ds_json_put_boolean(body, "draining", program->is_draining(program->context));
    write_process(body);
    ds_json_put_open(body, "listeners", '[');
    for (size_t i = 0; i < program->listener_count; i++) {
        ds_json_put_text(body, NULL, program->listeners[i]);
    }
    ds_json_put_close(body, ']');
    ds_json_put_close(body, '}');
    return finish(body, 200);
}

static unsigned int write_settings(void *context, struct ds_buffer *body)
{
    const struct ds_admin_program *program = context;
    ds_admin_settings_write(program->settings, body);
    return finish(body, 200);
}

static void write_call(void *context, const struct ds_call_view *call)
{
    struct ds_buffer *json = context;
    ds_json_put_open(json, NULL, '{');
    ds_json_put_text(json, "method", call->method);
    ds_json_put_text(json, "subject", call->subject);
    ds_json_put_text(json, "peer", call->peer);
    ds_json_put_text(json, "traceparent", call->traceparent);
    ds_json_put_number(json, "attempt", call->attempt);
    ds_json_put_time(json, "began_at", call->began_at_us);
    ds_json_put_seconds(json, "queue_seconds", call->queue_us);
    ds_json_put_seconds(json, "execution_seconds", call->execution_us);
    ds_json_put_number(json, "request_bytes", (int64_t)call->request_bytes);
}

static void write_call_in_flight(void *context, const struct ds_call_view *call)
{
    struct ds_buffer *json = context;
    write_call(json, call);
    ds_json_put_boolean(json, "executing", call->is_executing);
    ds_json_put_close(json, '}');
}

static void write_slow_call(void *context, const struct ds_call_view *call)
{
    struct ds_buffer *json = context;
    write_call(json, call);
    ds_json_put_number(json, "response_bytes", (int64_t)call->response_bytes);
    ds_json_put_text(json, "code", ds_code_name(call->code));
    ds_json_put_close(json, '}');
}

static void write_connection(void *context, const struct ds_connection_view *connection)
{
    struct ds_buffer *json = context;
    ds_json_put_open(json, NULL, '{');
    ds_json_put_text(json, "listener", connection->listener);
    ds_json_put_text(json, "peer", connection->peer);
    ds_json_put_text(json, "client", connection->client);
    ds_json_put_boolean(json, "trusted", connection->is_trusted);
    ds_json_put_seconds(json, "age_seconds", connection->age_us);
    ds_json_put_number(json, "requests", (int64_t)connection->request_count);
    ds_json_put_number(json, "requests_in_work", (int64_t)connection->requests_in_work);
    ds_json_put_close(json, '}');
}

static void write_pool(void *context, const struct ds_pool_view *pool)
{
    struct ds_buffer *json = context;
    ds_json_put_open(json, NULL, '{');
    ds_json_put_text(json, "name", pool->name);
    ds_json_put_number(json, "threads", pool->threads);
    ds_json_put_number(json, "busy_threads", pool->busy_threads);
    ds_json_put_number(json, "queued", (int64_t)pool->queued);
    ds_json_put_number(json, "queue_max", (int64_t)pool->queue_max);
    ds_json_put_number(json, "refused", (int64_t)pool->refused_count);
    ds_json_put_close(json, '}');
}

/* Begins {"name":[ and ends what it begins. */
static void open_list(struct ds_buffer *json, const char *name)
{
    ds_json_put_open(json, NULL, '{');
    ds_json_put_open(json, name, '[');
}

static unsigned int close_list(struct ds_buffer *json)
{
    ds_json_put_close(json, ']');
    ds_json_put_close(json, '}');
    return finish(json, 200);
}

static unsigned int write_calls(void *context, struct ds_buffer *body)
{
    const struct ds_admin_program *program = context;
    open_list(body, "calls");
    ds_rpc_server_calls_in_flight(program->server, VIEWS_MAX, write_call_in_flight, body);
    return close_list(body);
}

static unsigned int write_slow_calls(void *context, struct ds_buffer *body)
{
    const struct ds_admin_program *program = context;
    open_list(body, "calls");
    ds_rpc_server_slow_calls(program->server, write_slow_call, body);
    return close_list(body);
}

static unsigned int write_connections(void *context, struct ds_buffer *body)
{
    const struct ds_admin_program *program = context;
    open_list(body, "connections");
    ds_rpc_server_connections(program->server, VIEWS_MAX, write_connection, body);
    return close_list(body);
}

static unsigned int write_pools(void *context, struct ds_buffer *body)
{
    const struct ds_admin_program *program = context;
    open_list(body, "pools");
    ds_rpc_server_pools(program->server, write_pool, body);
    return close_list(body);
}

#define JSON "application/json"
#define PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"

static const struct ds_admin_page pages_of_all[] = {
    {"/status", JSON, "what runs, since when, on what", write_status, NULL},
    {"/settings", JSON, "settings in force and where each came from", write_settings, NULL},
    {"/metrics", PROMETHEUS, "figures for Prometheus", write_metrics, NULL},
    {"/health/live", JSON, "200 while the program answers at all", write_live, NULL},
    {"/health/ready", JSON, "200 while it takes work, else 503", write_ready, NULL},
};

static const struct ds_admin_page pages_of_servers[] = {
    {"/calls", JSON,
     "calls in flight, oldest first, without those that share a message or run at once",
     write_calls, NULL},
    {"/calls/slow", JSON, "slow calls of late, newest first", write_slow_calls, NULL},
    {"/connections", JSON, "connections of the RPC listeners", write_connections, NULL},
    {"/pools", JSON, "pools of threads and what waits for them", write_pools, NULL},
};

static size_t append_pages(const struct ds_admin_page *pages, size_t count,
                           const struct ds_admin_program *program, struct ds_admin_page *ret_pages)
{
    for (size_t i = 0; i < count; i++) {
        ret_pages[i] = pages[i];
        ret_pages[i].context = (struct ds_admin_program *)(uintptr_t)program;
    }
    return count;
}

size_t ds_admin_pages(const struct ds_admin_program *program,
                      struct ds_admin_page ret_pages[DS_ADMIN_PAGES_MAX])
{
    size_t count =
        append_pages(pages_of_all, sizeof pages_of_all / sizeof *pages_of_all, program, ret_pages);
    if (program->server != NULL) {
        count += append_pages(pages_of_servers, sizeof pages_of_servers / sizeof *pages_of_servers,
                              program, ret_pages + count);
    }
    return count;
}
