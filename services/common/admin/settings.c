#include "admin/settings.h"

#include "ds/json_build.h"

#include <pthread.h>
#include <stdlib.h>

#define SETTINGS_BYTES_MAX ((size_t)1024 * 1024)

struct ds_admin_settings {
    pthread_mutex_t mutex; /* guards json */
    struct ds_buffer json;
};

struct ds_admin_settings *ds_admin_settings_create(void)
{
    struct ds_admin_settings *settings = calloc(1, sizeof *settings);
    if (settings == NULL) {
        abort();
    }
    pthread_mutex_init(&settings->mutex, NULL);
    ds_buffer_init(&settings->json, SETTINGS_BYTES_MAX);
    return settings;
}

void ds_admin_settings_destroy(struct ds_admin_settings *settings)
{
    if (settings != NULL) {
        pthread_mutex_destroy(&settings->mutex);
        ds_buffer_deinit(&settings->json);
        free(settings);
    }
}

static void write_setting(void *context, const struct ds_config_view *view)
{
    struct ds_buffer *json = context;
    ds_json_put_open(json, NULL, '{');
    ds_json_put_text(json, "name", view->name);
    if (view->is_list) {
        ds_json_put_open(json, "values", '[');
        for (size_t i = 0; i < view->value_count; i++) {
            ds_json_put_text(json, NULL, view->values[i]);
        }
        ds_json_put_close(json, ']');
    } else {
        ds_json_put_text(json, "value", view->values[0]);
    }
    ds_json_put_text(json, "origin", view->origin);
    ds_json_put_close(json, '}');
}

void ds_admin_settings_set(struct ds_admin_settings *settings, const struct ds_config *config,
                           const void *options)
{
    pthread_mutex_lock(&settings->mutex);
    ds_buffer_clear(&settings->json);
    ds_config_visit(config, options, write_setting, &settings->json);
    pthread_mutex_unlock(&settings->mutex);
}

void ds_admin_settings_write(struct ds_admin_settings *settings, struct ds_buffer *json)
{
    ds_json_put_open(json, NULL, '{');
    ds_json_put_open(json, "settings", '[');
    pthread_mutex_lock(&settings->mutex);
    ds_buffer_append(json, settings->json.data, settings->json.size);
    pthread_mutex_unlock(&settings->mutex);
    ds_json_put_close(json, ']');
    ds_json_put_close(json, '}');
}
