#include "system_routes.h"

const struct system_route_row system_route_rows[] = {
#define SYSTEM_ROUTE(symbol, path, type, subtype, summary)                                         \
    {#symbol, path, type "/" subtype, summary, false},
#define LIVE_ROUTE(symbol, path, type, subtype, summary)                                           \
    {#symbol, path, type "/" subtype, summary, true},
#include "gateway/system_routes.def"
#undef SYSTEM_ROUTE
};

const size_t system_route_row_count = sizeof system_route_rows / sizeof system_route_rows[0];
