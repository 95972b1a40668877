/*
 * The HTTP server over a real connection: the bytes go in whole and in pieces, half of the replies
 * come at the end of a turn. The first byte tells the size of the pieces, the rest is what the
 * client sends before it closes its side.
 */
#include "fuzz/fuzz.h"
#include "http/request.h"
#include "http/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define INPUT_BYTES_MAX 4096
#define BODY_BYTES_MAX 600
#define PIECES_MAX 64
/* As many as the bytes can hold, and one refusal. */
#define REQUESTS_MAX (INPUT_BYTES_MAX / 8 + 1)
#define REPLIES_BYTES_MAX ((size_t)4 * 1024 * 1024)
/* Only a property that does not hold waits that long. */
#define PATIENCE_MS 60000

struct fixture {
    uv_loop_t loop;
    struct http_server *server;
    int port;
    size_t taken; /* requests of this connection whose head or refusal has come */
    struct http_request *later[REQUESTS_MAX];
    size_t later_count;
    bool is_head[REQUESTS_MAX]; /* by their number */
};

static struct fixture fixture;

/* Their number goes out with the replies: they must come back in its order. */
static void note(struct http_request *request)
{
    fuzz_require(fixture.taken < REQUESTS_MAX, "no more requests come than bytes can hold");
    fixture.is_head[fixture.taken] = request->method == HTTP_METHOD_HEAD;
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

static void take_head(void *context, struct http_request *request)
{
    (void)context;
    note(request);
    request->body_bytes_max = BODY_BYTES_MAX;
    if (ds_bytes_equal_text(request->path, "/refused")) {
        answer(request, 404);
    }
}

static void take_request(void *context, struct http_request *request)
{
    (void)context;
    fuzz_require(request->body.size <= BODY_BYTES_MAX, "a body is within its limit");
    if ((uintptr_t)request->handler_data % 2 == 0) {
        fixture.later[fixture.later_count++] = request;
    } else {
        answer(request, 200);
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
        answer(fixture.later[--fixture.later_count], 200);
    }
}

static void drained(void *context)
{
    (void)context;
}

static void open_server(void)
{
    char address[64];
    signal(SIGPIPE, SIG_IGN);
    fuzz_require(uv_loop_init(&fixture.loop) == 0, "there is a loop");
    fixture.server =
        http_server_create(&(struct http_server_options){.loop = &fixture.loop,
                                                         .clock = ds_clock_system(),
                                                         .limits = {.pipeline_max = 3,
                                                                    .request_line_bytes_max = 512,
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

static int connect_client(void)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)fixture.port)};
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fuzz_require(client >= 0 && connect(client, (struct sockaddr *)&there, sizeof there) == 0,
                 "a client connects");
    return client;
}

/* Takes what has come; false once the server has closed its side. */
static bool receive(int client, struct ds_buffer *replies)
{
    uint8_t bytes[16384];
    for (;;) {
        const ssize_t size = recv(client, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size <= 0) {
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        }
        ds_buffer_append(replies, bytes, (size_t)size);
    }
}

static void send_pieces(int client, struct ds_bytes bytes, size_t piece, struct ds_buffer *replies)
{
    while (bytes.size > 0) {
        const size_t size = bytes.size < piece ? bytes.size : piece;
        const ssize_t sent = send(client, bytes.data, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* The server has had enough. */
        }
        bytes = ds_bytes_of(bytes.data + sent, bytes.size - (size_t)sent);
        uv_run(&fixture.loop, UV_RUN_NOWAIT);
        (void)receive(client, replies);
    }
}

static void converse(struct ds_bytes bytes, size_t piece, struct ds_buffer *replies)
{
    const int client = connect_client();
    fixture.taken = 0;
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    send_pieces(client, bytes, piece, replies);
    shutdown(client, SHUT_WR);
    const uint64_t until_ms = uv_hrtime() / 1000000 + PATIENCE_MS;
    while (receive(client, replies)) {
        fuzz_require(uv_hrtime() / 1000000 < until_ms,
                     "a connection ends whose client has closed its side");
        uv_run(&fixture.loop, UV_RUN_NOWAIT);
    }
    close(client);
    while (atomic_load(&http_server_counters(fixture.server)->connections_open) > 0) {
        uv_run(&fixture.loop, UV_RUN_NOWAIT);
    }
    fuzz_require(fixture.later_count == 0, "no request outlives its connection");
}

/* Takes a line without its end off the front; false where there is none. */
static bool next_line(struct ds_bytes *text, struct ds_bytes *ret_line)
{
    const uint8_t *end = text->size == 0 ? NULL : memmem(text->data, text->size, "\r\n", 2);
    if (end == NULL) {
        return false;
    }
    const size_t size = (size_t)(end - text->data);
    *ret_line = ds_bytes_of(text->data, size);
    *text = ds_bytes_of(end + 2, text->size - size - 2);
    return true;
}

static size_t body_bytes_of(struct ds_bytes *text)
{
    static const char name[] = "Content-Length: ";
    size_t size = 0;
    struct ds_bytes line = {.size = 0};
    for (;;) {
        fuzz_require(next_line(text, &line), "a reply's head is whole");
        if (line.size == 0) {
            return size;
        }
        if (line.size > sizeof name - 1 && memcmp(line.data, name, sizeof name - 1) == 0) {
            size = (size_t)strtoul((const char *)line.data + sizeof name - 1, NULL, 10);
        }
    }
}

/* Whole replies in the order of their requests; their codes go to `trace`. */
static void check_replies(struct ds_bytes text, struct ds_buffer *trace)
{
    size_t count = 0;
    struct ds_bytes line = {.size = 0};
    while (text.size > 0) {
        fuzz_require(next_line(&text, &line) && line.size >= 12 &&
                         memcmp(line.data, "HTTP/1.1 ", 9) == 0,
                     "a reply begins with its status line");
        const bool is_final = line.data[9] != '1';
        const size_t body_bytes = body_bytes_of(&text);
        if (!is_final) {
            continue;
        }
        fuzz_require(count < fixture.taken, "there are no more replies than requests");
        if (!fixture.is_head[count++]) {
            char number[32];
            const int digits = snprintf(number, sizeof number, "%zu", count);
            fuzz_require(body_bytes == (size_t)digits && text.size >= body_bytes &&
                             memcmp(text.data, number, body_bytes) == 0,
                         "replies come in the order of their requests");
            text = ds_bytes_of(text.data + body_bytes, text.size - body_bytes);
        }
        ds_buffer_append(trace, line.data + 9, 3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_BYTES_MAX) {
        return 0;
    }
    if (fixture.server == NULL) {
        open_server();
    }
    const struct ds_bytes bytes = ds_bytes_of(data + 1, size - 1);
    const size_t pieces[] = {bytes.size, data[0] + 1U + bytes.size / PIECES_MAX};
    struct ds_buffer traces[2];
    for (size_t i = 0; i < 2; i++) {
        struct ds_buffer replies;
        ds_buffer_init(&replies, REPLIES_BYTES_MAX);
        ds_buffer_init(&traces[i], REPLIES_BYTES_MAX);
        converse(bytes, pieces[i], &replies);
        check_replies(ds_buffer_bytes(&replies), &traces[i]);
        ds_buffer_deinit(&replies);
    }
    fuzz_require(ds_bytes_equal(ds_buffer_bytes(&traces[0]), ds_buffer_bytes(&traces[1])),
                 "bytes in pieces are answered as they are whole");
    ds_buffer_deinit(&traces[0]);
    ds_buffer_deinit(&traces[1]);
    return 0;
}
