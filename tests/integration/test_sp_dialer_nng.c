/* Our dialer and nng 1.5.2's REP socket, as other programs' servers have it. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/dialer_fixture.h"
#include "integration/nng_sockets.h"
#include "support/certificates.h"

#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/transport/tls/tls.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Contexts of the socket, which answer beside one another. */
#define CONTEXTS 8
#define REQUESTS 64
#define LARGE_BYTES (4 * 1024 * 1024)

struct echo {
    char folder[32];
    char url[96];
    nng_socket socket;
    nng_ctx contexts[CONTEXTS];
    pthread_t threads[CONTEXTS];
};

static void *echo_main(void *argument)
{
    const nng_ctx *context = argument;
    nng_aio *aio = NULL;
    int outcome = nng_aio_alloc(&aio, NULL, NULL);
    while (outcome == 0) {
        nng_ctx_recv(*context, aio);
        nng_aio_wait(aio);
        outcome = nng_aio_result(aio);
        if (outcome == 0) {
            nng_ctx_send(*context, aio); /* The message is the aio's still. */
            nng_aio_wait(aio);
        }
    }
    nng_aio_free(aio);
    return NULL;
}

static void show_certificate(nng_listener listener, const struct certificates *certificates)
{
    char path[CERTIFICATES_PATH_BYTES_MAX];
    char command[3 * CERTIFICATES_PATH_BYTES_MAX];
    snprintf(command, sizeof command, "cat %s/server.pem %s/server.key > %s/both.pem",
             certificates->folder, certificates->folder, certificates->folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(nng_listener_set_string(listener, NNG_OPT_TLS_CERT_KEY_FILE,
                                             certificates_path(certificates, "both.pem", path)),
                     0);
}

/* At any port, or at a path where the URL ends with '/'. */
static void echo_open(struct echo *echo, const char *url, const struct certificates *certificates)
{
    nng_listener listener;
    int port = 0;
    strcpy(echo->folder, "/tmp/ds-echo-XXXXXX");
    assert_non_null(mkdtemp(echo->folder));
    const bool is_ipc = strcmp(url, "ipc://") == 0;
    snprintf(echo->url, sizeof echo->url, "%s%s%s", url, is_ipc ? echo->folder : "",
             is_ipc ? "/echo.sock" : "");
    assert_int_equal(nng_rep0_open(&echo->socket), 0);
    assert_int_equal(nng_listener_create(&listener, echo->socket, echo->url), 0);
    if (certificates != NULL) {
        show_certificate(listener, certificates);
    }
    assert_int_equal(nng_listener_start(listener, 0), 0);
    if (!is_ipc) {
        assert_int_equal(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
        snprintf(strrchr(echo->url, ':'), 8, ":%d", port);
    }
    for (int i = 0; i < CONTEXTS; i++) {
        assert_int_equal(nng_ctx_open(&echo->contexts[i], echo->socket), 0);
        assert_int_equal(pthread_create(&echo->threads[i], NULL, echo_main, &echo->contexts[i]), 0);
    }
}

static void echo_close(struct echo *echo)
{
    assert_true(nng_sockets_close(echo->socket));
    for (int i = 0; i < CONTEXTS; i++) {
        pthread_join(echo->threads[i], NULL);
    }
    rmdir(echo->folder);
}

static void ask_many(struct ds_sp_dialer *dialer)
{
    static struct asked asked[REQUESTS];
    char text[32];
    for (int i = 0; i < REQUESTS; i++) {
        snprintf(text, sizeof text, "request %d", i);
        asked_start(&asked[i], dialer, text);
    }
    for (int i = 0; i < REQUESTS; i++) {
        snprintf(text, sizeof text, "request %d", i);
        asked_expect(&asked[i], text);
    }
}

static void ask_much(struct ds_sp_dialer *dialer)
{
    struct asked asked;
    uint8_t *bytes = calloc(1, LARGE_BYTES);
    asked_begin(&asked, dialer);
    asked_send(&asked, ds_bytes_of(bytes, LARGE_BYTES), DIALER_PATIENCE_MS);
    assert_int_equal(asked_end(&asked), DS_OK);
    assert_int_equal(asked.reply_bytes, LARGE_BYTES);
    free(bytes);
}

static void expect_answers(const char *url, const struct certificates *certificates)
{
    struct echo echo;
    char path[CERTIFICATES_PATH_BYTES_MAX];
    struct ds_sp_dialer *dialer = NULL;
    const struct ds_tls_options tls = {
        .ca_file = certificates != NULL ? certificates_path(certificates, "ca.pem", path) : NULL};
    echo_open(&echo, url, certificates);
    const struct ds_sp_dialer_options options = {.url = echo.url,
                                                 .message_bytes_max = DIALER_MESSAGE_BYTES_MAX,
                                                 .request_count = REQUESTS,
                                                 .tls = &tls};
    assert_int_equal(ds_sp_dial(&options, &dialer), DS_OK);
    ask_many(dialer);
    ask_much(dialer);
    assert_true(ds_sp_dialer_is_connected(dialer));
    ds_sp_dialer_close(dialer);
    echo_close(&echo);
}

static void nng_answers_over_ipc(void **state)
{
    (void)state;
    expect_answers("ipc://", NULL);
}

static void nng_answers_over_tcp(void **state)
{
    (void)state;
    expect_answers("tcp://127.0.0.1:0", NULL);
}

static void nng_answers_over_tls(void **state)
{
    struct certificates certificates;
    (void)state;
    certificates_make(&certificates);
    expect_answers("tls+tcp://localhost:0", &certificates);
    certificates_remove(&certificates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nng_answers_over_ipc),
        cmocka_unit_test(nng_answers_over_tcp),
        cmocka_unit_test(nng_answers_over_tls),
    };
    return cmocka_run_group_tests_name("sp dialer and nng", tests, NULL, NULL);
}
