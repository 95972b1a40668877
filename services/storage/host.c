#include "storage/host.h"

#include "ds/loopback.h"
#include "ds/paths.h"
#include "storage/host_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IPC_SCHEME "ipc://"
#define TCP_SCHEME "tcp://"
#define HOST_ARENA_BYTES_MAX (64 * 1024)
/* What the journal keeps of each kind: 65,536 events of 250 bytes. */
#define EVENTS_BYTES_MAX (16 * 1024 * 1024)

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

const char *storage_store_refusal(const char *store)
{
    if (strcmp(store, "lmdb") == 0) {
        return NULL;
    }
    if (begins_with(store, "mongodb://") || begins_with(store, "mongodb+srv://")) {
        return "the MongoDB store comes with a later version; use lmdb, the embedded store";
    }
    return "there is no such store; use lmdb, the embedded store";
}

const char *storage_listen_refusal(const char *url)
{
    if (begins_with(url, IPC_SCHEME)) {
        const char *path = url + strlen(IPC_SCHEME);
        if (path[0] != '/') {
            return "the path of a socket begins with /: ipc:///run/deltastream/storage.sock";
        }
        return strlen(path) <= DS_SOCKET_PATH_BYTES_MAX
                   ? NULL
                   : "the path of a socket has at most 107 bytes; name a shorter one, or a data "
                     "folder with a shorter path";
    }
    if (begins_with(url, TCP_SCHEME)) {
        return ds_address_is_loopback(url + strlen(TCP_SCHEME))
                   ? NULL
                   : "tcp without TLS is for loopback only: tcp://127.0.0.1:port, or "
                     "tls+tcp://host:port with --tls-cert and --tls-key";
    }
    if (ds_url_is_tls(url)) {
        return strrchr(url + strlen(DS_TLS_SCHEME), ':') != NULL
                   ? NULL
                   : "an address of TLS is tls+tcp://host:port";
    }
    return "an address is ipc:///path, tcp://host:port or tls+tcp://host:port";
}

static ds_code fail(ds_code code, char *ret_reason, const char *what, const char *where,
                    const char *why)
{
    snprintf(ret_reason, STORAGE_REASON_BYTES_MAX, "%s %s: %s", what, where, why);
    return code;
}

static ds_code open_store(const struct storage_host_options *options,
                          const struct storage_host *host, struct ds_arena *arena,
                          struct market_store **ret_store, char *ret_reason)
{
    char why[STORAGE_REASON_BYTES_MAX / 2] = "";
    ds_code code = ds_data_dir_prepare(options->data_dir, why, sizeof(why));
    if (code != DS_OK) {
        return fail(code, ret_reason, "the data folder", options->data_dir, why);
    }
    const char *folder = ds_storage_folder(arena, options->data_dir);
    const struct market_store_options store_options = {.clock = options->clock,
                                                       .events =
                                                           ds_event_journal_sink(host->events),
                                                       .figures = host->figures};
    code = market_lmdb_open(folder, &store_options, ret_store, why, sizeof(why));
    if (code != DS_OK) {
        /* The engine's reasons name the folder. */
        snprintf(ret_reason, STORAGE_REASON_BYTES_MAX, "%s", why);
        return code;
    }
    return DS_OK;
}

static struct ds_event_journal *create_journal(const struct ds_clock *clock)
{
    const char *kinds[MARKET_KIND_MAX];
    size_t kind_count = 0;
    for (int kind = MARKET_KIND_FIRST; kind <= MARKET_KIND_MAX; kind++) {
        kinds[kind_count++] = market_kind_name((enum market_kind)kind);
    }
    return ds_event_journal_create(&(struct ds_event_journal_options){
        .kinds = kinds,
        .kind_count = kind_count,
        .bytes_max = EVENTS_BYTES_MAX,
        .clock = clock,
    });
}

static void schedule_retention(const struct storage_host *host,
                               const struct storage_retention *retention)
{
    if (retention->rule_count > 0) {
        retention_sweeper_schedule(storage_sweeper(host->storage), retention->rules,
                                   retention->rule_count, retention->interval_us);
    }
}

ds_code storage_host_open(const struct storage_host_options *options, struct storage_host *ret_host,
                          char ret_reason[STORAGE_REASON_BYTES_MAX])
{
    struct storage_host host = {.events = create_journal(options->clock),
                                .figures = calloc(1, sizeof(struct market_figures))};
    if (host.figures == NULL) {
        abort();
    }
    struct ds_arena *arena = ds_arena_create(HOST_ARENA_BYTES_MAX);
    const ds_code code = open_store(options, &host, arena, &host.store, ret_reason);
    ds_arena_destroy(arena);
    if (code != DS_OK) {
        ds_event_journal_destroy(host.events);
        free(host.figures);
        return code;
    }
    host.publisher = ds_event_publisher_create(host.events, options->clock);
    host.storage = storage_create(host.store, options->clock);
    storage_set_events(host.storage, host.events);
    const struct ds_rpc_server_options server_options = {
        .name = options->server_name,
        .clock = options->clock,
        .authenticator = ds_anonymous_authenticator(options->anonymous),
        .inline_may_block = host.store->ops->may_block,
        .limits = options->rpc_limits,
        .rate_limit = options->rate_limit,
        .call_log = options->call_log};
    host.server = ds_rpc_server_create(&server_options);
    if (options->identity != NULL) {
        ds_rpc_server_set_tls_identity(host.server, options->identity);
    }
    storage_serve(host.storage, host.server);
    host.metrics = host_metrics_create(&host);
    schedule_retention(&host, &options->retention);
    *ret_host = host;
    return DS_OK;
}

static const char *listen_failure(ds_code code)
{
    switch (code) {
    case DS_ALREADY_EXISTS:
        return "the address is in use";
    case DS_INVALID_ARGUMENT:
        return "no such address; it is ipc:///path, tcp://host:port or tls+tcp://host:port";
    case DS_PERMISSION_DENIED:
        return "the folder of an ipc socket must belong to this user alone (mode 0700)";
    default:
        return ds_code_name(code);
    }
}

ds_code storage_host_publish(struct storage_host *host, const char *url,
                             char ret_reason[STORAGE_REASON_BYTES_MAX])
{
    const char *url_in_use;
    const ds_code code = ds_event_publisher_listen(host->publisher, url, &url_in_use);
    if (code != DS_OK) {
        return fail(code, ret_reason, "can't publish at", url, listen_failure(code));
    }
    ds_rpc_server_add_event_url(host->server, url_in_use);
    return DS_OK;
}

ds_code storage_host_listen(struct storage_host *host, const char *url,
                            char ret_url[STORAGE_URL_BYTES_MAX],
                            char ret_reason[STORAGE_REASON_BYTES_MAX])
{
    const ds_code code = ds_rpc_server_listen(host->server, url, ret_url, STORAGE_URL_BYTES_MAX);
    if (code != DS_OK) {
        return fail(code, ret_reason, "can't listen at", url, listen_failure(code));
    }
    return DS_OK;
}

void storage_host_drain(struct storage_host *host, int grace_ms)
{
    storage_stop(host->storage);
    ds_rpc_server_drain(host->server, grace_ms);
}

void storage_host_close(struct storage_host *host)
{
    ds_rpc_server_destroy(host->server);
    host_metrics_destroy(host->metrics);
    storage_destroy(host->storage);
    host->store->ops->close(host->store);
    free(host->figures);
    ds_event_publisher_destroy(host->publisher);
    ds_event_journal_destroy(host->events);
    *host = (struct storage_host){0};
}
