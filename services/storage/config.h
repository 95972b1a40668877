/* The settings of deltastream-storaged. */
#ifndef STORAGE_CONFIG_H
#define STORAGE_CONFIG_H

#include "ds/config.h"
#include "ds/rpc_server.h"
#include "storage/retention.h"

struct storage_config {
    const char *data_dir;
    struct ds_text_list listen;
    const char *store;
    struct storage_retention_settings retention;
    struct ds_rpc_limits rpc_limits;
    int anonymous;                  /* enum ds_anonymous */
    int log_level;                  /* enum ds_log_level */
    struct storage_retention rules; /* filled by storage_config_complete() */
};

extern const struct ds_program storage_program;

/* Checks what the table can't, and fills in what follows from other settings. DS_EXIT_OK, or the
 * exit code after telling on stderr. */
int storage_config_complete(struct ds_config *config, struct storage_config *settings);

#endif
