#include "clients/cli/status.h"

#include "clients/cli/fields.h"

#include <string.h>

/* Numbers of fields in google/rpc/status.proto and google/rpc/error_details.proto. */
enum {
    STATUS_DETAILS = 3,
    BAD_REQUEST_FIELD_VIOLATIONS = 1,
};

/* Fields 1 and 2: type_url and value of an Any, field and description of a FieldViolation, reason
 * and domain of an ErrorInfo. */
struct pair {
    struct ds_bytes first;
    struct ds_bytes second;
};

static ds_code take_pair(void *context, uint32_t number, struct ds_bytes value)
{
    struct pair *pair = context;
    if (number == 1) {
        pair->first = value;
    } else if (number == 2) {
        pair->second = value;
    }
    return DS_OK;
}

/* Text of a service is shown without what would steer the terminal. */
static void print_text(FILE *stream, struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.data[i];
        fputc(byte < 0x20 || byte == 0x7F ? ' ' : byte, stream);
    }
}

static ds_code print_violation(void *context, uint32_t number, struct ds_bytes value)
{
    FILE *stream = context;
    if (number != BAD_REQUEST_FIELD_VIOLATIONS) {
        return DS_OK;
    }
    struct pair violation = {0};
    DS_TRY(fields_each(value, take_pair, &violation));
    fputs("  ", stream);
    print_text(stream, violation.first);
    fputs(": ", stream);
    print_text(stream, violation.second);
    fputc('\n', stream);
    return DS_OK;
}

static ds_code print_reason(struct ds_bytes error_info, FILE *stream)
{
    struct pair info = {0};
    DS_TRY(fields_each(error_info, take_pair, &info));
    fputs("  reason: ", stream);
    print_text(stream, info.first);
    fputc('\n', stream);
    return DS_OK;
}

static bool ends_with(struct ds_bytes text, const char *end)
{
    const size_t end_bytes = strlen(end);
    return text.size >= end_bytes && memcmp(text.data + text.size - end_bytes, end, end_bytes) == 0;
}

static ds_code print_detail(void *context, uint32_t number, struct ds_bytes value)
{
    FILE *stream = context;
    if (number != STATUS_DETAILS) {
        return DS_OK;
    }
    struct pair any = {0};
    DS_TRY(fields_each(value, take_pair, &any));
    if (ends_with(any.first, "/google.rpc.BadRequest")) {
        return fields_each(any.second, print_violation, stream);
    }
    if (ends_with(any.first, "/google.rpc.ErrorInfo")) {
        return print_reason(any.second, stream);
    }
    return DS_OK;
}

void status_print(FILE *stream, ds_code code, const char *message, struct ds_bytes details)
{
    fprintf(stream, "deltastream: %s", ds_code_name(code));
    if (message[0] != '\0') {
        fputs(": ", stream);
        print_text(stream, ds_bytes_of_text(message));
    }
    fputc('\n', stream);
    if (fields_each(details, print_detail, stream) != DS_OK) {
        fputs("  (the reply's details are damaged)\n", stream);
    }
}
