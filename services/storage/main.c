/* deltastream-storaged: the storage service as a daemon. */
#include "ds/daemon.h"
#include "ds/exit_code.h"
#include "ds/log.h"
#include "storage/config.h"
#include "storage/host.h"

#include <unistd.h>

/* What a reload needs. */
struct reload {
    const struct ds_config_sources *sources;
};

/* The log level alone can change in a running service; a bad file changes nothing. */
static void reload_settings(void *context)
{
    const struct reload *reload = context;
    struct storage_config settings = {0};
    struct ds_config *config = NULL;
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    if (ds_config_load(&storage_program, reload->sources, &settings, &config, reason) != DS_OK) {
        ds_log(DS_LOG_ERROR, "reload_refused", DS_LOG_TEXT("reason", reason));
        return;
    }
    ds_log_set_level((enum ds_log_level)settings.log_level);
    ds_log(DS_LOG_INFO, "reloaded",
           DS_LOG_TEXT("log_level", ds_daemon_log_levels[settings.log_level]));
    ds_config_destroy(config);
}

static bool listen_everywhere(struct storage_host *host, const struct storage_config *settings)
{
    char reason[STORAGE_REASON_BYTES_MAX];
    char urls[DS_CONFIG_LIST_MAX][STORAGE_URL_BYTES_MAX];
    for (size_t i = 0; i < settings->listen.count; i++) {
        if (storage_host_listen(host, settings->listen.items[i], urls[i], reason) != DS_OK) {
            fprintf(stderr, "deltastream-storaged: %s\n", reason);
            return false;
        }
    }
    for (size_t i = 0; i < settings->listen.count; i++) {
        printf("ready %s\n", urls[i]);
    }
    fflush(stdout);
    return true;
}

static int serve(const struct storage_config *settings, const struct ds_config_sources *sources)
{
    const struct storage_host_options options = {.data_dir = settings->data_dir,
                                                 .server_name = "deltastream-storaged/" DS_VERSION,
                                                 .anonymous =
                                                     (enum ds_anonymous)settings->anonymous,
                                                 .retention = settings->rules,
                                                 .rpc_limits = settings->rpc_limits};
    char reason[STORAGE_REASON_BYTES_MAX];
    struct storage_host host;
    if (storage_host_open(&options, &host, reason) != DS_OK) {
        fprintf(stderr, "deltastream-storaged: %s\n", reason);
        return DS_EXIT_ERROR;
    }
    if (!listen_everywhere(&host, settings)) {
        storage_host_close(&host, 0);
        return DS_EXIT_ERROR;
    }
    ds_daemon_notify("READY=1");
    struct reload reload = {.sources = sources};
    ds_daemon_wait_for_stop(reload_settings, &reload);
    ds_daemon_notify("STOPPING=1");
    storage_host_close(&host, DS_DAEMON_GRACE_MS);
    return DS_EXIT_OK;
}

int main(int argc, char **argv)
{
    ds_daemon_block_signals();
    const struct ds_config_sources sources = {.argument_count = argc > 0 ? (size_t)argc - 1 : 0,
                                              .arguments = argv + (argc > 0),
                                              .environment = environ};
    struct storage_config settings = {0};
    struct ds_config *config = NULL;
    int exit_code = DS_EXIT_OK;
    if (!ds_config_begin(&storage_program, &sources, &settings, &config, &exit_code)) {
        return exit_code;
    }
    exit_code = storage_config_complete(config, &settings);
    if (exit_code == DS_EXIT_OK && ds_config_wish(config) == DS_CONFIG_PRINT) {
        ds_config_print(config, &settings, stdout);
    } else if (exit_code == DS_EXIT_OK) {
        ds_log_set_level((enum ds_log_level)settings.log_level);
        exit_code = serve(&settings, &sources);
    }
    ds_config_destroy(config);
    return exit_code;
}
