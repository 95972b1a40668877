/* The storage service with its store and its RPC server, as deltastream-storaged and `deltastream
 * up` run it. */
#ifndef STORAGE_HOST_H
#define STORAGE_HOST_H

#include "ds/anonymous.h"
#include "ds/config.h"
#include "ds/event_publisher.h"
#include "ds/events.h"
#include "ds/rpc_server.h"
#include "storage/retention.h"
#include "storage/storage.h"

#define STORAGE_URL_BYTES_MAX 256
#define STORAGE_REASON_BYTES_MAX 512
/* Listeners of one server; more is a mistake in the settings. */
#define STORAGE_LISTENERS_MAX 16

struct host_metrics;

struct storage_host_options {
    const char *data_dir;    /* absolute */
    const char *server_name; /* "deltastream-storaged/0.1.0" */
    const struct ds_clock *clock;
    enum ds_anonymous anonymous;
    struct storage_retention retention;  /* zero: everything is kept */
    struct ds_rpc_limits rpc_limits;     /* zero: the defaults */
    struct ds_rpc_rate_limit rate_limit; /* zero: none */
    struct ds_call_log call_log;         /* zero: the failures of the server itself */
    struct ds_tls_identity *identity;    /* of tls+tcp addresses; NULL: there are none */
};

struct storage_host {
    struct ds_event_journal *events; /* of the accepted rows */
    struct ds_event_publisher *publisher;
    struct market_figures *figures; /* of the store */
    struct market_store *store;
    struct storage *storage;
    struct ds_rpc_server *server;
    struct host_metrics *metrics;
};

/* What is wrong with the value of --store, for ds_config_refuse(); NULL where it is usable. */
const char *storage_store_refusal(const char *store);

/* What is wrong with an address to listen at; NULL where its form is right. */
const char *storage_listen_refusal(const char *url);

/*
 * Prepares the data folder, opens the store in it and makes the server. It has no listener yet. On
 * failure ret_reason tells a person why, and nothing is left open.
 */
DS_MUST_USE ds_code storage_host_open(const struct storage_host_options *options,
                                      struct storage_host *ret_host,
                                      char ret_reason[STORAGE_REASON_BYTES_MAX]);

/* Opens an event socket, which Hello then names; before storage_host_listen(). The reason of a
 * failure goes to ret_reason. */
DS_MUST_USE ds_code storage_host_publish(struct storage_host *host, const char *url,
                                         char ret_reason[STORAGE_REASON_BYTES_MAX]);

/* Opens a listener. The URL in use goes to ret_url, or the reason to ret_reason. */
DS_MUST_USE ds_code storage_host_listen(struct storage_host *host, const char *url,
                                        char ret_url[STORAGE_URL_BYTES_MAX],
                                        char ret_reason[STORAGE_REASON_BYTES_MAX]);

/* Takes no more calls and lets those in flight end, for at most grace_ms. Health and Hello are
 * still answered. */
void storage_host_drain(struct storage_host *host, int grace_ms);

/* After storage_host_drain(): closes everything. */
void storage_host_close(struct storage_host *host);

#endif
