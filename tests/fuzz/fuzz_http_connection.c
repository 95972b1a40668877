/*
 * The HTTP server over a real connection: the bytes go in whole and in pieces, half of the replies
 * come at the end of a turn. The first byte tells the size of the pieces and how the client behaves
 * (CLIENT_…), the rest is what it sends before it closes its side. The query of /stream and
 * /upgrade, and of /now/stream and /now/upgrade, which begin with the head, says what their streams
 * do, one letter a turn: http_actor_act() has the letters.
 */
#include "fuzz/fuzz.h"
#include "fuzz/http_actor.h"
#include "http/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define INPUT_BYTES_MAX 4096
#define BODY_BYTES_MAX 600
#define LINE_BYTES_MAX HTTP_ACTOR_SCRIPT_BYTES_MAX
#define PIECES_MAX 64
/* As many as the bytes can hold, and one refusal. */
#define REQUESTS_MAX (INPUT_BYTES_MAX / 8 + 1)
#define REPLIES_BYTES_MAX ((size_t)4 * 1024 * 1024)
/* Only a property that does not hold waits that long. */
#define PATIENCE_MS 60000

/* Of the first byte; the bits below are the size of the pieces. */
#define CLIENT_IS_SLOW 0x80
#define CLIENT_LEAVES 0x40 /* at once, whatever is under way */
#define PIECE_MASK 0x3f

#define SLOW_RECEIVE_BYTES 16384
#define SLOW_READ_BYTES 4096
#define SLOW_READ_EVERY 4
/* Turns without anything under way after which nothing more is to come. */
#define QUIET_TURNS 8

struct fixture {
    uv_loop_t loop;
    struct http_server *server; /* NULL after a drain */
    int port;
    size_t taken; /* requests of this connection whose head or refusal has come */
    struct http_request *later[REQUESTS_MAX];
    size_t later_count;
    struct http_expected expected[REQUESTS_MAX]; /* by their number */
    struct http_actor actors[REQUESTS_MAX];      /* likewise */
    struct http_stage stage;
    uint64_t turn_count;
    bool is_stopping; /* the drain has begun */
    bool is_drained;
    bool may_vary; /* with the size of the pieces */
};

static struct fixture fixture;

/* Their number goes out with the replies: they must come back in its order. */
static void note(struct http_request *request)
{
    fuzz_require(fixture.taken < REQUESTS_MAX, "no more requests come than bytes can hold");
    fixture.expected[fixture.taken] =
        (struct http_expected){.is_head = request->method == HTTP_METHOD_HEAD};
    request->handler_data = (void *)(uintptr_t)++fixture.taken;
}

static void answer(struct http_request *request, unsigned int status)
{
    const size_t number = (size_t)(uintptr_t)request->handler_data;
    request->handler_data = NULL; /* It comes again as another one. */
    http_reply_begin(request, status);
    ds_buffer_printf(&request->reply_body, "%zu", number);
    http_reply_send(request);
}

static void begin_stream(struct http_request *request, bool is_upgrade, bool is_late)
{
    const size_t number = (size_t)(uintptr_t)request->handler_data;
    struct http_actor *actor = &fixture.actors[number - 1];
    *actor = (struct http_actor){.stage = &fixture.stage,
                                 .expected = &fixture.expected[number - 1],
                                 .number = number,
                                 .is_upgraded = is_upgrade};
    /* Whatever came behind it in the same turn gets no reply, and may be told so by a reset. */
    fixture.stage.may_be_cut |= is_late && request->version_minor == 0;
    fixture.may_vary |= is_upgrade && is_late;
    http_reply_begin(request, is_upgrade ? 101 : 200);
    if (!http_actor_begin(actor, request)) {
        fuzz_require(is_upgrade && is_late, "a stream begins where the client is there");
        answer(request, 400);
    }
}

static void reply(struct http_request *request, bool is_late)
{
    struct ds_bytes path = request->path;
    if (path.size > 4 && memcmp(path.data, "/now", 4) == 0) {
        path = ds_bytes_of(path.data + 4, path.size - 4);
    }
    const bool is_upgrade =
        ds_bytes_equal_text(path, "/upgrade") && !request->has_body && request->version_minor == 1;
    if (is_upgrade || ds_bytes_equal_text(path, "/stream")) {
        begin_stream(request, is_upgrade, is_late);
    } else {
        answer(request, 200);
    }
}

static void take_head(void *context, struct http_request *request)
{
    (void)context;
    note(request);
    request->body_bytes_max = BODY_BYTES_MAX;
    if (ds_bytes_equal_text(request->path, "/refused")) {
        answer(request, 404);
    } else if (!request->has_body && request->path.size > 4 &&
               memcmp(request->path.data, "/now", 4) == 0) {
        reply(request, false);
    }
}

static void take_request(void *context, struct http_request *request)
{
    (void)context;
    fuzz_require(request->body.size <= BODY_BYTES_MAX, "a body is within its limit");
    if ((uintptr_t)request->handler_data % 2 == 0) {
        fixture.later[fixture.later_count++] = request;
    } else {
        reply(request, false);
    }
}

static void take_refusal(void *context, struct http_request *request,
                         const struct http_refusal *refusal)
{
    (void)context;
    fuzz_require(refusal->detail != NULL, "a refusal says what is wrong");
    if (request->handler_data == NULL) {
        note(request);
    }
    answer(request, 400);
}

static void take_abandoned(void *context, struct http_request *request)
{
    (void)context;
    for (size_t i = 0; i < fixture.later_count; i++) {
        if (fixture.later[i] == request) {
            fixture.later[i] = fixture.later[--fixture.later_count];
            break;
        }
    }
    answer(request, 500);
}

static void turn_ends(void *context)
{
    (void)context;
    while (fixture.later_count > 0) {
        reply(fixture.later[--fixture.later_count], true);
    }
    for (size_t i = 0; i < fixture.taken && fixture.stage.open_count > 0; i++) {
        if (fixture.expected[i].is_stream) {
            http_actor_act(&fixture.actors[i]);
        }
    }
}

static void drained(void *context)
{
    (void)context;
    fixture.is_drained = true;
}

static void open_server(void)
{
    char address[64];
    fixture.server = http_server_create(
        &(struct http_server_options){.loop = &fixture.loop,
                                      .clock = ds_clock_system(),
                                      .limits = {.pipeline_max = 3,
                                                 .request_line_bytes_max = LINE_BYTES_MAX,
                                                 .headers_bytes_max = 1024,
                                                 .header_count_max = 10},
                                      .handler = {.head = take_head,
                                                  .request = take_request,
                                                  .refuse = take_refusal,
                                                  .abandon = take_abandoned,
                                                  .turn = turn_ends,
                                                  .drained = drained}});
    fuzz_require(http_server_listen(fixture.server, "127.0.0.1:0", address, sizeof address) ==
                     DS_OK,
                 "the server listens");
    fixture.port = atoi(strrchr(address, ':') + 1);
}

static void close_server(void)
{
    while (!fixture.is_drained) {
        uv_run(&fixture.loop, UV_RUN_NOWAIT);
    }
    http_server_close(fixture.server);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    http_server_destroy(fixture.server);
    fixture.server = NULL;
}

/* A turn of the loop; whoever stops the server does so between two. */
static void turn(void)
{
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    fixture.turn_count++;
    if (fixture.stage.drain_asked) {
        fixture.stage.drain_asked = false;
        fixture.is_stopping = true;
        http_server_drain(fixture.server);
    }
}

static int connect_client(uint8_t manner)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)fixture.port)};
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int receive_bytes = SLOW_RECEIVE_BYTES;
    if ((manner & CLIENT_IS_SLOW) != 0) {
        setsockopt(client, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    fuzz_require(client >= 0 && connect(client, (struct sockaddr *)&there, sizeof there) == 0,
                 "a client connects");
    return client;
}

/* Takes what has come; false once the server has closed its side. */
static bool receive(int client, uint8_t manner, struct ds_buffer *replies)
{
    uint8_t bytes[16384];
    const bool is_slow = (manner & CLIENT_IS_SLOW) != 0;
    if (is_slow && fixture.turn_count % SLOW_READ_EVERY != 0) {
        return true;
    }
    for (;;) {
        const ssize_t size =
            recv(client, bytes, is_slow ? SLOW_READ_BYTES : sizeof bytes, MSG_DONTWAIT);
        if (size <= 0) {
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        }
        ds_buffer_append(replies, bytes, (size_t)size);
        if (is_slow) {
            return true;
        }
    }
}

static void send_pieces(int client, uint8_t manner, struct ds_bytes bytes, size_t piece,
                        struct ds_buffer *replies)
{
    while (bytes.size > 0) {
        const size_t size = bytes.size < piece ? bytes.size : piece;
        const ssize_t sent = send(client, bytes.data, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* The server has had enough. */
        }
        bytes = ds_bytes_of(bytes.data + sent, bytes.size - (size_t)sent);
        turn();
        (void)receive(client, manner, replies);
    }
}

/* Until no stream is open and none begins any more. */
static void await_streams(int client, uint8_t manner, struct ds_buffer *replies)
{
    const uint64_t until_ms = uv_hrtime() / 1000000 + PATIENCE_MS;
    for (int quiet_turns = 0; quiet_turns < QUIET_TURNS; quiet_turns++) {
        turn();
        (void)receive(client, manner, replies);
        if (fixture.stage.open_count > 0) {
            quiet_turns = 0;
            fuzz_require(uv_hrtime() / 1000000 < until_ms, "a stream ends that was ended");
        }
    }
}

static void await_end(int client, uint8_t manner, struct ds_buffer *replies)
{
    const uint64_t until_ms = uv_hrtime() / 1000000 + PATIENCE_MS;
    shutdown(client, SHUT_WR);
    while (receive(client, manner, replies)) {
        fuzz_require(uv_hrtime() / 1000000 < until_ms,
                     "a connection ends whose client has closed its side");
        turn();
    }
}

static void converse(struct ds_bytes bytes, size_t piece, uint8_t manner, struct ds_buffer *replies)
{
    if (fixture.server == NULL) {
        open_server();
    }
    const struct http_server_counters *counters = http_server_counters(fixture.server);
    const int client = connect_client(manner);
    fixture.taken = 0;
    fixture.stage.large_count = 0;
    fixture.stage.drain_asked = false;
    fixture.is_stopping = false;
    fixture.is_drained = false;
    fixture.stage.may_be_cut = (manner & CLIENT_LEAVES) != 0;
    fixture.may_vary = false;
    ds_buffer_clear(&fixture.stage.upgraded_bytes);
    turn();
    send_pieces(client, manner, bytes, piece, replies);
    if ((manner & CLIENT_LEAVES) == 0) {
        await_streams(client, manner, replies);
        await_end(client, manner, replies);
    }
    close(client);
    while (atomic_load(&counters->connections_open) > 0) {
        turn();
    }
    fuzz_require(fixture.later_count == 0 && fixture.stage.open_count == 0 &&
                     atomic_load(&counters->streams_open) == 0,
                 "no request and no stream outlives its connection");
    fuzz_require(atomic_load(&counters->unsent_bytes) == 0, "nothing unsent is left behind");
    fuzz_require(fixture.stage.upgraded_bytes.size == 0 ||
                     memmem(bytes.data, bytes.size, fixture.stage.upgraded_bytes.data,
                            fixture.stage.upgraded_bytes.size) != NULL,
                 "an upgraded stream gets what the client sent, without a gap");
    if (fixture.is_stopping) {
        close_server();
    }
}

/* Once with pieces of that size. The status codes of the replies go to `trace`; false where they
 * may be others the next time. */
static bool try_pieces(struct ds_bytes bytes, size_t piece, uint8_t manner, struct ds_buffer *trace)
{
    struct ds_buffer replies;
    ds_buffer_init(&replies, REPLIES_BYTES_MAX);
    converse(bytes, piece, manner, &replies);
    http_replies_check(ds_buffer_bytes(&replies), fixture.expected, fixture.taken,
                       fixture.stage.may_be_cut, trace);
    ds_buffer_deinit(&replies);
    return !fixture.stage.may_be_cut && !fixture.may_vary;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready;
    if (size < 2 || size > INPUT_BYTES_MAX) {
        return 0;
    }
    if (!is_ready) {
        is_ready = true;
        signal(SIGPIPE, SIG_IGN);
        fuzz_require(uv_loop_init(&fixture.loop) == 0, "there is a loop");
        ds_buffer_init(&fixture.stage.upgraded_bytes, INPUT_BYTES_MAX);
    }
    const struct ds_bytes bytes = ds_bytes_of(data + 1, size - 1);
    struct ds_buffer whole;
    struct ds_buffer cut;
    ds_buffer_init(&whole, REPLIES_BYTES_MAX);
    ds_buffer_init(&cut, REPLIES_BYTES_MAX);
    bool is_certain = try_pieces(bytes, bytes.size, data[0], &whole);
    is_certain &=
        try_pieces(bytes, (data[0] & PIECE_MASK) + 1U + bytes.size / PIECES_MAX, data[0], &cut);
    fuzz_require(!is_certain || ds_bytes_equal(ds_buffer_bytes(&whole), ds_buffer_bytes(&cut)),
                 "bytes in pieces are answered as they are whole");
    ds_buffer_deinit(&whole);
    ds_buffer_deinit(&cut);
    return 0;
}
