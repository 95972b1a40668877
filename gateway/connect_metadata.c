#include "gateway/connect_metadata.h"

#include "ds/base64.h"
#include "http/reply.h"

#include <stdlib.h>

#define ENTRIES_BYTES (DS_METADATA_ENTRIES_MAX * sizeof(struct ds_metadata_entry))

/* Fields that are HTTP's, Connect's, a proxy's or the gateway's, in the order of strcmp. */
static const char *const own_names[] = {
    "accept",
    "age",
    "allow",
    "alt-svc",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "dnt",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "idempotency-key",
    "idempotency-replayed",
    "keep-alive",
    "last-event-id",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "referrer-policy",
    "retry-after",
    "server",
    "server-timing",
    "set-cookie",
    "strict-transport-security",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-api-key",
    "x-content-type-options",
    "x-real-ip",
    "x-request-id",
};

static const char *const own_prefixes[] = {
    "accept-", "access-control-", "connect-", "content-",     "ds-", "grpc-",
    "if-",     "proxy-",          "sec-",     "x-forwarded-",
};

static int compare_names(const void *name, const void *row)
{
    return strcmp(name, *(const char *const *)row);
}

static bool is_own(const char *name)
{
    for (size_t i = 0; i < sizeof own_prefixes / sizeof *own_prefixes; i++) {
        if (strncmp(name, own_prefixes[i], strlen(own_prefixes[i])) == 0) {
            return true;
        }
    }
    return bsearch(name, own_names, sizeof own_names / sizeof *own_names, sizeof *own_names,
                   compare_names) != NULL;
}

/* What has been taken so far. */
struct taking {
    struct ds_metadata_entry *entries;
    size_t count;
    size_t bytes;  /* of keys and values, as the limit counts them */
    uint8_t *next; /* where the next piece goes; room for what `bytes` leaves, and a little more */
};

static bool refuse_size(struct problem *ret_problem)
{
    problem_set(ret_problem, DS_REASON(HEADERS_TOO_LARGE),
                "the fields that are the call's metadata are more than %d, or have more than %d "
                "bytes",
                DS_METADATA_ENTRIES_MAX, DS_METADATA_BYTES_MAX);
    return false;
}

/* Whether an entry of that size may follow. */
static bool has_room(const struct taking *taking, size_t bytes)
{
    return taking->count < DS_METADATA_ENTRIES_MAX &&
           bytes <= DS_METADATA_BYTES_MAX - taking->bytes;
}

/* The value is in its place. */
static bool add(struct taking *taking, const char *key, size_t value_bytes,
                struct problem *ret_problem)
{
    const struct ds_bytes value = ds_bytes_of(taking->next, value_bytes);
    const char *why = ds_metadata_refusal(key, value);
    if (why != NULL) {
        problem_set(ret_problem, DS_REASON(INVALID_REQUEST), "%.64s: %s", key, why);
        return false;
    }
    taking->entries[taking->count++] = (struct ds_metadata_entry){.key = key, .value = value};
    taking->bytes += strlen(key) + value_bytes;
    taking->next += value_bytes;
    return true;
}

static bool add_text(struct taking *taking, const char *key, struct ds_bytes text,
                     struct problem *ret_problem)
{
    if (!has_room(taking, strlen(key) + text.size)) {
        return refuse_size(ret_problem);
    }
    if (text.size > 0) {
        memcpy(taking->next, text.data, text.size);
    }
    return add(taking, key, text.size, ret_problem);
}

static bool add_binary(struct taking *taking, const char *key, struct ds_bytes base64,
                       struct problem *ret_problem)
{
    size_t size = 0;
    /* Two of its last three bytes may be padding. */
    const size_t size_min = base64.size < 4 ? 0 : base64.size / 4 * 3 - 2;
    if (!has_room(taking, strlen(key) + size_min)) {
        return refuse_size(ret_problem);
    }
    if (!ds_base64_decode(base64, taking->next, &size)) {
        problem_set(ret_problem, DS_REASON(INVALID_REQUEST), "%.64s: the value is not base64", key);
        return false;
    }
    if (!has_room(taking, strlen(key) + size)) {
        return refuse_size(ret_problem);
    }
    return add(taking, key, size, ret_problem);
}

static bool is_binary(const char *key)
{
    const size_t size = strlen(key);
    return size > strlen("-bin") && strcmp(key + size - strlen("-bin"), "-bin") == 0;
}

/* Values in one field are as good as values in several: base64 has no commas. */
static bool add_field(struct taking *taking, const char *key, struct ds_bytes value,
                      struct problem *ret_problem)
{
    struct ds_bytes element;
    if (!is_binary(key)) {
        return add_text(taking, key, value, ret_problem);
    }
    if (value.size == 0) {
        return add_binary(taking, key, value, ret_problem);
    }
    while (http_list_next(&value, ',', &element)) {
        if (!add_binary(taking, key, element, ret_problem)) {
            return false;
        }
    }
    return true;
}

/* Writes the name in lower case; false where it is no key of metadata. */
static bool key_write(struct ds_bytes name, char *key)
{
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t byte = name.data[i];
        const uint8_t lower = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
        if (!(lower >= 'a' && lower <= 'z') && !(lower >= '0' && lower <= '9') && lower != '-' &&
            lower != '_' && lower != '.') {
            return false;
        }
        key[i] = (char)lower;
    }
    key[name.size] = '\0';
    return !is_own(key);
}

static bool take_field(struct taking *taking, const struct http_header *header,
                       struct problem *ret_problem)
{
    if (header->name.size > DS_METADATA_BYTES_MAX - taking->bytes) {
        return refuse_size(ret_problem);
    }
    char *key = (char *)taking->next;
    if (!key_write(header->name, key)) {
        return true;
    }
    const size_t count = taking->count;
    taking->next += header->name.size + 1;
    if (!add_field(taking, key, header->value, ret_problem)) {
        return false;
    }
    if (taking->count == count) {
        taking->next = (uint8_t *)key; /* A list without elements: its room is free again. */
    }
    return true;
}

bool connect_metadata_take(const struct http_request *request, struct ds_buffer *room,
                           struct ds_client_call *call, struct problem *ret_problem)
{
    struct taking taking = {.entries = NULL};
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (header->id != HTTP_HEADER_OTHER) {
            continue;
        }
        if (taking.entries == NULL) {
            uint8_t *memory = ds_buffer_reserve(room, CONNECT_METADATA_ROOM_BYTES);
            taking.entries = (struct ds_metadata_entry *)(void *)memory;
            taking.next = memory + ENTRIES_BYTES;
        }
        if (!take_field(&taking, header, ret_problem)) {
            return false;
        }
    }
    call->metadata = taking.entries;
    call->metadata_count = taking.count;
    return true;
}

void connect_base64_append(struct ds_bytes bytes, struct ds_buffer *text)
{
    const size_t room = ds_base64_text_size(bytes.size);
    char *target = room == 0 ? NULL : (char *)ds_buffer_reserve(text, room);
    if (target != NULL) {
        ds_base64_encode(bytes, target);
        ds_buffer_commit(text, room - (3 - bytes.size % 3) % 3);
    }
}

void connect_metadata_write(const struct ds_client_call *call, struct http_request *request)
{
    struct ds_buffer *head = &request->reply_head;
    for (size_t i = 0; i < call->response_metadata_count; i++) {
        const struct ds_metadata_entry *entry = &call->response_metadata[i];
        if (is_own(entry->key) || ds_metadata_refusal(entry->key, entry->value) != NULL) {
            continue;
        }
        if (is_binary(entry->key)) {
            ds_buffer_append_text(head, entry->key);
            ds_buffer_append(head, ": ", 2);
            connect_base64_append(entry->value, head);
            ds_buffer_append(head, "\r\n", 2);
        } else {
            http_reply_field(request, entry->key, entry->value);
        }
    }
}
