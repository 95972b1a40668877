/* One setting's value between text and the program's options; config.c's own helper. */
#ifndef DS_CONFIG_VALUE_H
#define DS_CONFIG_VALUE_H

#include "ds/config.h"

#define DS_SETTING_WANTED_BYTES_MAX 256

/*
 * Writes the value of `text` to its place in `options`; not for lists. False: ret_wanted says what
 * the setting takes, and `options` is untouched.
 */
bool ds_setting_parse(const struct ds_setting *setting, const char *text, void *options,
                      char ret_wanted[DS_SETTING_WANTED_BYTES_MAX]);

/* The value as text that ds_setting_parse() reads; secrets and passwords in URLs are masked. Lists
 * give their item of that index. Never NULL. */
const char *ds_setting_show(const struct ds_setting *setting, const void *options, size_t index,
                            struct ds_arena *arena);

/* `text` as it may be shown: a secret is hidden, and so is what stands before @ in a URL. */
const char *ds_setting_mask(const struct ds_setting *setting, const char *text,
                            struct ds_arena *arena);

#endif
