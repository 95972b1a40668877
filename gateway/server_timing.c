#include "gateway/server_timing.h"

#include "ds/number.h"

#define FIELD_BYTES_MAX (64 + 2 * DS_INT_TEXT_MAX)

static size_t put_text(char *target, const char *text, size_t size)
{
    memcpy(target, text, size);
    return size;
}

/* Microseconds as milliseconds with three decimals. */
static size_t put_milliseconds(char *target, uint32_t microseconds)
{
    size_t size = ds_uint64_format(microseconds / 1000, target);
    const uint32_t rest = microseconds % 1000;
    target[size++] = '.';
    target[size++] = (char)('0' + rest / 100);
    target[size++] = (char)('0' + rest / 10 % 10);
    target[size++] = (char)('0' + rest % 10);
    return size;
}

void server_timing_write(struct ds_buffer *head, uint32_t queue_us, uint32_t execution_us)
{
    static const char queue[] = "Server-Timing: queue;dur=";
    static const char call[] = ", call;dur=";
    char *field = (char *)ds_buffer_reserve(head, FIELD_BYTES_MAX);
    size_t size = 0;
    if (field == NULL) {
        return;
    }
    size += put_text(field + size, queue, sizeof queue - 1);
    size += put_milliseconds(field + size, queue_us);
    size += put_text(field + size, call, sizeof call - 1);
    size += put_milliseconds(field + size, execution_us);
    size += put_text(field + size, "\r\n", 2);
    ds_buffer_commit(head, size);
}
