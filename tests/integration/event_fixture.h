/* A service that publishes events and answers ListEvents, and subscribers that write down what they
 * are told. */
#ifndef TESTS_INTEGRATION_EVENT_FIXTURE_H
#define TESTS_INTEGRATION_EVENT_FIXTURE_H

#include "ds/event_publisher.h"
#include "ds/event_subscriber.h"
#include "ds/rpc_server.h"
#include "storage/storage.h"

#include <pthread.h>

struct event_service {
    char folder[64];
    bool is_tcp;
    struct ds_event_journal *journal;
    struct ds_event_publisher *publisher;
    struct market_store *store;
    struct storage *storage;
    struct ds_rpc_server *server;
    char rpc_url[128];
    char event_url[128];
};

/* event_max: what the journal remembers of each kind; 0: its default. */
void event_service_open(struct event_service *service, bool is_tcp, size_t event_max);
void event_service_close(struct event_service *service);

/* The end of the service and a new one at the same addresses, with another epoch; in one or in two
 * steps. */
void event_service_restart(struct event_service *service);
void event_service_stop(struct event_service *service);
void event_service_start(struct event_service *service);

/* Publishes events of the kind "ticks" with the texts of the numbers from `first` as bodies. */
void event_service_publish(struct event_service *service, const char *topic, uint64_t first,
                           size_t count);

struct event_reader {
    struct ds_channel *channel;
    struct ds_event_subscriber *subscriber;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool is_held; /* notices wait */
    int waiting_count;
    uint64_t started_epoch;
    uint64_t started_behind;
    uint64_t event_count;
    uint64_t newest;        /* sequence of the newest event */
    uint64_t newest_number; /* its body */
    uint64_t gap_count;
    uint64_t missing_count; /* events in gaps of known length */
    uint64_t new_epoch_count;
    uint64_t disorder_count;
};

void event_reader_open(struct event_reader *reader, const struct event_service *service,
                       const struct ds_event_interest *interest);
void event_reader_close(struct event_reader *reader);

/* Lets notices wait, or go on. */
void event_reader_hold(struct event_reader *reader, bool is_held);

/* Each waits until it is so. */
void event_reader_await_start(struct event_reader *reader);
void event_reader_await_waiting(struct event_reader *reader);
void event_reader_await_event(struct event_reader *reader, uint64_t sequence);
void event_reader_await_new_epoch(struct event_reader *reader);

#endif
