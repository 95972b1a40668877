/* What the tests of the C client library have in common. */
#ifndef TESTS_INTEGRATION_CLIENT_LIBRARY_H
#define TESTS_INTEGRATION_CLIENT_LIBRARY_H

/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream.h"
#include "integration/client_library_server.h"

#include <pthread.h>
#include <string.h>

/* A client of that server, over ipc with every permission. */
static inline struct deltastream_client *library_client_open(const struct library_server *server)
{
    const struct deltastream_principal principal = {.struct_size = sizeof principal,
                                                    .subject = "service:test"};
    const struct deltastream_client_options options = {
        .struct_size = sizeof options,
        .url = library_server_url(server),
        .timeout_ms = LIBRARY_PATIENCE_MS,
        .principal = &principal,
        .tls_ca_file = library_server_ca_file(server),
    };
    struct deltastream_client *client = NULL;
    char why[DELTASTREAM_MESSAGE_BYTES_MAX] = "";
    if (deltastream_client_open(&options, &client, why, sizeof why) != DELTASTREAM_OK) {
        fail_msg("%s", why);
    }
    return client;
}

/* What ListTicks is asked. `product` is borrowed. */
static inline Deltastream__Storage__ListTicksRequest ticks_request(const char *product,
                                                                   int32_t limit)
{
    Deltastream__Storage__ListTicksRequest request = DELTASTREAM__STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t)product;
    deltastream__storage__list_ticks_request__set_limit(&request, limit);
    return request;
}

/* Replies that asynchronous calls have brought. */
struct library_inbox {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    size_t count;
    size_t counts_by_code[17];
    struct deltastream_reply *newest; /* the one before is freed */
};

static inline void library_inbox_init(struct library_inbox *inbox)
{
    memset(inbox, 0, sizeof *inbox);
    pthread_mutex_init(&inbox->mutex, NULL);
    pthread_cond_init(&inbox->changed, NULL);
}

static inline void library_inbox_deinit(struct library_inbox *inbox)
{
    deltastream_reply_free(inbox->newest);
    pthread_cond_destroy(&inbox->changed);
    pthread_mutex_destroy(&inbox->mutex);
}

/* A deltastream_done_fn. */
static inline void library_inbox_take(void *context, struct deltastream_reply *reply)
{
    struct library_inbox *inbox = context;
    pthread_mutex_lock(&inbox->mutex);
    inbox->count++;
    inbox->counts_by_code[deltastream_reply_code(reply)]++;
    deltastream_reply_free(inbox->newest);
    inbox->newest = reply;
    pthread_cond_broadcast(&inbox->changed);
    pthread_mutex_unlock(&inbox->mutex);
}

static inline void library_inbox_await(struct library_inbox *inbox, size_t count)
{
    pthread_mutex_lock(&inbox->mutex);
    while (inbox->count < count) {
        pthread_cond_wait(&inbox->changed, &inbox->mutex);
    }
    pthread_mutex_unlock(&inbox->mutex);
}

#endif
