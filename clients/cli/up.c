/* deltastream up: the storage service and the gateway in one process, joined by the direct
 * transport, with a demo feed by option. */
#include "admin/daemon.h"
#include "clients/cli/command.h"
#include "clients/feed/feed.h"
#include "ds/daemon.h"
#include "ds/exit_code.h"
#include "ds/log.h"
#include "ds/paths.h"
#include "ds/process.h"
#include "ds/setting_rows.h"
#include "gateway/host.h"
#include "storage/host.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define PROGRAM_NAME "deltastream up"
#define UP_NAME "deltastream/" DS_VERSION
#define LISTENERS_MAX (DS_CONFIG_LIST_MAX + STORAGE_LISTENERS_MAX)

struct up_options {
    struct gateway_settings gateway;
    const char *data_dir;
    const char *store;
    struct storage_retention_settings retention;
    struct storage_retention rules; /* filled by complete() */
    struct ds_text_list rpc_listen;
    struct ds_rpc_rate_limit rate_limit;
    struct ds_call_log call_log;
    const char *admin;
    int log_level;
    bool demo;
};

static const struct ds_setting settings[] = {
    DS_DATA_DIR_SETTING(up_options, "where everything is kept"),
    {.name = "demo",
     .environment = {"DS_DEMO"},
     .kind = DS_SETTING_BOOLEAN,
     .help = "feed in ticks, quotes and option chains of a made-up market: NIFTY, BANKNIFTY, "
             "FINNIFTY, SENSEX",
     .offset = offsetof(struct up_options, demo)},
    GATEWAY_SETTINGS(up_options, gateway, "off"),
    DS_STORE_SETTING(up_options),
    STORAGE_RETENTION_SETTINGS(up_options, retention),
    {.name = "rpc-listen",
     .environment = {"DS_RPC_LISTEN"},
     .kind = DS_SETTING_LIST,
     .argument = "URL",
     .help = "where native clients are served beside ipc://DATA/run/storage.sock, such as "
             "tcp://127.0.0.1:9003; may be repeated",
     .offset = offsetof(struct up_options, rpc_listen)},
    DS_RPC_RATE_SETTINGS(up_options, rate_limit),
    DS_CALL_LOG_SETTINGS(up_options, call_log),
    DS_ADMIN_SETTING(up_options),
    DS_LOG_LEVEL_SETTING(up_options, "warning", "debug, info, warning or error"),
};

static const struct ds_program program = {
    .name = PROGRAM_NAME,
    .summary = "Run everything in one process on an embedded store.",
    .examples = "  deltastream up --demo\n"
                "  deltastream up --data-dir ./data --listen 127.0.0.1:8080\n"
                "  deltastream up --listen 0.0.0.0:8080 --anonymous read\n",
    .settings = settings,
    .setting_count = sizeof(settings) / sizeof(settings[0]),
};

/* What runs, in the order in which it was started. */
struct up {
    struct storage_host storage;
    struct ds_metrics *client_metrics;
    struct ds_metrics *process_metrics;
    struct ds_channel *channel;
    struct feed *feed;
    struct gateway_host gateway;
    struct ds_admin_daemon *admin;
    size_t rpc_url_count;
    char rpc_urls[STORAGE_LISTENERS_MAX][STORAGE_URL_BYTES_MAX]; /* in use */
    const char *listeners[LISTENERS_MAX];                        /* of RPC and HTTP, in use */
};

static int complete(struct ds_config *config, struct up_options *options)
{
    if (options->data_dir[0] == '\0') {
        return ds_config_refuse(config, options, "data-dir", "name a folder");
    }
    options->data_dir = ds_absolute_path(ds_config_arena(config), options->data_dir);
    const char *refusal = storage_store_refusal(options->store);
    if (refusal != NULL) {
        return ds_config_refuse(config, options, "store", "%s", refusal);
    }
    refusal =
        storage_listen_refusal(ds_storage_events_url(ds_config_arena(config), options->data_dir));
    if (refusal != NULL) {
        return ds_config_refuse(config, options, "data-dir", "%s", refusal);
    }
    /* One more listens in the data folder. */
    if (options->rpc_listen.count >= STORAGE_LISTENERS_MAX) {
        return ds_config_refuse(config, options, "rpc-listen", "at most %d addresses",
                                STORAGE_LISTENERS_MAX - 1);
    }
    for (size_t i = 0; i < options->rpc_listen.count; i++) {
        refusal = ds_url_is_tls(options->rpc_listen.items[i])
                      ? "for TLS run the services as daemons: deltastream-storaged --listen "
                        "tls+tcp://host:port"
                      : storage_listen_refusal(options->rpc_listen.items[i]);
        if (refusal != NULL) {
            return ds_config_refuse(config, options, "rpc-listen", "\"%s\": %s",
                                    options->rpc_listen.items[i], refusal);
        }
    }
    int exit_code = ds_admin_setting_check(config, options, options->admin);
    if (exit_code == DS_EXIT_OK) {
        exit_code =
            storage_retention_complete(config, options, &options->retention, &options->rules);
    }
    return exit_code != DS_EXIT_OK ? exit_code
                                   : gateway_settings_complete(config, options, &options->gateway);
}

static bool tell(const char *reason)
{
    fprintf(stderr, "deltastream: %s\n", reason);
    return false;
}

static bool listen_at(struct up *up, const char *url)
{
    char reason[STORAGE_REASON_BYTES_MAX];
    if (storage_host_listen(&up->storage, url, up->rpc_urls[up->rpc_url_count], reason) != DS_OK) {
        return tell(reason);
    }
    up->rpc_url_count++;
    return true;
}

/* Native clients and the command line find the service in the data folder. */
static bool listen_natively(struct up *up, struct ds_config *config,
                            const struct up_options *options)
{
    char reason[STORAGE_REASON_BYTES_MAX];
    const char *events = ds_storage_events_url(ds_config_arena(config), options->data_dir);
    if (storage_host_publish(&up->storage, events, reason) != DS_OK) {
        return tell(reason);
    }
    bool listens = listen_at(up, ds_storage_url(ds_config_arena(config), options->data_dir));
    for (size_t i = 0; listens && i < options->rpc_listen.count; i++) {
        listens = listen_at(up, options->rpc_listen.items[i]);
        if (listens) {
            printf("ready %s\n", up->rpc_urls[up->rpc_url_count - 1]);
        }
    }
    return listens;
}

static bool start_storage(struct up *up, struct ds_config *config, const struct up_options *options)
{
    const struct storage_host_options host_options = {
        .data_dir = options->data_dir,
        .server_name = UP_NAME,
        .anonymous = (enum ds_anonymous)options->gateway.anonymous,
        .retention = options->rules,
        .rate_limit = options->rate_limit,
        .call_log = options->call_log};
    char reason[STORAGE_REASON_BYTES_MAX];
    if (storage_host_open(&host_options, &up->storage, reason) != DS_OK) {
        return tell(reason);
    }
    return listen_natively(up, config, options);
}

static bool start_channel(struct up *up)
{
    up->client_metrics = ds_metrics_create("ds_rpc_client");
    up->process_metrics = ds_process_metrics_create(PROGRAM_NAME);
    const struct ds_channel_options channel_options = {.server = up->storage.server,
                                                       .metrics = up->client_metrics};
    if (ds_channel_open(&channel_options, &up->channel) != DS_OK) {
        return tell("can't join the gateway and the storage service");
    }
    ds_channel_watch(up->channel, "direct", up->client_metrics);
    return true;
}

static bool start_feed(struct up *up, const struct up_options *options)
{
    const struct feed_options feed_options = {.channel = up->channel, .seed = 1};
    if (!options->demo) {
        return true;
    }
    return feed_start(&feed_options, &up->feed) == DS_OK ||
           tell("the demo feed can't write; the log above says why");
}

static bool start_gateway(struct up *up, const struct up_options *options)
{
    struct ds_metrics *const metrics[] = {ds_rpc_server_metrics(up->storage.server),
                                          up->client_metrics, up->process_metrics};
    char reason[GATEWAY_REASON_BYTES_MAX];
    return gateway_host_start(&up->gateway, &options->gateway, up->channel, metrics,
                              sizeof(metrics) / sizeof(metrics[0]), reason) == DS_OK ||
           tell(reason);
}

static bool start_admin(struct up *up, const struct ds_config *config,
                        const struct up_options *options)
{
    size_t count = 0;
    for (size_t i = 0; i < up->rpc_url_count; i++) {
        up->listeners[count++] = up->rpc_urls[i];
    }
    for (size_t i = 0; i < up->gateway.listener_count; i++) {
        up->listeners[count++] = up->gateway.addresses[i];
    }
    struct ds_admin_daemon_options admin_options = {.address = options->admin,
                                                    .program = {.name = PROGRAM_NAME,
                                                                .listeners = up->listeners,
                                                                .listener_count = count,
                                                                .server = up->storage.server},
                                                    .config = config,
                                                    .settings = options};
    gateway_host_show(&up->gateway, &admin_options.program);
    char reason[DS_ADMIN_REASON_BYTES_MAX];
    return ds_admin_daemon_start(&admin_options, &up->admin, reason) == DS_OK || tell(reason);
}

static void tell_what_to_try(const struct up *up, const struct up_options *options)
{
    const char *address = up->gateway.addresses[0];
    gateway_host_tell_ready(&up->gateway);
    fprintf(stderr,
            "try:\n"
            "  curl '%s/underlying/NIFTY?limit=5'\n"
            "  %s ticks list NIFTY --limit 5 --data-dir '%s'\n"
            "  http://%s/health\n",
            address, program_invocation_name, options->data_dir, address);
}

/* Takes what is NULL: a start that stopped half-way ends here too. */
static void stop(struct up *up, int grace_ms)
{
    if (up->gateway.gateway != NULL) {
        gateway_host_drain(&up->gateway, grace_ms / 2);
        ds_admin_daemon_stop(up->admin);
        gateway_host_close(&up->gateway);
    }
    feed_stop(up->feed);
    ds_channel_close(up->channel);
    if (up->storage.server != NULL) {
        storage_host_drain(&up->storage, grace_ms / 2);
        storage_host_close(&up->storage);
    }
    ds_metrics_destroy(up->client_metrics);
    ds_metrics_destroy(up->process_metrics);
}

static int serve(struct up *up, struct ds_config *config, const struct up_options *options)
{
    const bool started = start_storage(up, config, options) && start_channel(up) &&
                         start_feed(up, options) && start_gateway(up, options) &&
                         start_admin(up, config, options);
    if (started) {
        tell_what_to_try(up, options);
        ds_daemon_notify("READY=1");
        ds_daemon_wait_for_stop(NULL, NULL);
        ds_daemon_limit_stop(DS_DAEMON_STOP_MS_MAX);
        ds_daemon_notify("STOPPING=1");
    }
    stop(up, DS_DAEMON_GRACE_MS);
    return started ? DS_EXIT_OK : DS_EXIT_ERROR;
}

static int run(struct ds_config *config, void *context)
{
    struct up_options *options = context;
    const int exit_code = complete(config, options);
    if (exit_code != DS_EXIT_OK) {
        return exit_code;
    }
    if (ds_config_wish(config) == DS_CONFIG_PRINT) {
        ds_config_print(config, options, stdout);
        return DS_EXIT_OK;
    }
    ds_daemon_block_signals();
    ds_log_set_level((enum ds_log_level)options->log_level);
    ds_log_start();
    (void)ds_daemon_allow_connections((uint64_t)options->gateway.connections_max +
                                      (options->rpc_listen.count + 1) * DS_RPC_CONNECTIONS_DEFAULT);
    struct up *up = calloc(1, sizeof(*up));
    if (up == NULL) {
        abort();
    }
    const int result = serve(up, config, options);
    free(up);
    return result;
}

const struct cli_command command_up = {
    .program = &program, .options_bytes = sizeof(struct up_options), .run = run};
