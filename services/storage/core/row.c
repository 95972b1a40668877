#include "storage/core/row.h"

#include "storage/core/moment.h"

#include <stdio.h>

void row_check_fail(struct row_check *check, const char *format, ...)
{
    if (check->code != DS_OK) {
        return;
    }
    char text[ROW_FAULT_BYTES_MAX];
    int size = 0;
    if (check->list != NULL) {
        size = snprintf(text, sizeof(text), "%s[%zu].", check->list, check->index);
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + size, sizeof(text) - (size_t)size, format, arguments);
    va_end(arguments);
    check->fault = ds_arena_copy_text(check->arena, text, strlen(text));
    check->code = check->fault != NULL ? DS_INVALID_ARGUMENT : DS_RESOURCE_EXHAUSTED;
}

void row_check_moment(struct row_check *check, const char *field,
                      const Google__Protobuf__Timestamp *moment)
{
    if (moment == NULL) {
        return;
    }
    if (!moment_is_valid(moment)) {
        row_check_fail(check, "%s must be in the years 1970 to 9999", field);
    } else if (moment->seconds < 0) {
        row_check_fail(check, "%s must not be before 1970", field);
    } else if (!moment_is_whole_us(moment)) {
        row_check_fail(check, "%s must not be finer than a microsecond", field);
    }
}

Google__Protobuf__Timestamp *row_processed_at(Google__Protobuf__Timestamp *sent, int64_t now_us,
                                              Google__Protobuf__Timestamp *room)
{
    if (sent != NULL) {
        return sent;
    }
    google__protobuf__timestamp__init(room);
    moment_set_us(room, now_us);
    return room;
}

ds_code row_pack(struct ds_arena *arena, const ProtobufCMessage *message, size_t bytes_max,
                 struct ds_bytes *ret_value, const char **ret_fault)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    if (size > bytes_max) {
        struct row_check check = {.arena = arena};
        row_check_fail(&check, "the row must have at most %zu bytes", bytes_max);
        return row_check_end(&check, ret_fault);
    }
    uint8_t *packed = ds_arena_alloc(arena, size);
    if (packed == NULL) {
        return DS_RESOURCE_EXHAUSTED;
    }
    *ret_value = ds_bytes_of(packed, protobuf_c_message_pack(message, packed));
    return DS_OK;
}
