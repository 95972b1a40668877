#include "gateway/live_query.h"

#include "http/target.h"

/* One pair of the query, decoded. */
struct parameter {
    struct ds_bytes name;
    struct ds_bytes value;
};

typedef bool (*take_fn)(void *context, const struct parameter *parameter,
                        struct problem *ret_problem);

static bool refuse(struct problem *ret_problem, ds_reason reason, struct ds_bytes name,
                   const char *detail)
{
    problem_set(ret_problem, reason, "%.*s: %s", (int)name.size, (const char *)name.data, detail);
    (void)problem_add(ret_problem, PROBLEM_AT_PARAMETER, name, detail);
    return false;
}

/* What is decoded into `text` is never longer than the query. */
static struct ds_bytes decode(struct ds_bytes raw, struct ds_buffer *text)
{
    const size_t start = text->size;
    http_target_decode(raw, false, true, text);
    return ds_bytes_of(text->data + start, text->size - start);
}

static bool read_pairs(struct ds_bytes query, take_fn take, void *context, struct ds_buffer *text,
                       struct problem *ret_problem)
{
    struct ds_bytes pair;
    while (http_list_next(&query, '&', &pair)) {
        if (pair.size == 0) {
            continue;
        }
        const uint8_t *equals = memchr(pair.data, '=', pair.size);
        const size_t name_bytes = equals == NULL ? pair.size : (size_t)(equals - pair.data);
        const size_t value_at = equals == NULL ? pair.size : name_bytes + 1;
        const struct parameter parameter = {
            .name = decode(ds_bytes_of(pair.data, name_bytes), text),
            .value = decode(ds_bytes_of(pair.data + value_at, pair.size - value_at), text),
        };
        if (!take(context, &parameter, ret_problem)) {
            return false;
        }
    }
    return true;
}

static bool read_query(const struct http_request *request, take_fn take, void *context,
                       struct problem *ret_problem)
{
    if (request->query.size == 0) {
        return true;
    }
    struct ds_buffer text;
    ds_buffer_init(&text, request->query.size);
    /* At once, so that the views stay. */
    (void)ds_buffer_reserve(&text, request->query.size);
    const bool is_read = read_pairs(request->query, take, context, &text, ret_problem);
    ds_buffer_deinit(&text);
    return is_read;
}

struct stream_query {
    struct key_set *keys;
    struct live_id *behind;
    bool has_behind;
};

static bool take_keys(struct key_set *keys, const struct parameter *parameter,
                      struct problem *ret_problem)
{
    struct ds_bytes rest = parameter->value;
    for (bool more = true; more;) {
        const uint8_t *comma = rest.size == 0 ? NULL : memchr(rest.data, ',', rest.size);
        const size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
        const char *fault = key_set_add(keys, ds_bytes_of(rest.data, size));
        if (fault != NULL) {
            return refuse(ret_problem, DS_REASON(INVALID_REQUEST), parameter->name, fault);
        }
        more = comma != NULL;
        ds_bytes_skip(&rest, size + (more ? 1 : 0));
    }
    return true;
}

static bool take_stream(void *context, const struct parameter *parameter,
                        struct problem *ret_problem)
{
    struct stream_query *query = context;
    if (ds_bytes_equal_text(parameter->name, "keys")) {
        return take_keys(query->keys, parameter, ret_problem);
    }
    if (!ds_bytes_equal_text(parameter->name, "last_event_id")) {
        return refuse(ret_problem, DS_REASON(UNKNOWN_PARAMETER), parameter->name,
                      "this path takes keys and last_event_id");
    }
    if (query->has_behind) {
        return refuse(ret_problem, DS_REASON(INVALID_REQUEST), parameter->name, "it came before");
    }
    query->has_behind = true;
    if (!live_id_read(parameter->value, query->behind)) {
        return refuse(ret_problem, DS_REASON(INVALID_REQUEST), parameter->name,
                      "send the id of an event as it came, EPOCH-SEQUENCE");
    }
    return true;
}

bool live_query_read_stream(const struct http_request *request, struct key_set *keys,
                            struct live_id *ret_behind, struct problem *ret_problem)
{
    struct stream_query query = {.keys = keys, .behind = ret_behind};
    return read_query(request, take_stream, &query, ret_problem);
}

static bool take_websocket(void *context, const struct parameter *parameter,
                           struct problem *ret_problem)
{
    bool *shows_credentials = context;
    if (!ds_bytes_equal_text(parameter->name, "ticket") &&
        !ds_bytes_equal_text(parameter->name, "token")) {
        return refuse(ret_problem, DS_REASON(UNKNOWN_PARAMETER), parameter->name,
                      "this path takes ticket and token; keys are subscribed to by messages");
    }
    *shows_credentials = true;
    return true;
}

bool live_query_read_websocket(const struct http_request *request, bool *ret_shows_credentials,
                               struct problem *ret_problem)
{
    return read_query(request, take_websocket, ret_shows_credentials, ret_problem);
}
