#include "clients/c/client.h"

#include "clients/c/fork.h"
#include "ds/log.h"
#include "schema.gen.h"

#include <assert.h>
#include <stdlib.h>

#define OPTIONS_BYTES_MAX (1024 * 1024)
#define PERMISSIONS_MAX 16
#define RETRY_ATTEMPTS 4
#define RETRY_INITIAL_BACKOFF_MS 100
#define RETRY_BACKOFF_MS_MAX 5000
#define RETRY_JITTER 0.2
#define RETRY_TOKENS_MAX 100

/* Above all levels. */
#define LOG_LEVEL_NONE ((enum ds_log_level)(DS_LOG_ERROR + 1))

#define OR_DEFAULT(value, otherwise) ((value) != 0 ? (value) : (otherwise))

/* The structs as the first release had them. */
#define CLIENT_OPTIONS_BYTES_MIN sizeof(struct deltastream_client_options)
#define RETRY_POLICY_BYTES_MIN sizeof(struct deltastream_retry_policy)
#define PRINCIPAL_BYTES_MIN sizeof(struct deltastream_principal)
#define TRAFFIC_BYTES_MIN sizeof(struct deltastream_traffic)

/* A library writes nothing to its program's stderr, unless it is asked to. */
static void log_level_set(void)
{
    enum ds_log_level level = LOG_LEVEL_NONE;
    const char *name = getenv("DELTASTREAM_LOG");
    if (name == NULL || ds_log_level_parse(name, &level) != DS_OK) {
        level = LOG_LEVEL_NONE;
    }
    ds_log_set_level(level);
}

static const char *copy_text(struct ds_arena *arena, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    const char *copy = ds_arena_copy_text(arena, text, strlen(text));
    if (copy == NULL) {
        abort();
    }
    return copy;
}

static bool retry_take(const struct deltastream_retry_policy *given,
                       struct ds_retry_policy *ret_policy)
{
    struct deltastream_retry_policy policy;
    if (!struct_take(&policy, sizeof policy, RETRY_POLICY_BYTES_MIN, given)) {
        return false;
    }
    *ret_policy = (struct ds_retry_policy){
        .attempts_max = OR_DEFAULT(policy.attempts_max, RETRY_ATTEMPTS),
        .initial_backoff_ms = OR_DEFAULT(policy.initial_backoff_ms, RETRY_INITIAL_BACKOFF_MS),
        .backoff_ms_max = OR_DEFAULT(policy.backoff_ms_max, RETRY_BACKOFF_MS_MAX),
        .backoff_multiplier = policy.backoff_multiplier,
        .jitter = policy.jitter > 0 ? policy.jitter : RETRY_JITTER,
        .retryable_codes = OR_DEFAULT(policy.retryable_codes, DS_RETRY_ON(DS_UNAVAILABLE)),
        .reads_only = policy.reads_only,
        .tokens_max = OR_DEFAULT(policy.tokens_max, RETRY_TOKENS_MAX),
    };
    return true;
}

static bool has_permission(const char *const *permissions, size_t count, const char *permission)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(permissions[i], permission) == 0) {
            return true;
        }
    }
    return false;
}

/* Every permission that a method asks for. */
static size_t permissions_collect(const char *permissions[PERMISSIONS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < ds_service_count; i++) {
        for (size_t k = 0; k < ds_services[i]->method_count && count < PERMISSIONS_MAX; k++) {
            const char *permission = ds_services[i]->methods[k].permission;
            if (!has_permission(permissions, count, permission)) {
                permissions[count++] = permission;
            }
        }
    }
    return count;
}

/* NULL where it is good, else what is wrong with it. */
static const char *principal_take(struct ds_arena *arena, const struct deltastream_principal *given,
                                  const struct ds_principal **ret_principal)
{
    struct deltastream_principal principal;
    if (!struct_take(&principal, sizeof principal, PRINCIPAL_BYTES_MIN, given)) {
        return "principal: struct_size is not that of this release or an earlier one";
    }
    if (principal.subject == NULL || principal.subject[0] == '\0') {
        return "principal: the subject is missing";
    }
    if (principal.permissions != NULL && principal.permission_count > PERMISSIONS_MAX) {
        return "principal: there are at most 16 permissions";
    }
    const char **permissions = ds_arena_zalloc(arena, PERMISSIONS_MAX * sizeof permissions[0]);
    struct ds_principal *own = ds_arena_zalloc(arena, sizeof *own);
    size_t count = principal.permission_count;
    if (principal.permissions == NULL) {
        count = permissions_collect(permissions);
    } else {
        for (size_t i = 0; i < count; i++) {
            permissions[i] = copy_text(arena, principal.permissions[i]);
        }
    }
    *own = (struct ds_principal){
        .subject = copy_text(arena, principal.subject),
        .authentication_method = principal.authentication_method != NULL
                                     ? copy_text(arena, principal.authentication_method)
                                     : "none",
        .permissions = permissions,
        .permission_count = count,
    };
    *ret_principal = own;
    return NULL;
}

/* NULL where the addresses may be tried, else what is wrong. */
static const char *urls_refusal(const struct deltastream_client_options *options)
{
    if ((options->url != NULL) == (options->url_count > 0)) {
        return "name either url or urls with url_count";
    }
    if (options->url_count > DELTASTREAM_URLS_MAX) {
        return "there are at most 16 urls";
    }
    if (options->balancing != DELTASTREAM_PICK_FIRST &&
        options->balancing != DELTASTREAM_ROUND_ROBIN) {
        return "balancing: no such way";
    }
    for (size_t i = 0; i < options->url_count; i++) {
        if (options->urls == NULL || options->urls[i] == NULL) {
            return "urls: one of them is NULL";
        }
    }
    return NULL;
}

/* What the channel would refuse too, but without a word. */
static ds_code tls_check(const struct ds_tls_options *tls, const char *url, char *ret_message,
                         size_t message_bytes)
{
    struct ds_tls_trust *trust = NULL;
    struct ds_tls_refusal refusal;
    if (!ds_url_is_tls(url)) {
        return DS_OK;
    }
    const ds_code code = ds_tls_trust_load(tls, url, &trust, &refusal);
    if (code == DS_OK) {
        ds_tls_trust_destroy(trust);
        return DS_OK;
    }
    const bool is_address = strcmp(refusal.setting, "connect") == 0;
    message_write(ret_message, message_bytes, "%s: %s", is_address ? "url" : refusal.setting,
                  refusal.reason);
    return is_address ? DS_INVALID_ARGUMENT : DS_FAILED_PRECONDITION;
}

static ds_code channel_open(struct deltastream_client *client,
                            const struct deltastream_client_options *options,
                            const struct ds_retry_policy *retry, char *ret_message,
                            size_t message_bytes)
{
    const struct ds_tls_options tls = {.ca_file = copy_text(client->arena, options->tls_ca_file),
                                       .server_name =
                                           copy_text(client->arena, options->tls_server_name)};
    const char *const *urls = options->url_count > 0 ? options->urls : &options->url;
    client->url_count = options->url_count > 0 ? options->url_count : 1;
    client->tls = tls;
    client->url = copy_text(client->arena, urls[0]);
    for (size_t i = 0; i < client->url_count; i++) {
        DS_TRY(tls_check(&tls, urls[i], ret_message, message_bytes));
    }
    const struct ds_channel_options channel_options = {
        .url = urls[0],
        .tls = &tls,
        .urls = urls,
        .url_count = client->url_count > 1 ? client->url_count : 0,
        .balancing = (enum ds_balancing)options->balancing,
        .health_interval_ms = options->health_interval_ms,
        .health_timeout_ms = options->health_timeout_ms,
        .retry = retry,
        .compress = options->compress,
    };
    const ds_code code = ds_channel_open(&channel_options, &client->channel);
    if (code != DS_OK) {
        const bool is_alone = client->url_count == 1;
        const char *quote = is_alone ? "\"" : "";
        message_write(ret_message, message_bytes,
                      "url: %s%s%s is not of the form ipc:///path, tcp://host:port or "
                      "tls+tcp://host:port",
                      quote, is_alone ? urls[0] : "one of urls", quote);
    }
    return code;
}

static void client_destroy(struct deltastream_client *client)
{
    ds_channel_close(client->channel);
    pthread_mutex_destroy(&client->mutex);
    free(client->authorization);
    ds_arena_destroy(client->arena);
    free(client);
    fork_note_close();
}

static ds_code client_fill(struct deltastream_client *client,
                           const struct deltastream_client_options *options, char *ret_message,
                           size_t message_bytes)
{
    struct ds_retry_policy retry;
    const char *wrong = urls_refusal(options);
    if (wrong == NULL && options->retry != NULL && !retry_take(options->retry, &retry)) {
        wrong = "retry: struct_size is not that of this release or an earlier one";
    }
    if (wrong == NULL && options->principal != NULL) {
        wrong = principal_take(client->arena, options->principal, &client->principal);
    }
    if (wrong != NULL) {
        message_write(ret_message, message_bytes, "%s", wrong);
        return DS_INVALID_ARGUMENT;
    }
    client->timeout_ms = options->timeout_ms;
    deltastream_client_set_authorization(client, options->authorization);
    return channel_open(client, options, options->retry != NULL ? &retry : NULL, ret_message,
                        message_bytes);
}

enum deltastream_code deltastream_client_open(const struct deltastream_client_options *given,
                                              struct deltastream_client **ret_client,
                                              char *ret_message, size_t message_bytes)
{
    assert(given != NULL && ret_client != NULL);
    fork_mind();
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, log_level_set);
    struct deltastream_client_options options;
    if (!struct_take(&options, sizeof options, CLIENT_OPTIONS_BYTES_MIN, given)) {
        message_write(ret_message, message_bytes,
                      "struct_size is not that of this release or an earlier one");
        return DELTASTREAM_INVALID_ARGUMENT;
    }
    struct deltastream_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        abort();
    }
    pthread_mutex_init(&client->mutex, NULL);
    client->arena = ds_arena_create(OPTIONS_BYTES_MAX);
    fork_note_open();
    const ds_code code = client_fill(client, &options, ret_message, message_bytes);
    if (code != DS_OK) {
        client_destroy(client);
        return (enum deltastream_code)code;
    }
    *ret_client = client;
    return DELTASTREAM_OK;
}

void deltastream_client_close(struct deltastream_client *client)
{
    assert(!thread_is_in_callback());
    if (client != NULL && !fork_is_orphan) { /* Its connections are the parent's. */
        client_destroy(client);
    }
}

void deltastream_client_set_authorization(struct deltastream_client *client,
                                          const char *authorization)
{
    char *copy = NULL;
    fork_mind();
    if (authorization != NULL) {
        copy = strdup(authorization);
        if (copy == NULL) {
            abort();
        }
    }
    pthread_mutex_lock(&client->mutex);
    char *old = client->authorization;
    client->authorization = copy;
    atomic_store_explicit(&client->has_authorization, copy != NULL, memory_order_release);
    pthread_mutex_unlock(&client->mutex);
    free(old);
}

enum deltastream_state deltastream_client_state(struct deltastream_client *client)
{
    fork_mind();
    return (enum deltastream_state)ds_channel_state(client->channel);
}

enum deltastream_state deltastream_client_replica_state(struct deltastream_client *client,
                                                        size_t place)
{
    assert(place < client->url_count);
    fork_mind();
    return client->url_count == 1
               ? deltastream_client_state(client)
               : (enum deltastream_state)ds_channel_endpoint_state(client->channel, place);
}

enum deltastream_code deltastream_client_traffic(struct deltastream_client *client,
                                                 struct deltastream_traffic *ret_traffic)
{
    fork_mind();
    const struct ds_channel_traffic traffic = ds_channel_traffic(client->channel);
    const struct deltastream_traffic known = {.messages = traffic.messages,
                                              .calls = traffic.calls,
                                              .compressed_calls = traffic.compressed_calls,
                                              .repeated_calls = traffic.repeated_calls};
    return struct_give(ret_traffic, &known, sizeof known, TRAFFIC_BYTES_MIN)
               ? DELTASTREAM_OK
               : DELTASTREAM_INVALID_ARGUMENT;
}

void deltastream_client_flush(struct deltastream_client *client)
{
    fork_mind();
    ds_channel_flush(client->channel);
}
