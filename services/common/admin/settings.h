/* The settings in force, as a page shows them. */
#ifndef ADMIN_SETTINGS_H
#define ADMIN_SETTINGS_H

#include "ds/buffer.h"
#include "ds/config.h"

struct ds_admin_settings;

/* Never NULL; shows nothing until ds_admin_settings_set(). Takes NULL for destroy. */
struct ds_admin_settings *ds_admin_settings_create(void);
void ds_admin_settings_destroy(struct ds_admin_settings *settings);

/* What is in force now, secrets masked; at the start, and after each change. On the thread that
 * the config belongs to. */
void ds_admin_settings_set(struct ds_admin_settings *settings, const struct ds_config *config,
                           const void *options);

/* Appends {"settings":[{"name","value" or "values","origin"}]}. Any thread. */
void ds_admin_settings_write(struct ds_admin_settings *settings, struct ds_buffer *json);

#endif
