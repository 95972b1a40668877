/*
 * Members of JSON objects by name and kind, with complaints that name the place:
 * "flows[2].steps[0].method: …". The first complaint is the one that counts; every function returns
 * false after one.
 */
#ifndef LOAD_MEMBERS_H
#define LOAD_MEMBERS_H

#include "ds/arena.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define MEMBER_REASON_BYTES_MAX 512

struct member_reader {
    struct ds_arena *arena; /* of what is made of the JSON */
    const char *folder;     /* where files that it names are looked for; NULL: in the current one */
    char *reason;           /* MEMBER_REASON_BYTES_MAX */
    /* Every member that is asked for must be there; else one that is not leaves the value as it
     * is. Complaints then say what a member "must be" instead of what it "takes". */
    bool requires_all;
    bool has_failed;
};

/* The way from the whole text to a value; the steps live on the stack. */
struct member_place {
    const struct member_place *parent; /* NULL: the whole itself */
    const char *name;                  /* of a member; NULL: an element */
    size_t index;
};

/* Writes the complaint and returns false. */
bool place_fail(struct member_reader *reader, const struct member_place *place, const char *format,
                ...) __attribute__((format(printf, 3, 4)));

/* The same for a member of what is at `place`. */
bool member_fail(struct member_reader *reader, const struct member_place *place, const char *name,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same, saying what would do: "a text in quotes". */
bool member_expect(struct member_reader *reader, const struct member_place *place, const char *name,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether `value` is an object with no members but `names` (NULL at the end). */
bool place_object(struct member_reader *reader, const struct member_place *place,
                  const json_t *value, const char *const *names);

/* Texts live as long as the JSON. */
bool member_text(struct member_reader *reader, const struct member_place *place,
                 const json_t *object, const char *name, const char **ret_text);
bool member_boolean(struct member_reader *reader, const struct member_place *place,
                    const json_t *object, const char *name, bool *ret_value);
bool member_integer(struct member_reader *reader, const struct member_place *place,
                    const json_t *object, const char *name, int64_t minimum, int64_t maximum,
                    int64_t *ret_value);
bool member_number(struct member_reader *reader, const struct member_place *place,
                   const json_t *object, const char *name, double minimum, double maximum,
                   double *ret_value);
/* A text as load_duration_parse() reads it. */
bool member_duration(struct member_reader *reader, const struct member_place *place,
                     const json_t *object, const char *name, int64_t minimum_ns, int64_t *ret_ns);
/* One of `choices` (NULL at the end), by its index. */
bool member_choice(struct member_reader *reader, const struct member_place *place,
                   const json_t *object, const char *name, const char *const *choices,
                   int *ret_choice);
/* An array with at most so many elements; NULL where there is none. */
bool member_list(struct member_reader *reader, const struct member_place *place,
                 const json_t *object, const char *name, size_t maximum, const json_t **ret_list);

/* Memory of the arena, cleared; never NULL: what is read is bounded far below its budget. */
void *reader_memory(struct member_reader *reader, size_t count, size_t size);
const char *reader_copy(struct member_reader *reader, const char *text);

#endif
