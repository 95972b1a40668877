/* deltastream-gateway: the HTTP gateway as a daemon. */
#include "ds/daemon.h"
#include "ds/exit_code.h"
#include "ds/log.h"
#include "ds/paths.h"
#include "ds/setting_rows.h"
#include "gateway/host.h"

#include <unistd.h>

struct options {
    struct gateway_settings gateway;
    const char *storage;
    const char *data_dir;
    int log_level;
};

static const struct ds_setting settings_table[] = {
    GATEWAY_SETTINGS(options, gateway, "on"),
    {.name = "storage",
     .environment = {"DS_STORAGE"},
     .kind = DS_SETTING_TEXT,
     .argument = "URL",
     .help = "the storage service: ipc:///path or tcp://host:port [ipc://DATA/run/storage.sock]",
     .offset = offsetof(struct options, storage)},
    DS_DATA_DIR_SETTING(options,
                        "the data folder whose services are meant where --storage does not say"),
    DS_LOG_LEVEL_SETTING(options, "info", "debug, info, warning or error; SIGHUP reads it anew"),
};

static const struct ds_program program = {
    .name = "deltastream-gateway",
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
    return gateway_settings_complete(config, options, &options->gateway);
}

/* The log level alone can change in a running gateway; a bad file changes nothing. */
static void reload_settings(void *context)
{
    struct options options = {0};
    struct ds_config *config = NULL;
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    if (ds_config_load(&program, context, &options, &config, reason) != DS_OK) {
        ds_log(DS_LOG_ERROR, "reload_refused", DS_LOG_TEXT("reason", reason));
        return;
    }
    ds_log_set_level((enum ds_log_level)options.log_level);
    ds_log(DS_LOG_INFO, "reloaded",
           DS_LOG_TEXT("log_level", ds_daemon_log_levels[options.log_level]));
    ds_config_destroy(config);
}

static int serve(const struct options *options, struct ds_channel *storage,
                 struct ds_metrics *metrics, struct ds_config_sources *sources)
{
    struct gateway_host host;
    char reason[GATEWAY_REASON_BYTES_MAX];
    if (gateway_host_start(&host, &options->gateway, storage, &metrics, 1, reason) != DS_OK) {
        fprintf(stderr, "deltastream-gateway: %s\n", reason);
        return DS_EXIT_ERROR;
    }
    gateway_host_tell_ready(&host);
    ds_daemon_notify("READY=1");
    ds_daemon_wait_for_stop(reload_settings, sources);
    ds_daemon_notify("STOPPING=1");
    gateway_host_stop(&host, DS_DAEMON_GRACE_MS);
    return DS_EXIT_OK;
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

static int connect_and_serve(struct ds_config *config, const struct options *options,
                             struct ds_config_sources *sources)
{
    struct ds_metrics *metrics = ds_metrics_create("ds_rpc_client");
    const struct ds_channel_options channel_options = {.url = options->storage,
                                                       .client_name =
                                                           "deltastream-gateway/" DS_VERSION,
                                                       .retry = &read_retries,
                                                       .metrics = metrics};
    struct ds_channel *storage = NULL;
    int exit_code = DS_EXIT_USAGE;
    if (ds_channel_open(&channel_options, &storage) == DS_OK) {
        exit_code = serve(options, storage, metrics, sources);
    } else {
        exit_code = ds_config_refuse(config, options, "storage",
                                     "not of the form ipc:///path or tcp://host:port");
    }
    ds_channel_close(storage);
    ds_metrics_destroy(metrics);
    return exit_code;
}

int main(int argc, char **argv)
{
    ds_daemon_block_signals();
    struct ds_config_sources sources = {.argument_count = argc > 0 ? (size_t)argc - 1 : 0,
                                        .arguments = argv + (argc > 0),
                                        .environment = environ};
    struct options options = {0};
    struct ds_config *config = NULL;
    int exit_code = DS_EXIT_OK;
    if (!ds_config_begin(&program, &sources, &options, &config, &exit_code)) {
        return exit_code;
    }
    exit_code = complete(config, &options);
    if (exit_code == DS_EXIT_OK && ds_config_wish(config) == DS_CONFIG_PRINT) {
        ds_config_print(config, &options, stdout);
    } else if (exit_code == DS_EXIT_OK) {
        ds_log_set_level((enum ds_log_level)options.log_level);
        exit_code = connect_and_serve(config, &options, &sources);
    }
    ds_config_destroy(config);
    return exit_code;
}
