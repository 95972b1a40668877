/* Requests of a dialer, and what becomes of them. */
#ifndef TESTS_INTEGRATION_DIALER_FIXTURE_H
#define TESTS_INTEGRATION_DIALER_FIXTURE_H

#include "ds/sp_dialer.h"

#include <semaphore.h>

/* Only a test that fails waits that long. */
#define DIALER_PATIENCE_MS 600000
#define DIALER_MESSAGE_BYTES_MAX (8 * 1024 * 1024)

struct asked {
    struct ds_sp_request *request;
    sem_t ended;
    ds_code code;
    bool was_sent;
    const char *failure;
    size_t reply_bytes;
    char text[32]; /* of the reply, as far as it fits */
};

/* For 100 requests at a time. */
struct ds_sp_dialer *dialer_open(const char *url);
struct ds_sp_dialer *dialer_open_impatient(const char *url, int idle_ms);

void asked_begin(struct asked *asked, struct ds_sp_dialer *dialer);
void asked_send(struct asked *asked, struct ds_bytes message, int timeout_ms);

/* Of a request that its caller has kept waiting. */
void asked_send_late(struct asked *asked, struct ds_bytes message, int waited_ms);

/* Begins and sends. */
void asked_start(struct asked *asked, struct ds_sp_dialer *dialer, const char *text);

/* Waits for the end, and for nothing else. */
void asked_await(struct asked *asked);

/* Waits, and ends the request. */
ds_code asked_end(struct asked *asked);

/* The same, of one that is answered with that text. */
void asked_expect(struct asked *asked, const char *text);

#endif
