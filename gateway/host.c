#include "gateway/host.h"

#include "ds/exit_code.h"
#include "ds/loopback.h"
#include "gateway/cors.h"
#include "http/endpoint.h"
#include "http/proxies.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STORAGE_SERVICE "deltastream.storage.v1.Storage"

const char *const gateway_switch_choices[] = {"off", "on", NULL};

static void listen_by_default(struct ds_arena *arena, struct gateway_settings *settings)
{
    const bool is_six = strchr(settings->host, ':') != NULL && settings->host[0] != '[';
    const char **items = ds_arena_alloc(arena, sizeof(items[0]));
    items[0] = ds_arena_printf(arena, is_six ? "[%s]:%" PRId64 : "%s:%" PRId64, settings->host,
                               settings->port);
    settings->listen = (struct ds_text_list){.items = items, .count = 1};
}

/* NULL where all are well-formed, else the item that has one that is not. */
static const char *wrong_origin(const struct ds_text_list *items)
{
    for (size_t i = 0; i < items->count; i++) {
        struct ds_bytes list = ds_bytes_of_text(items->items[i]);
        struct ds_bytes origin;
        while (http_list_next(&list, ',', &origin)) {
            if (origin.size > 0 && !cors_origin_is_well_formed(origin)) {
                return items->items[i];
            }
        }
    }
    return NULL;
}

int gateway_settings_complete(struct ds_config *config, const void *options,
                              struct gateway_settings *settings)
{
    if (settings->listen.count == 0) {
        listen_by_default(ds_config_arena(config), settings);
    }
    size_t wrong = 0;
    struct http_proxies *proxies = http_proxies_create(settings->trusted_proxies.items,
                                                       settings->trusted_proxies.count, &wrong);
    if (proxies == NULL) {
        return ds_config_refuse(config, options, "trusted-proxy",
                                "\"%s\" is neither an address nor a network, such as 10.0.0.0/8",
                                settings->trusted_proxies.items[wrong]);
    }
    http_proxies_destroy(proxies);
    const char *origin = wrong_origin(&settings->cors_origins);
    if (origin != NULL) {
        return ds_config_refuse(
            config, options, "cors-origin",
            "\"%s\" is not what a browser calls an origin: SCHEME://HOST[:PORT] "
            "in lower case, without a path and without the scheme's own port, "
            "such as https://app.example.com, or *",
            origin);
    }
    for (size_t i = 0; i < settings->listen.count; i++) {
        const char *listen = settings->listen.items[i];
        if (!http_endpoint_is_well_formed(listen)) {
            return ds_config_refuse(config, options, "listen",
                                    "\"%s\" is not of the form HOST:PORT or HOST:PORT=NAME, such "
                                    "as 127.0.0.1:8080",
                                    listen);
        }
        if (settings->anonymous == DS_ANONYMOUS_WRITE && !ds_address_is_loopback(listen)) {
            return ds_config_refuse(
                config, options, "anonymous",
                "whoever reaches %s could write without credentials; use read or none there, or "
                "listen on 127.0.0.1",
                listen);
        }
    }
    return DS_EXIT_OK;
}

static struct gateway *create(const struct gateway_settings *settings,
                              struct ds_metrics *const *metrics, size_t metrics_count)
{
    const struct gateway_options options = {
        .name = settings->name,
        .anonymous = ds_anonymous_principal((enum ds_anonymous)settings->anonymous),
        .limits = {.connections_max = (uint32_t)settings->connections_max,
                   .connections_address_max = (uint32_t)settings->connections_address_max,
                   .pipeline_max = (uint32_t)settings->pipeline_max,
                   .request_line_bytes_max = (uint32_t)settings->request_line_bytes_max,
                   .headers_bytes_max = (uint32_t)settings->headers_bytes_max,
                   .header_count_max = (uint32_t)settings->header_count_max,
                   .body_bytes_max = (uint32_t)settings->body_bytes_max,
                   .headers_timeout_ms = (uint32_t)settings->headers_timeout_ms,
                   .body_timeout_ms = (uint32_t)settings->body_timeout_ms,
                   .write_timeout_ms = (uint32_t)settings->write_timeout_ms,
                   .idle_timeout_ms = (uint32_t)settings->idle_timeout_ms},
        .live_clients_max = (uint32_t)settings->live_clients_max,
        .live_queue_events_max = (uint32_t)settings->live_queue_events_max,
        .live_ping_ms = (uint32_t)settings->live_ping_ms,
        .trusted_proxies = settings->trusted_proxies.items,
        .trusted_proxy_count = settings->trusted_proxies.count,
        .cors_origins = settings->cors_origins.items,
        .cors_origin_count = settings->cors_origins.count,
        .gzip = settings->gzip == 1,
        .metrics = metrics,
        .metrics_count = metrics_count,
        .access_log = settings->access_log == 1,
    };
    return gateway_create(&options);
}

static const char *listen_failure(ds_code code)
{
    return code == DS_ALREADY_EXISTS
               ? "the address is in use; name another one with --listen HOST:PORT, where port 0 "
                 "picks a free one"
               : http_endpoint_failure(code);
}

static ds_code listen_everywhere(struct gateway_host *host, const struct gateway_settings *settings,
                                 char *ret_reason)
{
    for (size_t i = 0; i < settings->listen.count; i++) {
        const char *listen = settings->listen.items[i];
        const ds_code code =
            gateway_listen(host->gateway, listen, host->addresses[i], GATEWAY_ADDRESS_BYTES_MAX);
        if (code != DS_OK) {
            snprintf(ret_reason, GATEWAY_REASON_BYTES_MAX, "can't listen at %s: %s", listen,
                     listen_failure(code));
            return code;
        }
        host->listener_count++;
    }
    return DS_OK;
}

static void *run(void *context)
{
    gateway_run(context);
    return NULL;
}

ds_code gateway_host_start(struct gateway_host *host, const struct gateway_settings *settings,
                           struct ds_channel *storage, struct ds_metrics *const *metrics,
                           size_t metrics_count, char ret_reason[GATEWAY_REASON_BYTES_MAX])
{
    *host = (struct gateway_host){.gateway = create(settings, metrics, metrics_count)};
    gateway_add_backend(host->gateway, STORAGE_SERVICE, storage);
    const ds_code code = listen_everywhere(host, settings, ret_reason);
    if (code != DS_OK) {
        gateway_destroy(host->gateway);
        host->gateway = NULL;
        return code;
    }
    if (pthread_create(&host->thread, NULL, run, host->gateway) != 0) {
        gateway_destroy(host->gateway);
        host->gateway = NULL;
        snprintf(ret_reason, GATEWAY_REASON_BYTES_MAX, "can't start a thread");
        return DS_RESOURCE_EXHAUSTED;
    }
    return DS_OK;
}

static void write_metrics(void *context, struct ds_buffer *text)
{
    gateway_write_metrics(context, text);
}

static bool is_ready(void *context)
{
    return gateway_is_ready(context);
}

static bool is_draining(void *context)
{
    return gateway_is_draining(context);
}

void gateway_host_show(const struct gateway_host *host, struct ds_admin_program *program)
{
    program->write_metrics = write_metrics;
    program->is_ready = is_ready;
    program->is_draining = is_draining;
    program->context = host->gateway;
}

void gateway_host_tell_ready(const struct gateway_host *host)
{
    for (size_t i = 0; i < host->listener_count; i++) {
        printf("ready http://%s\n", host->addresses[i]);
    }
    fflush(stdout);
}

void gateway_host_drain(struct gateway_host *host, int grace_ms)
{
    gateway_stop(host->gateway, grace_ms);
    pthread_join(host->thread, NULL);
}

void gateway_host_close(struct gateway_host *host)
{
    gateway_destroy(host->gateway);
    host->gateway = NULL;
}
