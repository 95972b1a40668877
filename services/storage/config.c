#include "storage/config.h"

#include "ds/anonymous.h"
#include "ds/exit_code.h"
#include "ds/paths.h"
#include "ds/setting_rows.h"
#include "storage/host.h"

#include <stddef.h>

static const struct ds_setting settings_table[] = {
    DS_DATA_DIR_SETTING(storage_config, "where everything is kept"),
    {.name = "listen",
     .environment = {"DS_LISTEN"},
     .kind = DS_SETTING_LIST,
     .argument = "URL",
     .help = "where to serve: ipc:///path, or tcp://127.0.0.1:port with port 0 for a free one; may "
             "be repeated [ipc://DATA/run/storage.sock]",
     .offset = offsetof(struct storage_config, listen)},
    DS_STORE_SETTING(storage_config),
    STORAGE_RETENTION_SETTINGS(storage_config, retention),
    {.name = "anonymous",
     .environment = {"DS_ANONYMOUS"},
     .kind = DS_SETTING_CHOICE,
     .argument = "none|read|write",
     .default_text = "write",
     .choices = ds_anonymous_choices,
     .help = "what a caller without credentials may do",
     .offset = offsetof(struct storage_config, anonymous)},
    DS_RPC_LIMIT_SETTINGS(storage_config, rpc_limits),
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

static void listen_by_default(struct ds_arena *arena, struct storage_config *settings)
{
    const char **items = ds_arena_alloc(arena, sizeof(items[0]));
    items[0] = ds_storage_url(arena, settings->data_dir);
    settings->listen = (struct ds_text_list){.items = items, .count = 1};
}

int storage_config_complete(struct ds_config *config, struct storage_config *settings)
{
    struct ds_arena *arena = ds_config_arena(config);
    if (settings->data_dir[0] == '\0') {
        return ds_config_refuse(config, settings, "data-dir", "name a folder");
    }
    settings->data_dir = ds_absolute_path(arena, settings->data_dir);
    if (settings->listen.count == 0) {
        listen_by_default(arena, settings);
    }
    const char *refusal = storage_store_refusal(settings->store);
    if (refusal != NULL) {
        return ds_config_refuse(config, settings, "store", "%s", refusal);
    }
    if (settings->listen.count > STORAGE_LISTENERS_MAX) {
        return ds_config_refuse(config, settings, "listen", "at most %d addresses",
                                STORAGE_LISTENERS_MAX);
    }
    for (size_t i = 0; i < settings->listen.count; i++) {
        refusal = storage_listen_refusal(settings->listen.items[i]);
        if (refusal != NULL) {
            return ds_config_refuse(config, settings, "listen", "\"%s\": %s",
                                    settings->listen.items[i], refusal);
        }
    }
    return storage_retention_complete(config, settings, &settings->retention, &settings->rules);
}
