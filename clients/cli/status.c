#include "clients/cli/status.h"

#include "clients/cli/fields.h"
#include "clients/cli/plain_text.h"
#include "ds/exit_code.h"

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

/* A status on its way to a stream. */
struct print {
    FILE *stream;
    const char *code;    /* its name */
    const char *message; /* what has been told already */
};

static ds_code print_violation(void *context, uint32_t number, struct ds_bytes value)
{
    const struct print *print = context;
    if (number != BAD_REQUEST_FIELD_VIOLATIONS) {
        return DS_OK;
    }
    struct pair violation = {0};
    DS_TRY(fields_each(value, take_pair, &violation));
    if (ds_bytes_equal(violation.second, ds_bytes_of_text(print->message))) {
        return DS_OK;
    }
    fputs("  ", print->stream);
    plain_text_write(print->stream, violation.first);
    fputs(": ", print->stream);
    plain_text_write(print->stream, violation.second);
    fputc('\n', print->stream);
    return DS_OK;
}

/* Of a bad request the message says more than its reason does. */
static bool is_reason_told(const struct print *print, struct ds_bytes reason)
{
    return ds_bytes_equal(reason, ds_bytes_of_text(print->code)) ||
           ds_bytes_equal(reason, ds_bytes_of_text("INVALID_REQUEST"));
}

static ds_code print_reason(struct ds_bytes error_info, const struct print *print)
{
    struct pair info = {0};
    DS_TRY(fields_each(error_info, take_pair, &info));
    if (is_reason_told(print, info.first)) {
        return DS_OK;
    }
    fputs("  reason: ", print->stream);
    plain_text_write(print->stream, info.first);
    fputc('\n', print->stream);
    return DS_OK;
}

static bool ends_with(struct ds_bytes text, const char *end)
{
    const size_t end_bytes = strlen(end);
    return text.size >= end_bytes && memcmp(text.data + text.size - end_bytes, end, end_bytes) == 0;
}

static ds_code print_detail(void *context, uint32_t number, struct ds_bytes value)
{
    struct print *print = context;
    if (number != STATUS_DETAILS) {
        return DS_OK;
    }
    struct pair any = {0};
    DS_TRY(fields_each(value, take_pair, &any));
    if (ends_with(any.first, "/google.rpc.BadRequest")) {
        return fields_each(any.second, print_violation, print);
    }
    if (ends_with(any.first, "/google.rpc.ErrorInfo")) {
        return print_reason(any.second, print);
    }
    return DS_OK;
}

void status_print(FILE *stream, ds_code code, const char *message, struct ds_bytes details)
{
    fprintf(stream, "deltastream: %s", ds_code_name(code));
    if (message[0] != '\0') {
        fputs(": ", stream);
        plain_text_write(stream, ds_bytes_of_text(message));
    }
    fputc('\n', stream);
    struct print print = {.stream = stream, .code = ds_code_name(code), .message = message};
    if (fields_each(details, print_detail, &print) != DS_OK) {
        fputs("  (the reply's details are damaged)\n", stream);
    }
}

int status_exit_code(const struct answer *answer)
{
    if (answer->code != DS_RESOURCE_EXHAUSTED) {
        return ds_exit_code_of(answer->code);
    }
    /* Of what there is too little, only the capacity of the moment comes back by waiting. */
    const bool passes =
        answer->reason == DS_REASON(SERVER_BUSY) || answer->reason == DS_REASON(RATE_LIMITED);
    return passes ? DS_EXIT_RATE_LIMITED : DS_EXIT_ERROR;
}
