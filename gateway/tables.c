#include "gateway/tables.h"

struct gateway_tables gateway_tables_default(void)
{
    return (struct gateway_tables){
        .nodes = route_nodes,
        .bindings = route_bindings,
        .binding_count = route_binding_count,
        .services = ds_services,
        .service_count = ds_service_count,
    };
}
