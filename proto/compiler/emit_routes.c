#include "emit.h"

#include <inttypes.h>
#include <string.h>

/* Bindings are numbered as they stand in routes->bindings; what belongs to one has its number. */

static void field_reference_write(FILE *file, const struct output *output,
                                  const struct field *field)
{
    fprintf(file, "&%sds_fields_%s[%td]", output->prefix, field->parent->symbol,
            field - field->parent->fields);
}

static void variables_write(FILE *file, const struct output *output, const struct binding *binding,
                            size_t number)
{
    const struct path_template *template = &binding->template;
    for (size_t i = 0; i < template->variable_count; i++) {
        fprintf(file, "\nstatic const struct ds_field *const field_path_%zu_%zu[] = {\n", number,
                i);
        for (size_t j = 0; j < binding->variables[i].depth; j++) {
            fputs("    ", file);
            field_reference_write(file, output, binding->variables[i].path[j]);
            fputs(",\n", file);
        }
        fputs("};\n", file);
    }
    fprintf(file, "\nstatic const struct route_variable variables_%zu[] = {\n", number);
    for (size_t i = 0; i < template->variable_count; i++) {
        const struct template_variable *variable = &template->variables[i];
        const bool is_multiple = variable->segment_count > 1 || variable->has_rest;
        fprintf(file,
                "    {.field_path = field_path_%zu_%zu, .field_depth = %zu, .segment_first = %zu,\n"
                "     .segment_count = %zu, .multiple = %s},\n",
                number, i, binding->variables[i].depth, variable->segment_first,
                variable->has_rest ? 0 : variable->segment_count, is_multiple ? "true" : "false");
    }
    fputs("};\n", file);
}

static void binding_write(FILE *file, const struct output *output, const struct binding *binding,
                          size_t number)
{
    const struct service *service = binding->method->service;
    fprintf(file, "    {.method = &%sds_methods_%s[%td],\n     .path_template = ", output->prefix,
            service->symbol, binding->method - service->methods);
    output_literal(file, binding->path);
    if (binding->template.variable_count > 0) {
        fprintf(file, ",\n     .variables = variables_%zu,\n     .variable_count = %zu", number,
                binding->template.variable_count);
    }
    if (binding->body_field != NULL) {
        fputs(",\n     .body_field = ", file);
        field_reference_write(file, output, binding->body_field);
    }
    if (binding->response_field != NULL) {
        fputs(",\n     .response_field = ", file);
        field_reference_write(file, output, binding->response_field);
    }
    if (binding->mask_field != NULL) {
        fputs(",\n     .mask_field = ", file);
        field_reference_write(file, output, binding->mask_field);
    }
    fprintf(file,
            ",\n     .success_status = %" PRIu32 ",\n     .http_method = HTTP_METHOD_%s,\n"
            "     .body = %d,\n     .profile = %" PRIu32 "},\n",
            binding->success_status, http_method_name(binding->http_method), (int)binding->body,
            binding->profile);
}

static void bindings_write(FILE *file, const struct output *output, const struct routes *routes)
{
    for (size_t i = 0; i < routes->binding_count; i++) {
        if (routes->bindings[i].template.variable_count > 0) {
            variables_write(file, output, &routes->bindings[i], i);
        }
    }
    fprintf(file, "\nconst struct route_binding %sroute_bindings[] = {\n", output->prefix);
    for (size_t i = 0; i < routes->binding_count; i++) {
        binding_write(file, output, &routes->bindings[i], i);
    }
    fprintf(file, "    {0},\n};\nconst size_t %sroute_binding_count = %zu;\n", output->prefix,
            routes->binding_count);
}

static void leaves_write(FILE *file, const struct output *output, const struct routes *routes,
                         size_t number)
{
    const struct node *node = &routes->nodes[number];
    fprintf(file, "\nstatic const struct route_leaf leaves_%zu[] = {\n", number);
    for (size_t i = 0; i < node->leaf_count; i++) {
        const struct leaf *leaf = &node->leaves[i];
        fputs("    {.verb = ", file);
        output_literal(file, leaf->example->template.verb);
        fputs(", .bindings = {\n", file);
        for (unsigned int method = 0; method < HTTP_METHOD_COUNT; method++) {
            if (leaf->bindings[method] != NULL) {
                fprintf(file, "        [HTTP_METHOD_%s] = &%sroute_bindings[%td],\n",
                        http_method_name((enum http_method)method), output->prefix,
                        leaf->bindings[method] - routes->bindings);
            }
        }
        fputs("    }},\n", file);
    }
    fputs("};\n", file);
}

static void edges_write(FILE *file, const struct routes *routes, size_t number)
{
    const struct node *node = &routes->nodes[number];
    fprintf(file, "\nstatic const struct route_edge edges_%zu[] = {\n", number);
    for (size_t i = 0; i < node->edge_count; i++) {
        fputs("    {.segment = ", file);
        output_literal(file, node->edges[i].literal);
        fprintf(file, ", .segment_bytes = %zu, .node = %zu},\n", strlen(node->edges[i].literal),
                node->edges[i].node);
    }
    fputs("};\n", file);
}

static void child_write(FILE *file, const char *name, size_t child)
{
    if (child == ROUTE_NO_NODE) {
        fprintf(file, ", .%s = ROUTE_NO_NODE", name);
    } else {
        fprintf(file, ", .%s = %zu", name, child);
    }
}

static void nodes_write(FILE *file, const struct output *output, const struct routes *routes)
{
    fprintf(file, "\nconst struct route_node %sroute_nodes[] = {\n", output->prefix);
    for (size_t i = 0; i < routes->node_count; i++) {
        const struct node *node = &routes->nodes[i];
        fprintf(file, "    {.edge_count = %zu, .leaf_count = %zu", node->edge_count,
                node->leaf_count);
        if (node->edge_count > 0) {
            fprintf(file, ", .edges = edges_%zu", i);
        }
        if (node->leaf_count > 0) {
            fprintf(file, ", .leaves = leaves_%zu", i);
        }
        child_write(file, "star", node->star);
        child_write(file, "rest", node->rest);
        fputs("},\n", file);
    }
    fprintf(file, "};\nconst size_t %sroute_node_count = %zu;\n", output->prefix,
            routes->node_count);
}

/* gateway/routes.h declares the tables without a prefix. */
static void tables_declare(FILE *file, const char *prefix)
{
    fprintf(file, "\nextern const struct route_node %sroute_nodes[];\n", prefix);
    fprintf(file, "extern const size_t %sroute_node_count;\n", prefix);
    fprintf(file, "extern const struct route_binding %sroute_bindings[];\n", prefix);
    fprintf(file, "extern const size_t %sroute_binding_count;\n", prefix);
}

void emit_routes(struct output *output, const struct routes *routes)
{
    FILE *file = output_open(output, "routes.gen.c");
    if (file == NULL) {
        return;
    }
    fprintf(file, "#include \"gateway/routes.h\"\n\n#include \"%sschema.gen.h\"\n", output->prefix);
    if (output->prefix[0] != '\0') {
        tables_declare(file, output->prefix);
    }
    bindings_write(file, output, routes);
    for (size_t i = 0; i < routes->node_count; i++) {
        if (routes->nodes[i].edge_count > 0) {
            edges_write(file, routes, i);
        }
        if (routes->nodes[i].leaf_count > 0) {
            leaves_write(file, output, routes, i);
        }
    }
    nodes_write(file, output, routes);
    output_close(output, file, "routes.gen.c");
}
