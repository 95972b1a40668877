/*
 * Members of a scenario's JSON by name and kind, with complaints that name the place:
 * "flows[2].steps[0].method: …". A member that is absent leaves the value as it is. Every function
 * returns false after a complaint.
 */
#ifndef LOAD_PLAN_READ_JSON_H
#define LOAD_PLAN_READ_JSON_H

#include "clients/load/plan_read.h"
#include "ds/arena.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct plan_reader {
    struct ds_arena *arena; /* of what the plan consists of */
    const char *folder;     /* of the scenario: where its files are looked for */
    char *reason;           /* LOAD_PLAN_REASON_BYTES_MAX */
};

/* The way from the whole scenario to a value; the steps live on the stack. */
struct plan_place {
    const struct plan_place *parent; /* NULL: the scenario itself */
    const char *name;                /* of a member; NULL: an element */
    size_t index;
};

/* Writes the complaint and returns false. */
bool plan_fail(struct plan_reader *reader, const struct plan_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a member of what is at `place`. */
bool plan_fail_member(struct plan_reader *reader, const struct plan_place *place, const char *name,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether `value` is an object with no members but `names` (NULL at the end). */
bool plan_object(struct plan_reader *reader, const struct plan_place *place, const json_t *value,
                 const char *const *names);

/* Texts live as long as the JSON. */
bool plan_text(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
               const char *name, const char **ret_text);
bool plan_boolean(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                  const char *name, bool *ret_value);
bool plan_integer(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                  const char *name, int64_t minimum, int64_t maximum, int64_t *ret_value);
bool plan_number(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                 const char *name, double minimum, double maximum, double *ret_value);
/* A text as load_duration_parse() reads it. */
bool plan_duration(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                   const char *name, int64_t minimum_ns, int64_t *ret_ns);
/* One of `choices` (NULL at the end), by its index. */
bool plan_choice(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
                 const char *name, const char *const *choices, int *ret_choice);
/* An array with at most so many elements; NULL where there is none. */
bool plan_list(struct plan_reader *reader, const struct plan_place *place, const json_t *object,
               const char *name, size_t maximum, const json_t **ret_list);

/* Memory of the plan, cleared; never NULL: what is read is bounded far below the arena's budget. */
void *plan_memory(struct plan_reader *reader, size_t count, size_t size);
const char *plan_copy(struct plan_reader *reader, const char *text);

#endif
