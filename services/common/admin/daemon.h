/* The admin listener of a daemon: the common pages, its settings, its place in start and stop. */
#ifndef ADMIN_DAEMON_H
#define ADMIN_DAEMON_H

#include "admin/pages.h"
#include "ds/config.h"

#define DS_ADMIN_REASON_BYTES_MAX 512

struct ds_admin_daemon;

struct ds_admin_daemon_options {
    const char *address;             /* NULL or "": no listener */
    struct ds_admin_program program; /* without its settings */
    const struct ds_config *config;
    const void *settings; /* the struct that the config filled */
};

/* DS_EXIT_OK where the setting "admin", whose value is `address`, is usable or not given; else the
 * exit code after telling on stderr. */
int ds_admin_setting_check(const struct ds_config *config, const void *settings,
                           const char *address);

/*
 * Starts the listener where one is asked for, and writes a line "admin http://HOST:PORT" to stdout,
 * which is to come before the lines "ready". NULL in ret_daemon where there is none. On failure
 * ret_reason tells a person why.
 */
DS_MUST_USE ds_code ds_admin_daemon_start(const struct ds_admin_daemon_options *options,
                                          struct ds_admin_daemon **ret_daemon,
                                          char ret_reason[DS_ADMIN_REASON_BYTES_MAX]);

/* The settings have changed. On the thread that the config belongs to. Takes NULL. */
void ds_admin_daemon_update(struct ds_admin_daemon *daemon);

/* Takes NULL. */
void ds_admin_daemon_stop(struct ds_admin_daemon *daemon);

#endif
