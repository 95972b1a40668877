#include "admin/server.h"

#include "ds/clock.h"
#include "ds/json.h"
#include "ds/loopback.h"
#include "http/endpoint.h"
#include "http/server.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <uv.h>

/* An operator, a scraper and a probe or two; each page may be as large as a whole registry. */
#define CONNECTIONS_MAX 16

struct ds_admin {
    struct ds_admin_page pages[DS_ADMIN_PAGES_MAX];
    size_t page_count;
    struct http_server *server;
    uv_loop_t loop;
    uv_async_t stop;
    pthread_t thread;
};

/* A page on its way to a request. */
struct answer {
    uv_work_t work;
    struct http_request *request;
    const struct ds_admin_page *page;
    unsigned int status;
    struct ds_buffer body;
};

const char *ds_admin_address_refusal(const char *address)
{
    if (strchr(address, '=') != NULL || !http_endpoint_is_well_formed(address)) {
        return "not of the form HOST:PORT, such as 127.0.0.1:9900";
    }
    return ds_address_is_loopback(address)
               ? NULL
               : "the admin pages are for loopback only, such as 127.0.0.1:9900; a tunnel brings "
                 "them to another machine";
}

const char *ds_admin_failure(ds_code code)
{
    switch (code) {
    case DS_ALREADY_EXISTS:
        return "the address is in use; port 0 picks a free one";
    case DS_INVALID_ARGUMENT:
        return "not an address for admin pages; use 127.0.0.1:PORT";
    default:
        return http_endpoint_failure(code);
    }
}

static const struct ds_admin_page *page_find(const struct ds_admin *admin, struct ds_bytes path)
{
    for (size_t i = 0; i < admin->page_count; i++) {
        if (ds_bytes_equal_text(path, admin->pages[i].path)) {
            return &admin->pages[i];
        }
    }
    return NULL;
}

static void begin_reply(struct http_request *request, unsigned int status, const char *content_type)
{
    http_reply_begin(request, status);
    http_reply_field_text(request, "content-type", content_type);
    http_reply_field_text(request, "cache-control", "no-store");
    http_reply_field_text(request, "x-content-type-options", "nosniff");
}

static void reply_text(struct http_request *request, unsigned int status, const char *text)
{
    begin_reply(request, status, "text/plain; charset=utf-8");
    if (status == 405) {
        http_reply_field_text(request, "allow", "GET, HEAD");
    }
    ds_buffer_append_text(&request->reply_body, text);
    ds_buffer_append_byte(&request->reply_body, '\n');
    http_reply_send(request);
}

/* A web page that has this address looked up under a name of its own must not read what an operator
 * may see: its browser says that name. */
static bool host_is_loopback(const struct http_request *request)
{
    char address[DS_ADMIN_ADDRESS_BYTES_MAX];
    const struct ds_bytes host = http_request_header(request, HTTP_HEADER_HOST);
    if (host.size == 0 || host.size > sizeof address - sizeof ":0") {
        return false;
    }
    const char *last = (const char *)host.data + host.size - 1;
    const bool has_port = *last != ']' && memrchr(host.data, ':', host.size) != NULL;
    (void)snprintf(address, sizeof address, "%.*s%s", (int)host.size, (const char *)host.data,
                   has_port ? "" : ":0");
    return ds_address_is_loopback(address);
}

static void on_head(void *context, struct http_request *request)
{
    struct ds_admin *admin = context;
    request->body_bytes_max = 0;
    if (!host_is_loopback(request)) {
        reply_text(request, 403, "ask by a loopback name or address, such as 127.0.0.1");
    } else if (page_find(admin, request->path) == NULL) {
        reply_text(request, 404, "there is no such page; / lists them");
    } else if (request->method != HTTP_METHOD_GET && request->method != HTTP_METHOD_HEAD) {
        reply_text(request, 405, "the pages are there to be read: use GET");
    }
}

static void write_page(uv_work_t *work)
{
    struct answer *answer = work->data;
    answer->status = answer->page->write(answer->page->context, &answer->body);
}

static void page_written(uv_work_t *work, int status)
{
    (void)status; /* Nothing is ever taken back. */
    struct answer *answer = work->data;
    struct http_request *request = answer->request;
    if (answer->body.overflow) {
        reply_text(request, 500, "the page has become too large");
    } else {
        begin_reply(request, answer->status, answer->page->content_type);
        ds_buffer_append(&request->reply_body, answer->body.data, answer->body.size);
        http_reply_send(request);
    }
    ds_buffer_deinit(&answer->body);
    free(answer);
}

/* The page is written on a thread of libuv's pool: one that waits holds up no other one. */
static void on_request(void *context, struct http_request *request)
{
    struct ds_admin *admin = context;
    struct answer *answer = calloc(1, sizeof *answer);
    if (answer == NULL) {
        abort();
    }
    answer->work.data = answer;
    answer->request = request;
    answer->page = page_find(admin, request->path);
    ds_buffer_init(&answer->body, DS_ADMIN_PAGE_BYTES_MAX);
    const int failure = uv_queue_work(&admin->loop, &answer->work, write_page, page_written);
    assert(failure == 0);
    (void)failure;
}

static void on_refuse(void *context, struct http_request *request,
                      const struct http_refusal *refusal)
{
    (void)context;
    unsigned int status = 400;
    status = refusal->reason == DS_REASON(REQUEST_TIMEOUT) ? 408 : status;
    status = refusal->reason == DS_REASON(REQUEST_TOO_LARGE) ? 413 : status;
    status = refusal->reason == DS_REASON(RATE_LIMITED) ? 429 : status;
    status = refusal->reason == DS_REASON(SERVER_BUSY) ? 503 : status;
    reply_text(request, status, refusal->detail);
}

/* Its page is being written, and then replied to nobody; a request whose page is not asked for yet
 * ends here. */
static void on_abandon(void *context, struct http_request *request)
{
    (void)context;
    if (!request->complete) {
        reply_text(request, 400, "the request has not come whole");
    }
}

static void on_turn(void *context)
{
    (void)context;
}

static void on_drained(void *context)
{
    struct ds_admin *admin = context;
    http_server_close(admin->server);
    uv_close((uv_handle_t *)&admin->stop, NULL);
}

static void on_stop(uv_async_t *stop)
{
    struct ds_admin *admin = stop->data;
    http_server_abort(admin->server);
}

static void *serve(void *context)
{
    struct ds_admin *admin = context;
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, NULL);
    prctl(PR_SET_NAME, "ds-admin");
    uv_run(&admin->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* The list of pages. */
static unsigned int write_list(void *context, struct ds_buffer *body)
{
    const struct ds_admin *admin = context;
    ds_buffer_append_text(body, "{\"pages\":[");
    for (size_t i = 0; i < admin->page_count; i++) {
        ds_buffer_append_text(body, i == 0 ? "{\"path\":" : ",{\"path\":");
        ds_json_append_string(body, ds_bytes_of_text(admin->pages[i].path));
        ds_buffer_append_text(body, ",\"summary\":");
        ds_json_append_string(body, ds_bytes_of_text(admin->pages[i].summary));
        ds_buffer_append_byte(body, '}');
    }
    ds_buffer_append_text(body, "]}\n");
    return 200;
}

static struct ds_admin *create(const struct ds_admin_options *options)
{
    struct ds_admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL || uv_loop_init(&admin->loop) != 0) {
        abort();
    }
    assert(options->page_count < DS_ADMIN_PAGES_MAX);
    admin->pages[admin->page_count++] = (struct ds_admin_page){.path = "/",
                                                               .content_type = "application/json",
                                                               .summary = "this list",
                                                               .write = write_list,
                                                               .context = admin};
    for (size_t i = 0; i < options->page_count; i++) {
        admin->pages[admin->page_count++] = options->pages[i];
    }
    uv_async_init(&admin->loop, &admin->stop, on_stop);
    admin->stop.data = admin;
    admin->server = http_server_create(&(struct http_server_options){
        .loop = &admin->loop,
        .clock = ds_clock_system(),
        .limits = {.connections_max = CONNECTIONS_MAX,
                   .connections_address_max = CONNECTIONS_MAX,
                   .pipeline_max = 1},
        .handler = {.context = admin,
                    .head = on_head,
                    .request = on_request,
                    .refuse = on_refuse,
                    .abandon = on_abandon,
                    .turn = on_turn,
                    .drained = on_drained},
    });
    return admin;
}

static void destroy(struct ds_admin *admin)
{
    const int open_handles = uv_loop_close(&admin->loop);
    assert(open_handles == 0);
    (void)open_handles;
    http_server_destroy(admin->server);
    free(admin);
}

ds_code ds_admin_start(const struct ds_admin_options *options, struct ds_admin **ret_admin,
                       char ret_address[DS_ADMIN_ADDRESS_BYTES_MAX])
{
    if (ds_admin_address_refusal(options->address) != NULL) {
        return DS_INVALID_ARGUMENT;
    }
    struct ds_admin *admin = create(options);
    ds_code code = http_server_listen(admin->server, options->address, ret_address,
                                      DS_ADMIN_ADDRESS_BYTES_MAX);
    if (code == DS_OK && pthread_create(&admin->thread, NULL, serve, admin) != 0) {
        code = DS_RESOURCE_EXHAUSTED;
    }
    if (code != DS_OK) {
        http_server_abort(admin->server);
        uv_run(&admin->loop, UV_RUN_DEFAULT);
        destroy(admin);
        return code;
    }
    *ret_admin = admin;
    return DS_OK;
}

void ds_admin_stop(struct ds_admin *admin)
{
    if (admin == NULL) {
        return;
    }
    uv_async_send(&admin->stop);
    pthread_join(admin->thread, NULL);
    destroy(admin);
}
