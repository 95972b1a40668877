#include "clients/load/rest.h"

#include "clients/load/memory.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum state {
    STATE_CLOSED, /* until its timer fires */
    STATE_CONNECTING,
    STATE_IDLE,
    STATE_BUSY,
};

struct connection {
    struct load_source source;
    struct ds_timer timer; /* of the state's time limit; for STATE_CLOSED the backoff */
    struct load_rest *rest;
    enum state state;
    int file;
    bool awaits_room;  /* to write */
    bool has_answered; /* since it is open */
    bool is_settled;
    int64_t backoff_ns;
    struct load_rest_call *call; /* of STATE_BUSY */
    size_t written_bytes;        /* of its request */
    struct load_rest_reader reader;
    struct connection *next; /* of the idle ones */
};

struct load_rest {
    struct load_loop *loop;
    const struct load_rest_address *address;
    struct connection *connections;
    uint32_t connection_count;
    uint32_t open_count; /* idle or busy */
    uint32_t settled_count;
    struct connection *idle_first; /* the one that has been idle for longest */
    struct connection *idle_last;
    struct load_rest_call *waiting_first;
    struct load_rest_call *waiting_last;
};

static void connection_open(struct connection *connection);
static void connection_serve(struct connection *connection);

static struct load_rest_call *waiting_pop(struct load_rest *rest)
{
    struct load_rest_call *call = rest->waiting_first;
    if (call != NULL) {
        rest->waiting_first = call->next;
        rest->waiting_last = call->next == NULL ? NULL : rest->waiting_last;
        call->next = NULL;
    }
    return call;
}

static void waiting_push(struct load_rest *rest, struct load_rest_call *call)
{
    call->next = NULL;
    if (rest->waiting_last != NULL) {
        rest->waiting_last->next = call;
    } else {
        rest->waiting_first = call;
    }
    rest->waiting_last = call;
}

static void call_end(struct load_rest *rest, struct load_rest_call *call,
                     enum load_rest_result result)
{
    call->result = result;
    call->ended_ns = load_loop_now_ns(rest->loop);
    call->ended(call);
}

/* Ends those that wait now; what `ended` makes them send anew waits for the next time. */
static void waiting_end(struct load_rest *rest, enum load_rest_result result)
{
    struct load_rest_call *call = rest->waiting_first;
    rest->waiting_first = NULL;
    rest->waiting_last = NULL;
    while (call != NULL) {
        struct load_rest_call *next = call->next;
        call->next = NULL;
        call_end(rest, call, result);
        call = next;
    }
}

static void idle_push(struct connection *connection)
{
    struct load_rest *rest = connection->rest;
    connection->state = STATE_IDLE;
    connection->next = NULL;
    if (rest->idle_last != NULL) {
        rest->idle_last->next = connection;
    } else {
        rest->idle_first = connection;
    }
    rest->idle_last = connection;
}

static void idle_remove(struct connection *connection)
{
    struct load_rest *rest = connection->rest;
    struct connection *before = NULL;
    struct connection *at = rest->idle_first;
    while (at != connection) {
        before = at;
        at = at->next;
    }
    if (before != NULL) {
        before->next = connection->next;
    } else {
        rest->idle_first = connection->next;
    }
    if (rest->idle_last == connection) {
        rest->idle_last = before;
    }
    connection->next = NULL;
}

static void settle(struct connection *connection)
{
    connection->rest->settled_count += connection->is_settled ? 0 : 1;
    connection->is_settled = true;
}

/* Closes the socket and sees to it that another one comes: at once where this one has been of use.
 */
static void connection_close(struct connection *connection)
{
    struct load_rest *rest = connection->rest;
    if (connection->state == STATE_IDLE) {
        idle_remove(connection);
    }
    if (connection->state == STATE_IDLE || connection->state == STATE_BUSY) {
        rest->open_count--;
    }
    if (connection->file >= 0) {
        close(connection->file);
        connection->file = -1;
    }
    settle(connection);
    connection->state = STATE_CLOSED;
    connection->awaits_room = false;
    int64_t wait_ns = 0;
    if (connection->has_answered) {
        connection->backoff_ns = 0;
    } else {
        wait_ns = connection->backoff_ns * 2;
        wait_ns = wait_ns < LOAD_REST_BACKOFF_FIRST_NS ? LOAD_REST_BACKOFF_FIRST_NS : wait_ns;
        wait_ns = wait_ns > LOAD_REST_BACKOFF_LAST_NS ? LOAD_REST_BACKOFF_LAST_NS : wait_ns;
        connection->backoff_ns = wait_ns;
    }
    ds_timers_set(&rest->loop->timers, &connection->timer, load_loop_now_ns(rest->loop) + wait_ns);
}

/* The connection is of no use any more; its call, if it has one, ends. */
static void connection_fail(struct connection *connection, enum load_rest_result result)
{
    struct load_rest *rest = connection->rest;
    struct load_rest_call *call = connection->call;
    const bool was_connecting = connection->state == STATE_CONNECTING;
    connection->call = NULL;
    connection_close(connection);
    if (call != NULL) {
        call_end(rest, call, result);
    }
    if (was_connecting && rest->open_count == 0) {
        waiting_end(rest, LOAD_REST_UNCONNECTED);
    }
}

static void watch(struct connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = &connection->source};
    if (epoll_ctl(connection->rest->loop->poll, operation, connection->file, &event) != 0) {
        abort();
    }
}

static void await_room(struct connection *connection, bool awaits_room)
{
    if (connection->awaits_room != awaits_room) {
        connection->awaits_room = awaits_room;
        watch(connection, EPOLL_CTL_MOD, awaits_room ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

/* Writes as much of the request as the kernel takes; false where the connection is gone. */
static bool request_write(struct connection *connection)
{
    const struct ds_bytes request = connection->call->request;
    while (connection->written_bytes < request.size) {
        const ssize_t size =
            send(connection->file, request.data + connection->written_bytes,
                 request.size - connection->written_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size >= 0) {
            connection->written_bytes += (size_t)size;
        } else if (errno == EAGAIN) {
            await_room(connection, true);
            return true;
        } else if (errno != EINTR) {
            return false;
        }
    }
    await_room(connection, false);
    return true;
}

/* Sends the call on an open connection. Where that fails, the connection's next event tells. */
static void call_begin(struct connection *connection, struct load_rest_call *call)
{
    struct load_rest *rest = connection->rest;
    connection->state = STATE_BUSY;
    connection->call = call;
    connection->written_bytes = 0;
    load_rest_reader_begin(&connection->reader, call->has_no_body, call->keeps_body);
    call->sent_ns = load_loop_now_ns(rest->loop);
    ds_timers_set(&rest->loop->timers, &connection->timer, call->sent_ns + call->timeout_ns);
    if (!request_write(connection)) {
        shutdown(connection->file, SHUT_RDWR);
    }
}

/* Takes the next call that waits, or waits itself. */
static void connection_serve(struct connection *connection)
{
    struct load_rest_call *call = waiting_pop(connection->rest);
    if (call != NULL) {
        call_begin(connection, call);
        return;
    }
    ds_timers_stop(&connection->rest->loop->timers, &connection->timer);
    idle_push(connection);
}

/* An answer is complete. The connection stays the call's until `ended` is over, for the body is its
 * reader's. */
static void call_answer(struct connection *connection)
{
    struct load_rest_call *call = connection->call;
    connection->call = NULL;
    connection->has_answered = true;
    connection->backoff_ns = 0;
    call->status = connection->reader.status;
    call->body = ds_buffer_bytes(&connection->reader.body);
    call_end(connection->rest, call, LOAD_REST_ANSWERED);
}

/* Bytes of an answer; false where the connection has been closed. */
static bool input_take(struct connection *connection, struct ds_bytes bytes)
{
    if (connection->call == NULL) {
        connection_fail(connection, LOAD_REST_CLOSED); /* Nobody has asked for that. */
        return false;
    }
    size_t used = 0;
    connection->call->received_bytes += bytes.size;
    switch (load_rest_reader_take(&connection->reader, bytes, &used)) {
    case LOAD_REST_MORE:
        return true;
    case LOAD_REST_WRONG:
        connection_fail(connection, LOAD_REST_MALFORMED);
        return false;
    case LOAD_REST_END:
        break;
    }
    const bool is_clean = used == bytes.size &&
                          connection->written_bytes == connection->call->request.size &&
                          connection->reader.keeps_connection;
    call_answer(connection);
    if (!is_clean) {
        connection_fail(connection, LOAD_REST_CLOSED);
        return false;
    }
    connection_serve(connection);
    return true;
}

static void input_end(struct connection *connection)
{
    if (connection->call != NULL && load_rest_reader_close(&connection->reader) == LOAD_REST_END) {
        call_answer(connection);
    }
    connection_fail(connection, LOAD_REST_CLOSED);
}

static void input_read(struct connection *connection)
{
    struct load_loop *loop = connection->rest->loop;
    const ssize_t size = recv(connection->file, loop->input, LOAD_LOOP_INPUT_BYTES, MSG_DONTWAIT);
    if (size > 0) {
        (void)input_take(connection, ds_bytes_of(loop->input, (size_t)size));
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        input_end(connection);
    }
}

/* An event of the attempt to connect; it may also be a late one of a socket before it. */
static void connecting_ready(struct connection *connection)
{
    int error = 0;
    socklen_t error_bytes = sizeof error;
    struct sockaddr_storage peer;
    socklen_t peer_bytes = sizeof peer;
    if (getsockopt(connection->file, SOL_SOCKET, SO_ERROR, &error, &error_bytes) != 0 ||
        error != 0) {
        connection_fail(connection, LOAD_REST_UNCONNECTED);
        return;
    }
    if (getpeername(connection->file, (struct sockaddr *)&peer, &peer_bytes) != 0) {
        return;
    }
    settle(connection);
    connection->rest->open_count++;
    connection->awaits_room = true;
    await_room(connection, false);
    connection_serve(connection);
}

static void connection_ready(struct load_source *source, uint32_t events)
{
    struct connection *connection = (struct connection *)(void *)source;
    if (connection->state == STATE_CLOSED) {
        return;
    }
    if (connection->state == STATE_CONNECTING) {
        connecting_ready(connection);
        return;
    }
    if ((events & EPOLLOUT) != 0 && connection->call != NULL && !request_write(connection)) {
        input_end(connection);
        return;
    }
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        input_read(connection);
    }
}

static void connection_open(struct connection *connection)
{
    struct load_rest *rest = connection->rest;
    const struct load_rest_address *address = rest->address;
    const int yes = 1;
    connection->has_answered = false;
    connection->state = STATE_CONNECTING;
    connection->file =
        socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection->file < 0) {
        connection_fail(connection, LOAD_REST_UNCONNECTED);
        return;
    }
    /* Only a hint: without it the figures would show its delay. */
    (void)setsockopt(connection->file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(connection->file, (const struct sockaddr *)&address->address,
                address->address_bytes) != 0 &&
        errno != EINPROGRESS) {
        connection_fail(connection, LOAD_REST_UNCONNECTED);
        return;
    }
    watch(connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
    ds_timers_set(&rest->loop->timers, &connection->timer,
                  load_loop_now_ns(rest->loop) + LOAD_REST_CONNECT_NS);
}

static void connection_time_out(struct ds_timer *timer)
{
    struct connection *connection =
        (struct connection *)(void *)((char *)timer - offsetof(struct connection, timer));
    if (connection->state == STATE_CLOSED) {
        connection_open(connection);
    } else if (connection->state == STATE_CONNECTING) {
        connection_fail(connection, LOAD_REST_UNCONNECTED);
    } else {
        connection_fail(connection, LOAD_REST_TIMED_OUT);
    }
}

struct load_rest *load_rest_create(const struct load_rest_options *options)
{
    struct load_rest *rest = load_allocate(1, sizeof *rest);
    assert(options->connection_count > 0);
    rest->connections = load_allocate(options->connection_count, sizeof *rest->connections);
    rest->loop = options->loop;
    rest->address = options->address;
    rest->connection_count = options->connection_count;
    for (uint32_t i = 0; i < rest->connection_count; i++) {
        struct connection *connection = &rest->connections[i];
        *connection = (struct connection){.source = {.ready = connection_ready},
                                          .timer = {.fire = connection_time_out},
                                          .rest = rest,
                                          .file = -1};
        load_rest_reader_init(&connection->reader);
        connection_open(connection);
    }
    return rest;
}

void load_rest_destroy(struct load_rest *rest)
{
    if (rest == NULL) {
        return;
    }
    assert(rest->waiting_first == NULL);
    for (uint32_t i = 0; i < rest->connection_count; i++) {
        struct connection *connection = &rest->connections[i];
        assert(connection->call == NULL);
        ds_timers_stop(&rest->loop->timers, &connection->timer);
        if (connection->file >= 0) {
            close(connection->file);
        }
        load_rest_reader_deinit(&connection->reader);
    }
    free(rest->connections);
    free(rest);
}

void load_rest_send(struct load_rest *rest, struct load_rest_call *call)
{
    struct connection *connection = rest->idle_first;
    call->sent_ns = -1;
    call->received_bytes = 0;
    call->body = (struct ds_bytes){.data = NULL};
    call->status = 0;
    if (connection == NULL) {
        waiting_push(rest, call);
        return;
    }
    idle_remove(connection);
    call_begin(connection, call);
}

void load_rest_abandon(struct load_rest *rest)
{
    waiting_end(rest, LOAD_REST_UNSENT);
}

bool load_rest_is_settled(const struct load_rest *rest)
{
    return rest->settled_count == rest->connection_count;
}
