/* The schema that a gateway serves: the program's own, unless somebody hands it another. */
#ifndef GATEWAY_TABLES_H
#define GATEWAY_TABLES_H

#include "ds/json.h"
#include "gateway/routes.h"

struct gateway_tables {
    const struct route_node *nodes; /* nodes[0] is the root */
    const struct route_binding *bindings;
    size_t binding_count;
    const struct ds_service *const *services; /* those that may have a backend */
    size_t service_count;
    const struct ds_message *const *messages; /* that a google.protobuf.Any may hold, by name */
    size_t message_count;
};

/* What the generator made of proto/. */
struct gateway_tables gateway_tables_default(void);

/* What a google.protobuf.Any may hold; `tables` outlives it. */
struct ds_json_types gateway_tables_types(const struct gateway_tables *tables);

#endif
