#include "gateway/tables.h"

struct gateway_tables gateway_tables_default(void)
{
    return (struct gateway_tables){
        .nodes = route_nodes,
        .bindings = route_bindings,
        .binding_count = route_binding_count,
        .services = ds_services,
        .service_count = ds_service_count,
        .messages = ds_messages,
        .message_count = ds_message_count,
    };
}

static const struct ds_message *find_type(const void *context, struct ds_bytes full_name)
{
    const struct gateway_tables *tables = context;
    return ds_message_find_among(tables->messages, tables->message_count,
                                 (const char *)full_name.data, full_name.size);
}

struct ds_json_types gateway_tables_types(const struct gateway_tables *tables)
{
    return (struct ds_json_types){.find = find_type, .context = tables};
}
