/* gateway/system_routes.def as a list. */
#ifndef COMPILER_SYSTEM_ROUTES_H
#define COMPILER_SYSTEM_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

struct system_route_row {
    const char *symbol;
    const char *path;
    const char *media_type;
    const char *summary;
    bool is_live; /* LIVE_ROUTE */
};

extern const struct system_route_row system_route_rows[];
extern const size_t system_route_row_count;

#endif
