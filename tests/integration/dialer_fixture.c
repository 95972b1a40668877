/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "integration/dialer_fixture.h"

#define REQUESTS_MAX 100

struct ds_sp_dialer *dialer_open(const char *url)
{
    return dialer_open_impatient(url, 0);
}

struct ds_sp_dialer *dialer_open_impatient(const char *url, int idle_ms)
{
    struct ds_sp_dialer *dialer = NULL;
    const struct ds_sp_dialer_options options = {.url = url,
                                                 .message_bytes_max = DIALER_MESSAGE_BYTES_MAX,
                                                 .request_count = REQUESTS_MAX,
                                                 .idle_ms = idle_ms};
    assert_int_equal(ds_sp_dial(&options, &dialer), DS_OK);
    return dialer;
}

static void note_end(void *context, ds_code code, struct ds_sp_reply *reply)
{
    struct asked *asked = context;
    asked->code = code;
    asked->was_sent = ds_sp_request_was_sent(asked->request);
    asked->failure = ds_sp_request_failure(asked->request);
    if (reply != NULL) {
        const struct ds_bytes bytes = ds_sp_reply_bytes(reply);
        const size_t kept = bytes.size < sizeof asked->text ? bytes.size : sizeof asked->text - 1;
        asked->reply_bytes = bytes.size;
        memcpy(asked->text, bytes.data, kept);
        asked->text[kept] = '\0';
    }
    ds_sp_reply_free(reply);
    sem_post(&asked->ended);
}

void asked_begin(struct asked *asked, struct ds_sp_dialer *dialer)
{
    memset(asked, 0, sizeof *asked);
    sem_init(&asked->ended, 0, 0);
    asked->request = ds_sp_request_begin(dialer);
    assert_non_null(asked->request);
}

void asked_send(struct asked *asked, struct ds_bytes message, int timeout_ms)
{
    const struct ds_sp_request_times times = {.timeout_ms = timeout_ms};
    ds_sp_request_send(asked->request, &message, 1, &times, note_end, asked);
}

void asked_send_late(struct asked *asked, struct ds_bytes message, int waited_ms)
{
    const struct ds_sp_request_times times = {.timeout_ms = DIALER_PATIENCE_MS,
                                              .waited_ms = waited_ms};
    ds_sp_request_send(asked->request, &message, 1, &times, note_end, asked);
}

void asked_start(struct asked *asked, struct ds_sp_dialer *dialer, const char *text)
{
    asked_begin(asked, dialer);
    asked_send(asked, ds_bytes_of_text(text), DIALER_PATIENCE_MS);
}

void asked_await(struct asked *asked)
{
    while (sem_wait(&asked->ended) != 0) {
    }
    sem_destroy(&asked->ended);
}

ds_code asked_end(struct asked *asked)
{
    asked_await(asked);
    ds_sp_request_end(asked->request);
    return asked->code;
}

void asked_expect(struct asked *asked, const char *text)
{
    assert_int_equal(asked_end(asked), DS_OK);
    assert_string_equal(asked->text, text);
    assert_true(asked->was_sent);
}
