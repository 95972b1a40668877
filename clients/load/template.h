/*
 * A text with places "${name}" that each flow fills with values of its own: what earlier replies
 * said (variables) and what a generator gives (generator.h). The constant parts are escaped when
 * the template is made, so that filling copies them. "$${" stands for "${".
 *
 * A template never changes once it is made and lives in the plan's arena: any thread may fill it.
 */
#ifndef LOAD_TEMPLATE_H
#define LOAD_TEMPLATE_H

#include "clients/load/generator.h"
#include "ds/arena.h"
#include "ds/buffer.h"

#include <stdbool.h>

#define LOAD_PLACE_NAME_BYTES_MAX 64
#define LOAD_REPEAT_MAX 100000 /* rows that one "$repeat" makes */

/* How values are written, by where the text goes. Bodies are made by template_read.h. */
enum load_template_form {
    LOAD_FORM_PATH,   /* percent-encoded, but for A-Z a-z 0-9 - . _ ~ */
    LOAD_FORM_HEADER, /* as it is; control characters are refused */
};

struct load_template;

/* What a place may be called: the variables in the order of their numbers, and the generators. */
struct load_names {
    const char *const *variables;
    size_t variable_count;
    const struct load_generators *generators; /* NULL: none */
};

/* Of one filling. The same draw gives the same text, in whatever thread, now and later, as far as
 * no place is a `now` generator's. */
struct load_draw {
    /* Which flow of the whole run this is, from 0: the n-th that thread t of T threads begins (or
     * does not begin for want of room) is n * T + t. All steps of a flow have the same number: a
     * name means one value in all of them. */
    uint64_t flow;
    uint64_t seed;                    /* the plan's */
    int64_t wall_us;                  /* since 1970 */
    const struct ds_bytes *variables; /* load_plan.variable_count; data NULL: not known yet */
};

/*
 * Appends the text. DS_FAILED_PRECONDITION: a variable has no value; DS_INVALID_ARGUMENT: a header
 * would get a control character; DS_RESOURCE_EXHAUSTED: `target` meets its limit. On failure
 * `target` has its old size.
 */
DS_MUST_USE ds_code load_template_fill(const struct load_template *template,
                                       const struct load_draw *draw, struct ds_buffer *target);

/* No place in it: each filling is the same. */
bool load_template_is_constant(const struct load_template *template);

#define LOAD_TEMPLATE_REASON_BYTES_MAX 256

/* Makes a template of a path or a header. NULL: ret_reason says what is wrong. `text` is copied. */
const struct load_template *load_template_of_text(struct ds_arena *arena,
                                                  enum load_template_form form, const char *text,
                                                  const struct load_names *names,
                                                  char ret_reason[LOAD_TEMPLATE_REASON_BYTES_MAX]);

#endif
