/* deltastream-gateway: the HTTP gateway as a daemon. */
#include "admin/daemon.h"
#include "ds/daemon.h"
#include "ds/exit_code.h"
#include "ds/log.h"
#include "ds/paths.h"
#include "ds/process.h"
#include "ds/setting_rows.h"
#include "gateway/host.h"

#include <string.h>
#include <unistd.h>

#define NAME "deltastream-gateway"

struct options {
    struct gateway_settings gateway;
    const char *storage;
    const char *data_dir;
    const char *admin;
    struct ds_tls_options tls;
    int log_level;
};

struct daemon {
    const struct ds_config_sources *sources;
    struct ds_config *config;
    struct options options;
    struct ds_metrics *client_metrics;
    struct ds_metrics *process_metrics;
    struct gateway_host host;
    const char *listeners[DS_CONFIG_LIST_MAX]; /* addresses in use */
    struct ds_admin_daemon *admin;
};

static const struct ds_setting settings_table[] = {
    GATEWAY_SETTINGS(options, gateway, "on"),
    {.name = "storage",
     .environment = {"DS_STORAGE"},
     .kind = DS_SETTING_TEXT,
     .argument = "URL",
     .help = "the storage service: ipc:///path, tcp://host:port or tls+tcp://host:port "
             "[ipc://DATA/run/storage.sock]",
     .offset = offsetof(struct options, storage)},
    DS_TLS_DIAL_SETTINGS(options, tls),
    DS_DATA_DIR_SETTING(options,
                        "the data folder whose services are meant where --storage does not say"),
    DS_ADMIN_SETTING(options),
    DS_LOG_LEVEL_SETTING(options, "info", "debug, info, warning or error; SIGHUP reads it anew"),
};

static const struct ds_program program = {
    .name = NAME,
    .summary = "The HTTP gateway of DeltaStream.",
    .examples = "  deltastream-gateway\n"
                "  deltastream-gateway --listen 127.0.0.1:8080 --listen 127.0.0.1:8003=storage\n"
                "  deltastream-gateway --listen 0.0.0.0:8080 --anonymous read\n",
    .settings = settings_table,
    .setting_count = sizeof(settings_table) / sizeof(settings_table[0]),
};

static int complete(struct ds_config *config, struct options *options)
{
    struct ds_arena *arena = ds_config_arena(config);
    if (options->storage == NULL || options->storage[0] == '\0') {
        options->storage = ds_storage_url(arena, ds_absolute_path(arena, options->data_dir));
    }
    const int exit_code = ds_admin_setting_check(config, options, options->admin);
    return exit_code != DS_EXIT_OK ? exit_code
                                   : gateway_settings_complete(config, options, &options->gateway);
}

/* The log level alone can change in a running gateway; a bad file changes nothing. */
static void reload_settings(void *context)
{
    struct daemon *daemon = context;
    struct options options = {0};
    struct ds_config *config = NULL;
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    if (ds_config_load(&program, daemon->sources, &options, &config, reason) != DS_OK) {
        ds_log(DS_LOG_ERROR, "reload_refused", DS_LOG_TEXT("reason", reason));
        return;
    }
    ds_log_set_level((enum ds_log_level)options.log_level);
    ds_config_take_over(daemon->config, &daemon->options, "log-level", config, &options);
    ds_admin_daemon_update(daemon->admin);
    ds_log(DS_LOG_INFO, "reloaded",
           DS_LOG_TEXT("log_level", ds_daemon_log_levels[options.log_level]));
    ds_config_destroy(config);
}

static ds_code start_admin(struct daemon *daemon, char reason[DS_ADMIN_REASON_BYTES_MAX])
{
    for (size_t i = 0; i < daemon->host.listener_count; i++) {
        daemon->listeners[i] = daemon->host.addresses[i];
    }
    struct ds_admin_daemon_options options = {
        .address = daemon->options.admin,
        .program = {.name = NAME,
                    .listeners = daemon->listeners,
                    .listener_count = daemon->host.listener_count},
        .config = daemon->config,
        .settings = &daemon->options};
    gateway_host_show(&daemon->host, &options.program);
    return ds_admin_daemon_start(&options, &daemon->admin, reason);
}

static int serve(struct daemon *daemon, struct ds_channel *storage)
{
    struct ds_metrics *const metrics[] = {daemon->client_metrics, daemon->process_metrics};
    char reason[GATEWAY_REASON_BYTES_MAX];
    if (gateway_host_start(&daemon->host, &daemon->options.gateway, storage, metrics,
                           sizeof metrics / sizeof *metrics, reason) != DS_OK) {
        fprintf(stderr, NAME ": %s\n", reason);
        return DS_EXIT_ERROR;
    }
    const bool started = start_admin(daemon, reason) == DS_OK;
    if (started) {
        gateway_host_tell_ready(&daemon->host);
        ds_daemon_notify("READY=1");
        ds_daemon_wait_for_stop(reload_settings, daemon);
        ds_daemon_limit_stop(DS_DAEMON_STOP_MS_MAX);
        ds_daemon_notify("STOPPING=1");
    } else {
        fprintf(stderr, NAME ": %s\n", reason);
    }
    gateway_host_drain(&daemon->host, started ? DS_DAEMON_GRACE_MS : 0);
    ds_admin_daemon_stop(daemon->admin);
    gateway_host_close(&daemon->host);
    return started ? DS_EXIT_OK : DS_EXIT_ERROR;
}

/* Readers do not see a restart of the service: it takes less than these attempts do, each of which
 * waits a second for a connection. What they take together stays under the methods' time limits. */
static const struct ds_retry_policy read_retries = {
    .attempts_max = 4,
    .initial_backoff_ms = 50,
    .backoff_ms_max = 400,
    .backoff_multiplier = 2,
    .jitter = 0.2,
    .retryable_codes = DS_RETRY_ON(DS_UNAVAILABLE),
    .reads_only = true,
    .tokens_max = 1000,
    .token_ratio = 0.1,
};

static int connect_and_serve(struct daemon *daemon)
{
    const struct ds_channel_options channel_options = {.url = daemon->options.storage,
                                                       .tls = &daemon->options.tls,
                                                       .retry = &read_retries,
                                                       .metrics = daemon->client_metrics};
    struct ds_channel *storage = NULL;
    struct ds_tls_trust *trust = NULL;
    struct ds_tls_refusal refusal;
    int exit_code = DS_EXIT_USAGE;
    if (ds_url_is_tls(daemon->options.storage) &&
        ds_tls_trust_load(&daemon->options.tls, daemon->options.storage, &trust, &refusal) !=
            DS_OK) {
        const bool is_address = strcmp(refusal.setting, "connect") == 0;
        return ds_config_refuse(daemon->config, &daemon->options,
                                is_address ? "storage" : refusal.setting, "%s", refusal.reason);
    }
    ds_tls_trust_destroy(trust);
    if (ds_channel_open(&channel_options, &storage) == DS_OK) {
        ds_channel_watch(storage, daemon->options.storage, daemon->client_metrics);
        exit_code = serve(daemon, storage);
    } else {
        exit_code = ds_config_refuse(daemon->config, &daemon->options, "storage",
                                     "not of the form ipc:///path, tcp://host:port or "
                                     "tls+tcp://host:port");
    }
    ds_channel_close(storage);
    return exit_code;
}

static int run(struct daemon *daemon)
{
    ds_log_set_level((enum ds_log_level)daemon->options.log_level);
    ds_log_start();
    (void)ds_daemon_allow_connections((uint64_t)daemon->options.gateway.connections_max);
    daemon->client_metrics = ds_metrics_create("ds_rpc_client");
    daemon->process_metrics = ds_process_metrics_create(NAME);
    const int exit_code = connect_and_serve(daemon);
    ds_metrics_destroy(daemon->process_metrics);
    ds_metrics_destroy(daemon->client_metrics);
    return exit_code;
}

int main(int argc, char **argv)
{
    ds_daemon_block_signals();
    const struct ds_config_sources sources = {.argument_count = argc > 0 ? (size_t)argc - 1 : 0,
                                              .arguments = argv + (argc > 0),
                                              .environment = environ};
    struct daemon daemon = {.sources = &sources};
    int exit_code = DS_EXIT_OK;
    if (!ds_config_begin(&program, &sources, &daemon.options, &daemon.config, &exit_code)) {
        return exit_code;
    }
    exit_code = complete(daemon.config, &daemon.options);
    if (exit_code == DS_EXIT_OK && ds_config_wish(daemon.config) == DS_CONFIG_PRINT) {
        ds_config_print(daemon.config, &daemon.options, stdout);
    } else if (exit_code == DS_EXIT_OK) {
        exit_code = run(&daemon);
    }
    ds_config_destroy(daemon.config);
    return exit_code;
}
