#include "http/connection.h"
#include "http/endpoint.h"

#include <assert.h>
#include <stdlib.h>

#define LISTEN_BACKLOG 4096
/* The tables of known fields count rows in one byte. */
#define HEADER_COUNT_MAX 255

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value == 0 ? fallback : value;
}

static struct http_limits limits_with_defaults(const struct http_limits *limits)
{
    struct http_limits result = {
        .connections_max = or_default(limits->connections_max, 10000),
        .connections_address_max = or_default(limits->connections_address_max, 1000),
        .pipeline_max = or_default(limits->pipeline_max, 16),
        .request_line_bytes_max = or_default(limits->request_line_bytes_max, 8 * 1024),
        .headers_bytes_max = or_default(limits->headers_bytes_max, 32 * 1024),
        .header_count_max = or_default(limits->header_count_max, 100),
        .body_bytes_max = or_default(limits->body_bytes_max, 16 * 1024 * 1024),
        .headers_timeout_ms = or_default(limits->headers_timeout_ms, 10000),
        .body_timeout_ms = or_default(limits->body_timeout_ms, 30000),
        .write_timeout_ms = or_default(limits->write_timeout_ms, 30000),
        .idle_timeout_ms = or_default(limits->idle_timeout_ms, 75000),
    };
    if (result.header_count_max > HEADER_COUNT_MAX) {
        result.header_count_max = HEADER_COUNT_MAX;
    }
    return result;
}

const struct http_refusal *http_server_busy(const struct http_server *server)
{
    static const struct http_refusal busy = {
        DS_REASON(SERVER_BUSY), "the server has too many replies to deliver; try again"};
    return server->counters.unsent_bytes > HTTP_UNSENT_TOTAL_BYTES_MAX ? &busy : NULL;
}

const struct http_server_counters *http_server_counters(const struct http_server *server)
{
    return &server->counters;
}

const struct http_limits *http_server_limits(const struct http_server *server)
{
    return &server->limits;
}

const char *http_server_date(struct http_server *server)
{
    if (!server->date_is_stale) {
        return server->date;
    }
    server->date_is_stale = false;
    const int64_t second = ds_clock_wall_us(server->clock) / 1000000;
    if (second != server->date_second) {
        server->date_second = second;
        http_date_format(second, server->date);
    }
    return server->date;
}

struct http_request *http_server_take_request(struct http_server *server)
{
    struct http_request *request = server->idle_requests;
    if (request == NULL) {
        request = http_request_create(server->limits.header_count_max);
    } else {
        server->idle_requests = request->next;
        server->idle_request_count--;
        server->kept_budget_bytes += request->kept_bytes;
        request->next = NULL;
    }
    request->server = server;
    server->requests_out++;
    return request;
}

void http_server_give_back(struct http_server *server, struct http_request *request)
{
    server->counters.body_bytes -= request->body.size;
    if (server->idle_request_count >= HTTP_IDLE_REQUESTS_MAX) {
        http_request_destroy(request);
    } else {
        http_request_reset(request, &server->kept_budget_bytes);
        request->next = server->idle_requests;
        server->idle_requests = request;
        server->idle_request_count++;
    }
    server->requests_out--;
    http_server_check_drained(server);
}

bool http_request_replace_body(struct http_request *request, struct ds_buffer *body)
{
    struct http_server_counters *counters = &request->server->counters;
    const uint64_t others_bytes = counters->body_bytes - request->body.size;
    if (others_bytes + body->size > HTTP_BODIES_TOTAL_BYTES_MAX) {
        return false;
    }
    const struct ds_buffer before = request->body;
    counters->body_bytes = others_bytes + body->size;
    request->body = *body;
    *body = before;
    return true;
}

void http_server_check_drained(struct http_server *server)
{
    if (server->draining && !server->drained && server->handles_open == 0 &&
        server->requests_out == 0) {
        server->drained = true;
        server->handler.drained(server->handler.context);
    }
}

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct http_server *server, uint64_t deadline_ms)
{
    if (deadline_ms >= server->timer_ms) {
        return;
    }
    const uint64_t now_ms = uv_now(server->loop);
    server->timer_ms = deadline_ms;
    uv_timer_start(&server->timer, on_timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0, 0);
}

void http_server_set_timeout(struct http_server *server, struct http_timeout *timeout,
                             enum http_timeout_kind kind)
{
    http_timeout_set(&server->timeouts, timeout, kind, uv_now(server->loop));
    arm_timer(server, timeout->deadline_ms);
}

static struct http_connection *connection_of(struct http_timeout *timeout)
{
    const size_t offset = timeout->kind == HTTP_TIMEOUT_WRITE
                              ? offsetof(struct http_connection, write_timeout)
                              : offsetof(struct http_connection, read_timeout);
    return (struct http_connection *)(void *)((uint8_t *)timeout - offset);
}

/* What has come is read first: a server that stood still would take its own time for the clients'.
 */
static void on_timer(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    server->timer_ms = UINT64_MAX;
    server->timeouts_due = true;
}

static void end_what_passed(struct http_server *server)
{
    struct http_timeout *passed = NULL;
    while ((passed = http_timeout_take_passed(&server->timeouts, uv_now(server->loop))) != NULL) {
        struct http_connection *connection = connection_of(passed);
        if (passed->kind == HTTP_TIMEOUT_HALF_CLOSED && connection->writing) {
            /* The client takes its reply; how long it may take, the write's own limit says. */
            http_server_set_timeout(server, passed, HTTP_TIMEOUT_HALF_CLOSED);
            continue;
        }
        if (passed->kind != HTTP_TIMEOUT_IDLE && passed->kind != HTTP_TIMEOUT_LINGER) {
            server->counters.timeouts++;
        }
        if (passed->kind == HTTP_TIMEOUT_WRITE) {
            http_connection_close(connection);
        } else {
            http_connection_read_timeout(connection, (enum http_timeout_kind)passed->kind);
        }
    }
    arm_timer(server, http_timeout_next_ms(&server->timeouts));
}

void http_server_mark_dirty(struct http_connection *connection)
{
    if (connection->dirty || connection->closed) {
        return;
    }
    connection->dirty = true;
    connection->next_dirty = connection->server->dirty;
    connection->server->dirty = connection;
}

/* Closed connections are gone by the next turn. */
static void forget_closed(struct http_server *server)
{
    struct http_connection **link = &server->dirty;
    while (*link != NULL) {
        if ((*link)->closed) {
            *link = (*link)->next_dirty;
        } else {
            link = &(*link)->next_dirty;
        }
    }
}

static void on_unfinished(uv_idle_t *unfinished)
{
    (void)unfinished; /* The work is done at the end of the turn. */
}

/* Lets the handler finish what it collected in this turn and writes what there is to write. One
 * makes work for the other; what is left after some rounds waits for the next turn. */
static void turn(struct http_server *server)
{
    for (int round = 0; round < HTTP_TURN_ROUNDS_MAX; round++) {
        server->handler.turn(server->handler.context);
        struct http_connection *connection = server->dirty;
        if (connection == NULL) {
            break;
        }
        server->dirty = NULL;
        while (connection != NULL) {
            struct http_connection *next = connection->next_dirty;
            connection->dirty = false;
            http_connection_flush(connection);
            connection = next;
        }
    }
    server->date_is_stale = true;
    forget_closed(server);
    if (server->dirty != NULL || server->timeouts_due) {
        uv_idle_start(&server->unfinished, on_unfinished);
    } else {
        uv_idle_stop(&server->unfinished);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    turn(prepare->data);
}

static void on_check(uv_check_t *check)
{
    struct http_server *server = check->data;
    if (server->timeouts_due) {
        server->timeouts_due = false;
        end_what_passed(server);
    }
    turn(server);
}

static void init_handles(struct http_server *server)
{
    uv_timer_init(server->loop, &server->timer);
    uv_prepare_init(server->loop, &server->prepare);
    uv_check_init(server->loop, &server->check);
    uv_idle_init(server->loop, &server->unfinished);
    server->timer.data = server;
    server->prepare.data = server;
    server->check.data = server;
    uv_prepare_start(&server->prepare, on_prepare);
    uv_check_start(&server->check, on_check);
}

struct http_server *http_server_create(const struct http_server_options *options)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        abort();
    }
    server->loop = options->loop;
    server->clock = options->clock;
    server->handler = options->handler;
    server->proxies = options->proxies;
    server->limits = limits_with_defaults(&options->limits);
    server->timer_ms = UINT64_MAX;
    server->date_second = INT64_MIN;
    server->date_is_stale = true;
    server->kept_budget_bytes = HTTP_KEPT_TOTAL_BYTES_MAX;
    const struct http_limits *limits = &server->limits;
    server->timeouts.duration_ms[HTTP_TIMEOUT_HEADERS] = limits->headers_timeout_ms;
    server->timeouts.duration_ms[HTTP_TIMEOUT_BODY] = limits->body_timeout_ms;
    server->timeouts.duration_ms[HTTP_TIMEOUT_WRITE] = limits->write_timeout_ms;
    server->timeouts.duration_ms[HTTP_TIMEOUT_IDLE] = limits->idle_timeout_ms;
    server->timeouts.duration_ms[HTTP_TIMEOUT_LINGER] = HTTP_LINGER_MS;
    server->timeouts.duration_ms[HTTP_TIMEOUT_HALF_CLOSED] = HTTP_HALF_CLOSED_MS;
    http_timeout_lists_init(&server->timeouts);
    init_handles(server);
    return server;
}

static void on_connection_closed_unused(uv_handle_t *handle)
{
    struct http_connection *connection = (struct http_connection *)(void *)handle;
    struct http_server *server = connection->server;
    free(connection);
    server->handles_open--;
    http_server_check_drained(server);
}

/* Accepts, and finds out who it is. */
static bool accept_connection(struct http_listener *listener, struct http_connection *connection,
                              uint8_t ret_key[HTTP_PEER_KEY_BYTES])
{
    struct sockaddr_storage address;
    int address_bytes = sizeof address;
    if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&connection->tcp) != 0 ||
        uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &address_bytes) != 0) {
        return false;
    }
    http_peer_key((const struct sockaddr *)&address, ret_key);
    (void)uv_ip_name((const struct sockaddr *)&address, connection->peer, sizeof connection->peer);
    (void)uv_tcp_nodelay(&connection->tcp, 1);
    return true;
}

static void link_connection(struct http_server *server, struct http_connection *connection)
{
    connection->next = server->connections;
    if (server->connections != NULL) {
        server->connections->previous = connection;
    }
    server->connections = connection;
}

/* Gives the connection its place. What it is told where there is none; else NULL. */
static const struct http_refusal *count_connection(struct http_connection *connection,
                                                   const uint8_t key[HTTP_PEER_KEY_BYTES])
{
    static const struct http_refusal full = {DS_REASON(SERVER_BUSY),
                                             "there are too many connections; try again later"};
    static const struct http_refusal address_full = {
        DS_REASON(RATE_LIMITED),
        "there are too many connections of this address; use fewer, or try again later"};
    struct http_server *server = connection->server;
    if (server->counters.connections_open >= server->limits.connections_max) {
        return &full;
    }
    const bool is_trusted = http_proxies_trust(server->proxies, connection->peer);
    uint8_t counted_key[HTTP_PEER_KEY_BYTES];
    memcpy(counted_key, key, sizeof counted_key);
    if (is_trusted) {
        /* No client's key has this: a proxy's connections are none of its neighbours' in a /64. */
        counted_key[8] = 1;
    }
    connection->counted =
        http_peers_add(&server->peers, counted_key,
                       is_trusted ? UINT32_MAX : server->limits.connections_address_max);
    return connection->counted == NULL ? &address_full : NULL;
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct http_listener *listener = stream->data;
    struct http_server *server = listener->server;
    if (status < 0) {
        return;
    }
    struct http_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        abort();
    }
    connection->server = server;
    connection->listener_name = listener->name;
    uv_tcp_init(server->loop, &connection->tcp);
    server->handles_open++;

    uint8_t key[HTTP_PEER_KEY_BYTES];
    if (!accept_connection(listener, connection, key)) {
        uv_close((uv_handle_t *)&connection->tcp, on_connection_closed_unused);
        return;
    }
    server->counters.connections_accepted++;
    const struct http_refusal *refusal = count_connection(connection, key);
    if (refusal != NULL) {
        server->counters.connections_refused++;
        if (server->refused_open >= HTTP_REFUSED_CONNECTIONS_MAX) {
            uv_close((uv_handle_t *)&connection->tcp, on_connection_closed_unused);
            return;
        }
        server->refused_open++;
    } else {
        server->counters.connections_open++;
    }
    link_connection(server, connection);
    http_connection_begin(connection, refusal);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct http_listener *listener = handle->data;
    listener->open = false;
}

ds_code http_server_listen(struct http_server *server, const char *address, char *ret_address,
                           size_t address_bytes_max)
{
    struct http_endpoint endpoint;
    DS_TRY(http_endpoint_parse(address, &endpoint));
    if (server->listener_count == HTTP_LISTENERS_MAX) {
        return DS_RESOURCE_EXHAUSTED;
    }
    struct http_listener *listener = &server->listeners[server->listener_count++];
    listener->server = server;
    listener->open = true;
    memcpy(listener->name, endpoint.name, sizeof listener->name);
    uv_tcp_init(server->loop, &listener->tcp);
    listener->tcp.data = listener;

    int failure = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&endpoint.address, 0);
    if (failure == 0) {
        failure = uv_listen((uv_stream_t *)&listener->tcp, LISTEN_BACKLOG, on_connection);
    }
    if (failure != 0) {
        uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
        return failure == UV_EADDRINUSE ? DS_ALREADY_EXISTS
               : failure == UV_EACCES   ? DS_PERMISSION_DENIED
                                        : DS_UNAVAILABLE;
    }
    struct sockaddr_storage bound;
    int bound_bytes = sizeof bound;
    uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&bound, &bound_bytes);
    http_endpoint_format((const struct sockaddr *)&bound, ret_address, address_bytes_max);
    return DS_OK;
}

void http_server_drain(struct http_server *server)
{
    if (!server->draining) {
        server->draining = true;
        for (size_t i = 0; i < server->listener_count; i++) {
            if (!uv_is_closing((uv_handle_t *)&server->listeners[i].tcp)) {
                uv_close((uv_handle_t *)&server->listeners[i].tcp, on_listener_closed);
            }
        }
    }
    struct http_connection *connection = server->connections;
    while (connection != NULL) {
        struct http_connection *next = connection->next;
        http_connection_drain(connection);
        connection = next;
    }
    http_server_check_drained(server);
}

void http_server_abort(struct http_server *server)
{
    http_server_drain(server);
    while (server->connections != NULL) {
        http_connection_close(server->connections);
    }
}

void http_server_close(struct http_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        if (!uv_is_closing((uv_handle_t *)&server->listeners[i].tcp)) {
            uv_close((uv_handle_t *)&server->listeners[i].tcp, on_listener_closed);
        }
    }
    uv_close((uv_handle_t *)&server->timer, NULL);
    uv_close((uv_handle_t *)&server->prepare, NULL);
    uv_close((uv_handle_t *)&server->check, NULL);
    uv_close((uv_handle_t *)&server->unfinished, NULL);
}

void http_server_destroy(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    assert(server->handles_open == 0 && server->requests_out == 0);
    while (server->idle_requests != NULL) {
        struct http_request *request = server->idle_requests;
        server->idle_requests = request->next;
        http_request_destroy(request);
    }
    free(server);
}
