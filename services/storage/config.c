#include "storage/config.h"

#include "admin/daemon.h"
#include "ds/anonymous.h"
#include "ds/exit_code.h"
#include "ds/loopback.h"
#include "ds/paths.h"
#include "ds/setting_rows.h"
#include "storage/host.h"

#include <stddef.h>
#include <string.h>

#define IPC_SCHEME "ipc://"

static const struct ds_setting settings_table[] = {
    DS_DATA_DIR_SETTING(storage_config, "where everything is kept"),
    {.name = "listen",
     .environment = {"DS_LISTEN"},
     .kind = DS_SETTING_LIST,
     .argument = "URL",
     .help = "where to serve: ipc:///path, tcp://127.0.0.1:port with port 0 for a free one, or "
             "tls+tcp://host:port; may be repeated [ipc://DATA/run/storage.sock]",
     .offset = offsetof(struct storage_config, listen)},
    {.name = "events",
     .environment = {"DS_EVENTS"},
     .kind = DS_SETTING_LIST,
     .argument = "URL",
     .help = "where to publish accepted rows: as --listen, but for tls+tcp; may be repeated "
             "[ipc://DATA/run/storage-events.sock]",
     .offset = offsetof(struct storage_config, events)},
    DS_TLS_LISTEN_SETTINGS(storage_config, tls_certificate, tls_key),
    DS_STORE_SETTING(storage_config),
    STORAGE_RETENTION_SETTINGS(storage_config, retention),
    {.name = "anonymous",
     .environment = {"DS_ANONYMOUS"},
     .kind = DS_SETTING_CHOICE,
     .argument = "none|read|write",
     .default_text = "write",
     .choices = ds_anonymous_choices,
     .help = "what a caller without credentials may do; write on loopback listeners only",
     .offset = offsetof(struct storage_config, anonymous)},
    DS_RPC_LIMIT_SETTINGS(storage_config, rpc_limits),
    DS_RPC_RATE_SETTINGS(storage_config, rate_limit),
    DS_CALL_LOG_SETTINGS(storage_config, call_log),
    DS_ADMIN_SETTING(storage_config),
    DS_LOG_LEVEL_SETTING(storage_config, "info",
                         "debug, info, warning or error; SIGHUP reads it anew"),
};

const struct ds_program storage_program = {
    .name = "deltastream-storaged",
    .summary = "The storage service of DeltaStream.",
    .examples = "  deltastream-storaged\n"
                "  deltastream-storaged --data-dir /srv/deltastream --listen "
                "ipc:///srv/deltastream/run/storage.sock \\\n"
                "      --listen tcp://127.0.0.1:9003\n"
                "  deltastream-storaged --retain ticks=30d --retain quotes=7d --retain "
                "quotes/NIFTY=90d\n",
    .settings = settings_table,
    .setting_count = sizeof(settings_table) / sizeof(settings_table[0]),
};

/* Where the list is empty it becomes that URL. */
static void listen_by_default(struct ds_arena *arena, const char *url, struct ds_text_list *urls)
{
    if (urls->count == 0) {
        const char **items = ds_arena_alloc(arena, sizeof(items[0]));
        items[0] = url;
        *urls = (struct ds_text_list){.items = items, .count = 1};
    }
}

/* DS_EXIT_OK, or the exit code after telling what is wrong with the setting of that name. */
static int check_urls(struct ds_config *config, struct storage_config *settings, const char *name,
                      const struct ds_text_list *urls)
{
    if (urls->count > STORAGE_LISTENERS_MAX) {
        return ds_config_refuse(config, settings, name, "at most %d addresses",
                                STORAGE_LISTENERS_MAX);
    }
    for (size_t i = 0; i < urls->count; i++) {
        const char *refusal = storage_listen_refusal(urls->items[i]);
        if (refusal != NULL) {
            return ds_config_refuse(config, settings, name, "\"%s\": %s", urls->items[i], refusal);
        }
    }
    return DS_EXIT_OK;
}

/* The same rule as the gateway's: writing is not offered to a network. */
static int check_reach(struct ds_config *config, struct storage_config *settings)
{
    for (size_t i = 0; i < settings->listen.count; i++) {
        const char *url = settings->listen.items[i];
        if (ds_url_is_tls(url) && settings->anonymous == DS_ANONYMOUS_WRITE &&
            !ds_address_is_loopback(url + strlen(DS_TLS_SCHEME))) {
            return ds_config_refuse(config, settings, "anonymous",
                                    "whoever reaches %s could write without credentials; use read "
                                    "or none there",
                                    url);
        }
    }
    return DS_EXIT_OK;
}

/* A PUB socket does not know who listens, so it would have to trust a network: no refusal may speak
 * of TLS here, as those of --listen do. And where callers without credentials may not read rows,
 * users of the machine are not shown them either. */
static int check_events(struct ds_config *config, struct storage_config *settings)
{
    for (size_t i = 0; i < settings->events.count; i++) {
        const char *url = settings->events.items[i];
        const bool is_ipc = strncmp(url, IPC_SCHEME, strlen(IPC_SCHEME)) == 0;
        if (ds_url_is_tls(url) || (!is_ipc && storage_listen_refusal(url) != NULL)) {
            return ds_config_refuse(config, settings, "events",
                                    "\"%s\": events are published at ipc:///path or "
                                    "tcp://127.0.0.1:port",
                                    url);
        }
        if (!is_ipc && settings->anonymous == DS_ANONYMOUS_NONE) {
            return ds_config_refuse(config, settings, "events",
                                    "\"%s\": every user of this machine could read rows there, "
                                    "which --anonymous none forbids; publish at ipc:///path",
                                    url);
        }
    }
    return check_urls(config, settings, "events", &settings->events);
}

static int check_listeners(struct ds_config *config, struct storage_config *settings)
{
    int exit_code = check_urls(config, settings, "listen", &settings->listen);
    if (exit_code == DS_EXIT_OK) {
        exit_code = check_reach(config, settings);
    }
    return exit_code != DS_EXIT_OK ? exit_code : check_events(config, settings);
}

static bool wants_tls(const struct storage_config *settings)
{
    for (size_t i = 0; i < settings->listen.count; i++) {
        if (ds_url_is_tls(settings->listen.items[i])) {
            return true;
        }
    }
    return false;
}

bool storage_config_load_identity(const struct storage_config *settings,
                                  struct ds_tls_identity **ret_identity,
                                  struct ds_tls_refusal *ret_refusal)
{
    const struct ds_tls_identity_files files = {.certificate = settings->tls_certificate,
                                                .key = settings->tls_key};
    *ret_identity = NULL;
    return !wants_tls(settings) || ds_tls_identity_load(&files, ret_identity, ret_refusal) == DS_OK;
}

int storage_config_complete(struct ds_config *config, struct storage_config *settings)
{
    struct ds_arena *arena = ds_config_arena(config);
    if (settings->data_dir[0] == '\0') {
        return ds_config_refuse(config, settings, "data-dir", "name a folder");
    }
    settings->data_dir = ds_absolute_path(arena, settings->data_dir);
    listen_by_default(arena, ds_storage_url(arena, settings->data_dir), &settings->listen);
    listen_by_default(arena, ds_storage_events_url(arena, settings->data_dir), &settings->events);
    const char *refusal = storage_store_refusal(settings->store);
    if (refusal != NULL) {
        return ds_config_refuse(config, settings, "store", "%s", refusal);
    }
    int exit_code = check_listeners(config, settings);
    if (exit_code != DS_EXIT_OK) {
        return exit_code;
    }
    exit_code = ds_admin_setting_check(config, settings, settings->admin);
    return exit_code != DS_EXIT_OK ? exit_code
                                   : storage_retention_complete(
                                         config, settings, &settings->retention, &settings->rules);
}
