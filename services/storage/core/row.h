/* What rows of all kinds share: rules that name their field, and the form of the value. */
#ifndef STORAGE_CORE_ROW_H
#define STORAGE_CORE_ROW_H

#include "ds/arena.h"
#include "ds/bytes.h"
#include "ds/code.h"
#include "google/protobuf/timestamp.pb-c.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* Of the text of a fault, with its terminator. */
#define ROW_FAULT_BYTES_MAX 512

/* A row while its rules are gone through: the first fault stays, and what is behind it is not
 * looked at any more. */
struct row_check {
    struct ds_arena *arena;
    const char *list;  /* of an element: the list's name; NULL: the row itself */
    size_t index;      /* of an element: its place in the list */
    const char *fault; /* NULL: none so far */
    ds_code code;      /* DS_OK, DS_INVALID_ARGUMENT, or DS_RESOURCE_EXHAUSTED of the arena */
};

/* Puts the element's place before the text: "calls[3].bid must not be negative". */
void row_check_fail(struct row_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes NULL: no fault. */
static inline void row_check_text(struct row_check *check, const char *fault)
{
    if (fault != NULL) {
        row_check_fail(check, "%s", fault);
    }
}

static inline void row_check_present(struct row_check *check, const char *field, bool is_present)
{
    if (!is_present) {
        row_check_fail(check, "%s is missing", field);
    }
}

/* An absent number is 0 in the struct of a message, and passes all of these but the last. */
static inline void row_check_finite(struct row_check *check, const char *field, double number)
{
    if (!isfinite(number)) {
        row_check_fail(check, "%s must be a finite number", field);
    }
}

static inline void row_check_not_negative(struct row_check *check, const char *field, double number)
{
    row_check_finite(check, field, number);
    if (number < 0) {
        row_check_fail(check, "%s must not be negative", field);
    }
}

static inline void row_check_count(struct row_check *check, const char *field, int64_t count)
{
    if (count < 0) {
        row_check_fail(check, "%s must not be negative", field);
    }
}

static inline void row_check_positive(struct row_check *check, const char *field, double number)
{
    row_check_finite(check, field, number);
    if (number <= 0) {
        row_check_fail(check, "%s must be greater than 0", field);
    }
}

/* A time that may be stored: from 1970 on, in whole microseconds. NULL passes. */
void row_check_moment(struct row_check *check, const char *field,
                      const Google__Protobuf__Timestamp *moment);

/* The check's end: its code, with the fault where there is one. */
static inline ds_code row_check_end(const struct row_check *check, const char **ret_fault)
{
    if (check->code != DS_OK) {
        *ret_fault = check->fault;
    }
    return check->code;
}

/* When a row that is to be stored was processed: what its sender says, else now, in `room`. */
Google__Protobuf__Timestamp *row_processed_at(Google__Protobuf__Timestamp *sent, int64_t now_us,
                                              Google__Protobuf__Timestamp *room);

/* Packs into the arena; the code as row_check's. */
DS_MUST_USE ds_code row_pack(struct ds_arena *arena, const ProtobufCMessage *message,
                             size_t bytes_max, struct ds_bytes *ret_value, const char **ret_fault);

#endif
