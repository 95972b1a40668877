#include "gateway/problem.h"

#include "http/reply.h"
#include "schema.gen.h"

#include <stdarg.h>
#include <stdio.h>

#define ERROR_CODE_BYTES 64

void problem_set(struct problem *problem, ds_reason reason, const char *format, ...)
{
    problem->reason = reason;
    problem->code = DS_INVALID_ARGUMENT;
    problem->retry_after_ms = 0;
    problem->allow = NULL;
    problem->item_count = 0;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(problem->detail, sizeof problem->detail, format, arguments);
    va_end(arguments);
}

static void copy_text(char *target, size_t target_bytes, struct ds_bytes text)
{
    const size_t size = text.size < target_bytes ? text.size : target_bytes - 1;
    if (size > 0) {
        memcpy(target, text.data, size);
    }
    target[size] = '\0';
}

struct problem_item *problem_add(struct problem *problem, enum problem_place place,
                                 struct ds_bytes name, const char *detail)
{
    if (problem->item_count == PROBLEM_ITEMS_MAX) {
        return NULL;
    }
    struct problem_item *item = &problem->items[problem->item_count++];
    item->place = place;
    item->has_offset = false;
    item->offset = 0;
    item->line = 0;
    copy_text(item->name, sizeof item->name, name);
    copy_text(item->detail, sizeof item->detail, ds_bytes_of_text(detail));
    return item;
}

/* The reason's or the code's name in one case; the number of bytes without the terminator. */
static size_t error_code_of(const struct problem *problem, bool upper,
                            char target[ERROR_CODE_BYTES])
{
    const char *name = ds_code_name(problem->code);
    if (problem->reason != DS_REASON(REASON_UNSPECIFIED)) {
        const struct ds_enum_value *value =
            ds_enum_by_number(&ds_enum_rpc_reason, (int32_t)problem->reason);
        name = value != NULL ? value->name : name;
    }
    size_t size = 0;
    while (name[size] != '\0' && size + 1 < ERROR_CODE_BYTES) {
        const char letter = name[size];
        const bool is_letter = letter >= 'A' && letter <= 'Z';
        target[size++] = is_letter && !upper ? (char)(letter | 0x20) : letter;
    }
    target[size] = '\0';
    return size;
}

/* "unknown_parameter" as "Unknown parameter". */
static void write_title(const struct problem *problem, struct ds_buffer *json)
{
    char title[ERROR_CODE_BYTES];
    const size_t size = error_code_of(problem, false, title);
    for (size_t i = 0; i < size; i++) {
        title[i] = title[i] == '_' ? ' ' : title[i];
    }
    title[0] = title[0] >= 'a' && title[0] <= 'z' ? (char)(title[0] & ~0x20) : title[0];
    ds_json_append_string(json, ds_bytes_of(title, size));
}

static void write_items(const struct problem *problem, struct ds_buffer *json)
{
    static const char *const places[] = {
        [PROBLEM_AT_POINTER] = "{\"pointer\":",
        [PROBLEM_AT_PARAMETER] = "{\"parameter\":",
        [PROBLEM_AT_HEADER] = "{\"header\":",
    };
    ds_buffer_append_byte(json, '[');
    for (size_t i = 0; i < problem->item_count; i++) {
        const struct problem_item *item = &problem->items[i];
        if (i > 0) {
            ds_buffer_append_byte(json, ',');
        }
        ds_buffer_append_text(json, places[item->place]);
        ds_json_append_string(json, ds_bytes_of_text(item->name));
        ds_buffer_append_text(json, ",\"detail\":");
        ds_json_append_string(json, ds_bytes_of_text(item->detail));
        if (item->line > 0) {
            ds_buffer_printf(json, ",\"line\":%zu", item->line);
        }
        if (item->has_offset) {
            ds_buffer_printf(json, ",\"offset\":%zu", item->offset);
        }
        ds_buffer_append_byte(json, '}');
    }
    ds_buffer_append_byte(json, ']');
}

static void write_member(const struct problem *problem, const struct profile *profile,
                         const char *request_id, enum problem_member member, struct ds_buffer *json)
{
    static const char *const names[PROBLEM_MEMBER_COUNT] = {
        [PROBLEM_TYPE] = "\"type\":",
        [PROBLEM_TITLE] = "\"title\":",
        [PROBLEM_STATUS] = "\"status\":",
        [PROBLEM_DETAIL] = "\"detail\":",
        [PROBLEM_ERROR_CODE] = "\"error_code\":",
        [PROBLEM_ERROR] = "\"error\":",
        [PROBLEM_REQUEST_ID] = "\"request_id\":",
        [PROBLEM_ERRORS] = "\"errors\":",
    };
    char error_code[ERROR_CODE_BYTES];
    ds_buffer_append_text(json, names[member]);
    switch (member) {
    case PROBLEM_TYPE:
        (void)error_code_of(problem, false, error_code);
        ds_buffer_printf(json, "\"/problems/%s\"", error_code);
        return;
    case PROBLEM_TITLE:
        write_title(problem, json);
        return;
    case PROBLEM_STATUS:
        ds_buffer_printf(json, "%u", profile_status(profile, problem->reason, problem->code));
        return;
    case PROBLEM_DETAIL:
    case PROBLEM_ERROR:
        ds_json_append_string(json, ds_bytes_of_text(problem->detail));
        return;
    case PROBLEM_ERROR_CODE:
        (void)error_code_of(problem, profile->error_code_upper, error_code);
        ds_buffer_printf(json, "\"%s\"", error_code);
        return;
    case PROBLEM_REQUEST_ID:
        ds_json_append_string(json, ds_bytes_of_text(request_id));
        return;
    default:
        write_items(problem, json);
    }
}

void problem_write(const struct problem *problem, const struct profile *profile,
                   const char *request_id, struct ds_buffer *json)
{
    for (size_t i = 0; i < PROBLEM_MEMBER_COUNT; i++) {
        ds_buffer_append_byte(json, i == 0 ? '{' : ',');
        write_member(problem, profile, request_id, (enum problem_member)profile->members[i], json);
    }
    ds_buffer_append_text(json, "}");
}

void problem_write_message(const struct problem *problem, const char *request_id,
                           struct ds_buffer *json)
{
    const struct profile *profile = profile_of(ROUTE_PROFILE_CANONICAL);
    ds_buffer_append_text(json, "{\"type\":\"error\"");
    for (size_t i = 0; i < PROBLEM_MEMBER_COUNT; i++) {
        if (profile->members[i] != PROBLEM_TYPE) {
            ds_buffer_append_byte(json, ',');
            write_member(problem, profile, request_id, (enum problem_member)profile->members[i],
                         json);
        }
    }
    ds_buffer_append_byte(json, '}');
}

void problem_reply(const struct problem *problem, const struct profile *profile,
                   const char *request_id, struct http_request *request)
{
    const unsigned int status = profile_status(profile, problem->reason, problem->code);
    http_reply_begin(request, status);
    http_reply_field_text(request, "Content-Type", "application/problem+json");
    http_reply_field_text(request, "Cache-Control", "no-store");
    if (problem->allow != NULL) {
        http_reply_field_text(request, "Allow", problem->allow);
    }
    if (status == 401) {
        http_reply_field_text(request, "WWW-Authenticate", "Bearer");
    }
    if (problem->retry_after_ms > 0) {
        /* The field counts whole seconds; a caller that waits too long is better than one that
         * comes back too early. */
        http_reply_field_number(request, "Retry-After",
                                ((uint64_t)problem->retry_after_ms + 999) / 1000);
    }
    problem_write(problem, profile, request_id, &request->reply_body);
}
