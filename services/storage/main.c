/* deltastream-storaged: the storage service as a daemon. */
#include "admin/daemon.h"
#include "ds/daemon.h"
#include "ds/exit_code.h"
#include "ds/log.h"
#include "ds/process.h"
#include "storage/config.h"
#include "storage/host.h"

#include <unistd.h>

#define NAME "deltastream-storaged"

struct daemon {
    const struct ds_config_sources *sources;
    struct ds_config *config;
    struct storage_config settings;
    struct ds_tls_identity *identity; /* NULL: no address speaks TLS */
    struct storage_host host;
    struct ds_metrics *process_metrics;
    struct ds_admin_daemon *admin;
    char urls[STORAGE_LISTENERS_MAX][STORAGE_URL_BYTES_MAX]; /* in use */
    const char *listeners[STORAGE_LISTENERS_MAX];            /* the same */
};

/* The files may be new ones under the same names. Connections that are there keep what they have.
 */
static void reload_certificate(struct daemon *daemon)
{
    struct ds_tls_identity *identity = NULL;
    struct ds_tls_refusal refusal;
    if (!storage_config_load_identity(&daemon->settings, &identity, &refusal)) {
        ds_log(DS_LOG_ERROR, "certificate_not_reloaded", DS_LOG_TEXT("setting", refusal.setting),
               DS_LOG_TEXT("reason", refusal.reason));
        return;
    }
    if (identity != NULL) {
        ds_rpc_server_set_tls_identity(daemon->host.server, identity);
        ds_tls_identity_release(identity);
        ds_log(DS_LOG_INFO, "certificate_reloaded",
               DS_LOG_TEXT("file", daemon->settings.tls_certificate));
    }
}

/* The log level and what is in the certificate's files alone can change in a running service; a bad
 * file changes nothing. */
static void reload_settings(void *context)
{
    struct daemon *daemon = context;
    struct storage_config settings = {0};
    struct ds_config *config = NULL;
    reload_certificate(daemon);
    char reason[DS_CONFIG_REASON_BYTES_MAX];
    if (ds_config_load(&storage_program, daemon->sources, &settings, &config, reason) != DS_OK) {
        ds_log(DS_LOG_ERROR, "reload_refused", DS_LOG_TEXT("reason", reason));
        return;
    }
    ds_log_set_level((enum ds_log_level)settings.log_level);
    ds_config_take_over(daemon->config, &daemon->settings, "log-level", config, &settings);
    ds_admin_daemon_update(daemon->admin);
    ds_log(DS_LOG_INFO, "reloaded",
           DS_LOG_TEXT("log_level", ds_daemon_log_levels[settings.log_level]));
    ds_config_destroy(config);
}

static bool tell(const char *reason)
{
    fprintf(stderr, NAME ": %s\n", reason);
    return false;
}

static bool listen_everywhere(struct daemon *daemon)
{
    char reason[STORAGE_REASON_BYTES_MAX];
    for (size_t i = 0; i < daemon->settings.listen.count; i++) {
        const char *url = daemon->settings.listen.items[i];
        if (storage_host_listen(&daemon->host, url, daemon->urls[i], reason) != DS_OK) {
            return tell(reason);
        }
        daemon->listeners[i] = daemon->urls[i];
    }
    return true;
}

/* Before the listeners, which tell of it. */
static bool publish_everywhere(struct daemon *daemon)
{
    char reason[STORAGE_REASON_BYTES_MAX];
    for (size_t i = 0; i < daemon->settings.events.count; i++) {
        const char *url = daemon->settings.events.items[i];
        if (storage_host_publish(&daemon->host, url, reason) != DS_OK) {
            return tell(reason);
        }
    }
    return true;
}

static void write_metrics(void *context, struct ds_buffer *text)
{
    const struct daemon *daemon = context;
    ds_metrics_write(ds_rpc_server_metrics(daemon->host.server), text);
    ds_metrics_write(daemon->process_metrics, text);
}

static bool is_ready(void *context)
{
    const struct daemon *daemon = context;
    return ds_rpc_server_is_ready(daemon->host.server);
}

static bool is_draining(void *context)
{
    const struct daemon *daemon = context;
    return ds_rpc_server_is_draining(daemon->host.server);
}

static bool start_admin(struct daemon *daemon)
{
    const struct ds_admin_daemon_options options = {
        .address = daemon->settings.admin,
        .program = {.name = NAME,
                    .listeners = daemon->listeners,
                    .listener_count = daemon->settings.listen.count,
                    .server = daemon->host.server,
                    .write_metrics = write_metrics,
                    .is_ready = is_ready,
                    .is_draining = is_draining,
                    .context = daemon},
        .config = daemon->config,
        .settings = &daemon->settings};
    char reason[DS_ADMIN_REASON_BYTES_MAX];
    return ds_admin_daemon_start(&options, &daemon->admin, reason) == DS_OK || tell(reason);
}

static void tell_ready(const struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->settings.listen.count; i++) {
        printf("ready %s\n", daemon->urls[i]);
    }
    fflush(stdout);
    ds_daemon_notify("READY=1");
}

static int serve(struct daemon *daemon)
{
    const struct storage_config *settings = &daemon->settings;
    const struct storage_host_options options = {.data_dir = settings->data_dir,
                                                 .server_name = NAME "/" DS_VERSION,
                                                 .anonymous =
                                                     (enum ds_anonymous)settings->anonymous,
                                                 .retention = settings->rules,
                                                 .rpc_limits = settings->rpc_limits,
                                                 .rate_limit = settings->rate_limit,
                                                 .call_log = settings->call_log,
                                                 .identity = daemon->identity};
    char reason[STORAGE_REASON_BYTES_MAX];
    if (storage_host_open(&options, &daemon->host, reason) != DS_OK) {
        (void)tell(reason);
        return DS_EXIT_ERROR;
    }
    daemon->process_metrics = ds_process_metrics_create(NAME);
    const bool started =
        publish_everywhere(daemon) && listen_everywhere(daemon) && start_admin(daemon);
    if (started) {
        tell_ready(daemon);
        ds_daemon_wait_for_stop(reload_settings, daemon);
        ds_daemon_limit_stop(DS_DAEMON_STOP_MS_MAX);
        ds_daemon_notify("STOPPING=1");
    }
    storage_host_drain(&daemon->host, started ? DS_DAEMON_GRACE_MS : 0);
    ds_admin_daemon_stop(daemon->admin);
    storage_host_close(&daemon->host);
    ds_metrics_destroy(daemon->process_metrics);
    return started ? DS_EXIT_OK : DS_EXIT_ERROR;
}

static int serve_with_identity(struct daemon *daemon)
{
    struct ds_tls_refusal refusal;
    if (!storage_config_load_identity(&daemon->settings, &daemon->identity, &refusal)) {
        return ds_config_refuse(daemon->config, &daemon->settings, refusal.setting, "%s",
                                refusal.reason);
    }
    const int exit_code = serve(daemon);
    ds_tls_identity_release(daemon->identity);
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
    if (!ds_config_begin(&storage_program, &sources, &daemon.settings, &daemon.config,
                         &exit_code)) {
        return exit_code;
    }
    exit_code = storage_config_complete(daemon.config, &daemon.settings);
    if (exit_code == DS_EXIT_OK && ds_config_wish(daemon.config) == DS_CONFIG_PRINT) {
        ds_config_print(daemon.config, &daemon.settings, stdout);
    } else if (exit_code == DS_EXIT_OK) {
        ds_log_set_level((enum ds_log_level)daemon.settings.log_level);
        ds_log_start();
        (void)ds_daemon_allow_connections((uint64_t)daemon.settings.rpc_limits.connections_max *
                                          daemon.settings.listen.count);
        exit_code = serve_with_identity(&daemon);
    }
    ds_config_destroy(daemon.config);
    return exit_code;
}
