/* Methods by the names that a person types, and the REST routes that lead to them. */
#ifndef CLI_METHOD_FIND_H
#define CLI_METHOD_FIND_H

#include "ds/schema.h"

/* By its full or its short name; NULL after telling on stderr what there is. */
const struct ds_method *method_find(const char *name);

/* The same without a word; NULL also where several have the short name. ret_nearest (NULL: not
 * wanted) gets the short name that is nearest to it, or NULL. */
const struct ds_method *method_find_quietly(const char *name, const char **ret_nearest);

typedef void (*method_route_fn)(void *context, const char *verb, const char *path,
                                const char *profile);

/* Calls `take` for each route; `profile` is "" for the canonical ones. */
void method_routes_each(const struct ds_method *method, method_route_fn take, void *context);

#endif
