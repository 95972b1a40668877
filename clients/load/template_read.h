/* Templates from the JSON of a scenario. */
#ifndef LOAD_TEMPLATE_READ_H
#define LOAD_TEMPLATE_READ_H

#include "clients/load/template.h"

#include <jansson.h>

#define LOAD_TEMPLATE_DEPTH_MAX 64

/*
 * Makes a template of a body. Texts may have places; one that is nothing but the place of a
 * generator of numbers becomes a number. {"$repeat": 100, "$of": VALUE} stands for a list of as
 * many values, each a row of its own. NULL: ret_reason says what is wrong.
 */
const struct load_template *load_template_of_json(struct ds_arena *arena, const json_t *value,
                                                  const struct load_names *names,
                                                  char ret_reason[LOAD_TEMPLATE_REASON_BYTES_MAX]);

#endif
