/* The settings of deltastream-storaged. */
#ifndef STORAGE_CONFIG_H
#define STORAGE_CONFIG_H

#include "ds/config.h"
#include "ds/rpc_server.h"
#include "storage/retention.h"

struct storage_config {
    const char *data_dir;
    struct ds_text_list listen;
    struct ds_text_list events;
    const char *store;
    const char *tls_certificate;
    const char *tls_key;
    const char *admin;
    struct storage_retention_settings retention;
    struct ds_rpc_limits rpc_limits;
    struct ds_rpc_rate_limit rate_limit;
    struct ds_call_log call_log;
    int anonymous;                  /* enum ds_anonymous */
    int log_level;                  /* enum ds_log_level */
    struct storage_retention rules; /* filled by storage_config_complete() */
};

extern const struct ds_program storage_program;

/* Checks what the table can't, and fills in what follows from other settings. DS_EXIT_OK, or the
 * exit code after telling on stderr. */
int storage_config_complete(struct ds_config *config, struct storage_config *settings);

/* What tls+tcp addresses show; NULL where there are none. False where the files are no good. */
bool storage_config_load_identity(const struct storage_config *settings,
                                  struct ds_tls_identity **ret_identity,
                                  struct ds_tls_refusal *ret_refusal);

#endif
