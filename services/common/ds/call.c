#include "ds/rpc_call.h"
#include "ds/utf8.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

#include <stdio.h>

#define TYPE_PREFIX "type.googleapis.com/"
/* ErrorInfo, BadRequest, RetryInfo, and the service's own. */
#define STATUS_DETAILS_MAX (3 + DS_FAILURE_DETAILS_MAX)
#define VIOLATIONS_MAX 64
/* For a failure's text and details, beyond the call's budget: what used that up is often the
 * failure. */
#define FAILURE_RESERVE_BYTES 65536
#define OUT_OF_BUDGET "the request needs more memory than a call may use"

bool ds_principal_may(const struct ds_principal *principal, const char *permission)
{
    for (size_t i = 0; i < principal->permission_count; i++) {
        if (strcmp(principal->permissions[i], permission) == 0) {
            return true;
        }
    }
    return false;
}

struct ds_arena *ds_call_arena(struct ds_call *call)
{
    return call->arena;
}

const struct ds_method *ds_call_method(const struct ds_call *call)
{
    return call->method;
}

const struct ds_clock *ds_call_clock(const struct ds_call *call)
{
    return call->clock;
}

const struct ds_principal *ds_call_principal(const struct ds_call *call)
{
    return &call->principal;
}

const char *ds_call_authorization(const struct ds_call *call)
{
    return call->request.authorization;
}

const char *ds_call_peer(const struct ds_call *call)
{
    return call->request.peer;
}

int64_t ds_call_deadline_us(const struct ds_call *call)
{
    return call->deadline_us;
}

bool ds_call_is_abandoned(const struct ds_call *call)
{
    return atomic_load_explicit(&call->cancelled, memory_order_relaxed) ||
           ds_clock_monotonic_us(call->clock) >= call->deadline_us;
}

ds_code ds_fail_if_abandoned(struct ds_call *call)
{
    if (!ds_call_is_abandoned(call)) {
        return DS_OK;
    }
    if (atomic_load_explicit(&call->cancelled, memory_order_relaxed)) {
        return ds_fail(call, DS_CANCELLED, "the caller cancelled the call");
    }
    return ds_fail_reason(call, DS_DEADLINE_EXCEEDED, DS_REASON(DEADLINE_EXCEEDED),
                          "the deadline passed before the call was done");
}

bool ds_call_was_executed(const struct ds_call *call)
{
    return call->has_run;
}

size_t ds_call_response_bytes(const struct ds_call *call)
{
    return call->code == DS_OK ? call->response.size : 0;
}

struct ds_buffer *ds_call_raw_response(struct ds_call *call)
{
    call->has_raw_response = true;
    return &call->raw_response;
}

void ds_call_set_retry_after_ms(struct ds_call *call, int32_t retry_after_ms)
{
    call->has_retry_after = true;
    call->retry_after_ms = retry_after_ms;
}

static ds_code fail(struct ds_call *call, ds_code code, ds_reason reason, const char *format,
                    va_list arguments)
{
    if (!call->has_failure_reserve) {
        call->has_failure_reserve = true;
        ds_arena_extend(call->arena, FAILURE_RESERVE_BYTES);
    }
    char *text = ds_arena_vprintf(call->arena, format, arguments);
    if (text != NULL) {
        /* A caller's text that a precision cuts short may end within a character, too. */
        text[ds_utf8_whole_bytes(ds_bytes_of(text, strnlen(text, DS_FAILURE_BYTES_MAX)))] = '\0';
    }
    call->failure = text != NULL ? text : OUT_OF_BUDGET;
    call->reason = reason;
    return code;
}

ds_code ds_fail(struct ds_call *call, ds_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(call, code, DS_REASON(REASON_UNSPECIFIED), format, arguments);
    va_end(arguments);
    return code;
}

ds_code ds_fail_reason(struct ds_call *call, ds_code code, ds_reason reason, const char *format,
                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(call, code, reason, format, arguments);
    va_end(arguments);
    return code;
}

ds_code ds_fail_add(struct ds_call *call, ds_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = ds_arena_vprintf(call->arena, format, arguments);
    va_end(arguments);
    return text == NULL ? code
                        : ds_fail_reason(call, code, call->reason, "%s; %s", call->failure, text);
}

ds_code ds_fail_field(struct ds_call *call, const char *field, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(call, DS_INVALID_ARGUMENT, DS_REASON(INVALID_REQUEST), format, arguments);
    va_end(arguments);
    struct ds_field_violation *violation = ds_arena_zalloc(call->arena, sizeof *violation);
    const char *name = ds_arena_copy_text(call->arena, field, strlen(field));
    if (violation != NULL && name != NULL) {
        *violation = (struct ds_field_violation){
            .field = name, .description = call->failure, .next = call->violations};
        call->violations = violation;
    }
    return DS_INVALID_ARGUMENT;
}

bool ds_fail_detail(struct ds_call *call, const char *full_name, struct ds_bytes message)
{
    const size_t size = strlen(TYPE_PREFIX) + strlen(full_name) + message.size;
    if (call->details == NULL) {
        call->details =
            ds_arena_zalloc(call->arena, DS_FAILURE_DETAILS_MAX * sizeof *call->details);
    }
    if (call->details == NULL || call->detail_count == DS_FAILURE_DETAILS_MAX ||
        size > DS_FAILURE_DETAILS_BYTES_MAX - call->detail_bytes) {
        return false;
    }
    const char *url = ds_arena_printf(call->arena, TYPE_PREFIX "%s", full_name);
    const char *copy = ds_arena_copy_text(call->arena, (const char *)message.data, message.size);
    if (url == NULL || copy == NULL) {
        return false;
    }
    call->details[call->detail_count++] =
        (struct ds_failure_detail){.type_url = url, .message = ds_bytes_of(copy, message.size)};
    call->detail_bytes += size;
    return true;
}

/* Packs `message` into an Any. Returns false when the arena's budget is used up. */
static bool detail_pack(struct ds_call *call, const ProtobufCMessage *message, const char *type_url,
                        Google__Protobuf__Any *ret_any)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = ds_arena_alloc(call->arena, size);
    char *url = ds_arena_copy_text(call->arena, type_url, strlen(type_url));
    if (packed == NULL || url == NULL) {
        return false;
    }
    protobuf_c_message_pack(message, packed);
    google__protobuf__any__init(ret_any);
    ret_any->type_url = url;
    ret_any->value.data = packed;
    ret_any->value.len = size;
    return true;
}

const char *ds_reason_name(ds_reason reason)
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&rpc__reason__descriptor, (int)reason);
    return value != NULL ? value->name : "REASON_UNSPECIFIED";
}

static bool error_info_pack(struct ds_call *call, Google__Protobuf__Any *ret_any)
{
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    info.reason = ds_arena_copy_text(call->arena, ds_reason_name(call->reason),
                                     strlen(ds_reason_name(call->reason)));
    info.domain = ds_arena_copy_text(call->arena, "deltastream", strlen("deltastream"));
    return info.reason != NULL && info.domain != NULL &&
           detail_pack(call, &info.base, TYPE_PREFIX "google.rpc.ErrorInfo", ret_any);
}

static bool bad_request_pack(struct ds_call *call, Google__Protobuf__Any *ret_any)
{
    Google__Rpc__BadRequest__FieldViolation violations[VIOLATIONS_MAX];
    Google__Rpc__BadRequest__FieldViolation *pointers[VIOLATIONS_MAX];
    size_t count = 0;
    for (const struct ds_field_violation *violation = call->violations;
         violation != NULL && count < VIOLATIONS_MAX; violation = violation->next) {
        google__rpc__bad_request__field_violation__init(&violations[count]);
        violations[count].field = (char *)(uintptr_t)violation->field;
        violations[count].description = (char *)(uintptr_t)violation->description;
        pointers[count] = &violations[count];
        count++;
    }
    Google__Rpc__BadRequest bad_request = GOOGLE__RPC__BAD_REQUEST__INIT;
    bad_request.n_field_violations = count;
    bad_request.field_violations = pointers;
    return detail_pack(call, &bad_request.base, TYPE_PREFIX "google.rpc.BadRequest", ret_any);
}

static bool retry_info_pack(struct ds_call *call, Google__Protobuf__Any *ret_any)
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    delay.seconds = call->retry_after_ms / 1000;
    delay.nanos = call->retry_after_ms % 1000 * 1000000;
    Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
    info.retry_delay = &delay;
    return detail_pack(call, &info.base, TYPE_PREFIX "google.rpc.RetryInfo", ret_any);
}

struct ds_bytes ds_call_pack_status(struct ds_call *call)
{
    Google__Protobuf__Any details[STATUS_DETAILS_MAX];
    Google__Protobuf__Any *pointers[STATUS_DETAILS_MAX];
    size_t count = 0;
    if (call->reason != DS_REASON(REASON_UNSPECIFIED) && error_info_pack(call, &details[count])) {
        count++;
    }
    if (call->violations != NULL && bad_request_pack(call, &details[count])) {
        count++;
    }
    if (call->has_retry_after && call->retry_after_ms >= 0 &&
        retry_info_pack(call, &details[count])) {
        count++;
    }
    for (size_t i = 0; i < call->detail_count; i++) {
        Google__Protobuf__Any *any = &details[count++];
        google__protobuf__any__init(any);
        any->type_url = (char *)(uintptr_t)call->details[i].type_url;
        any->value.data = (uint8_t *)(uintptr_t)call->details[i].message.data;
        any->value.len = call->details[i].message.size;
    }
    if (count == 0) {
        return (struct ds_bytes){.data = NULL, .size = 0};
    }
    for (size_t i = 0; i < count; i++) {
        pointers[i] = &details[i];
    }
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    status.code = (int32_t)call->code;
    status.message = (char *)(uintptr_t)call->failure;
    status.n_details = count;
    status.details = pointers;
    const size_t size = google__rpc__status__get_packed_size(&status);
    uint8_t *packed = ds_arena_alloc(call->arena, size);
    if (packed == NULL) {
        return (struct ds_bytes){.data = NULL, .size = 0};
    }
    google__rpc__status__pack(&status, packed);
    return ds_bytes_of(packed, size);
}
