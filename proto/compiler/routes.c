#include "routes.h"

#include <stdlib.h>
#include <string.h>

/* Returns the new node's index. Nodes may move: keep indices, not pointers. */
static size_t node_add(struct routes *routes)
{
    routes->nodes =
        memory_grow(routes->memory, routes->nodes, routes->node_count, sizeof *routes->nodes);
    routes->nodes[routes->node_count] = (struct node){.star = ROUTE_NO_NODE, .rest = ROUTE_NO_NODE};
    return routes->node_count++;
}

static size_t literal_child(struct routes *routes, size_t parent, const char *literal)
{
    for (size_t i = 0; i < routes->nodes[parent].edge_count; i++) {
        if (strcmp(routes->nodes[parent].edges[i].literal, literal) == 0) {
            return routes->nodes[parent].edges[i].node;
        }
    }
    const size_t child = node_add(routes);
    struct node *node = &routes->nodes[parent];
    node->edges = memory_grow(routes->memory, node->edges, node->edge_count, sizeof *node->edges);
    node->edges[node->edge_count++] = (struct edge){.literal = literal, .node = child};
    return child;
}

static size_t wildcard_child(struct routes *routes, size_t parent, enum segment_kind kind)
{
    const struct node *node = &routes->nodes[parent];
    const size_t existing = kind == SEGMENT_STAR ? node->star : node->rest;
    if (existing != ROUTE_NO_NODE) {
        return existing;
    }
    const size_t child = node_add(routes);
    if (kind == SEGMENT_STAR) {
        routes->nodes[parent].star = child;
    } else {
        routes->nodes[parent].rest = child;
    }
    return child;
}

static struct leaf *leaf_of(struct routes *routes, struct node *node, const struct binding *binding)
{
    for (size_t i = 0; i < node->leaf_count; i++) {
        if (strcmp(node->leaves[i].example->template.verb, binding->template.verb) == 0) {
            return &node->leaves[i];
        }
    }
    node->leaves =
        memory_grow(routes->memory, node->leaves, node->leaf_count, sizeof *node->leaves);
    node->leaves[node->leaf_count] = (struct leaf){.example = binding};
    return &node->leaves[node->leaf_count++];
}

static void binding_place(struct routes *routes, const struct binding *binding)
{
    const struct path_template *template = &binding->template;
    size_t place = 0;
    for (size_t i = 0; i < template->segment_count; i++) {
        const struct template_segment *segment = &template->segments[i];
        place = segment->kind == SEGMENT_LITERAL ? literal_child(routes, place, segment->literal)
                                                 : wildcard_child(routes, place, segment->kind);
    }
    struct leaf *leaf = leaf_of(routes, &routes->nodes[place], binding);
    const struct binding *other = leaf->bindings[binding->http_method];
    if (other != NULL) {
        complain(routes->complaints, binding->method->service->file->path,
                 binding->method->full_name,
                 "%s %s takes the same requests as %s of %s; change one of the paths",
                 http_method_name(binding->http_method), binding->path, other->path,
                 other->method->full_name);
        return;
    }
    leaf->bindings[binding->http_method] = binding;
}

/* The route of `method` that takes every path of `leaf`, though it ends elsewhere: the one that the
 * matcher would choose if the leaf were not there. */
static const struct binding *fallback_find(const struct routes *routes, const struct leaf *leaf,
                                           enum http_method method)
{
    const struct binding *best = NULL;
    for (size_t i = 0; i < routes->binding_count; i++) {
        const struct binding *binding = &routes->bindings[i];
        if (binding->http_method != method ||
            !template_covers(&binding->template, &leaf->example->template)) {
            continue;
        }
        if (best == NULL || template_precedes(&binding->template, &best->template)) {
            best = binding;
        }
    }
    return best;
}

/*
 * The matcher settles on a path first and looks at the method then. With GET /users/{id} and POST
 * /users/me, a GET of /users/me is the first one's: the leaf of /users/me gets its binding too.
 */
static void leaf_complete(const struct routes *routes, struct leaf *leaf)
{
    for (unsigned int method = 0; method < HTTP_METHOD_COUNT; method++) {
        if (leaf->bindings[method] == NULL) {
            leaf->bindings[method] = fallback_find(routes, leaf, (enum http_method)method);
        }
    }
}

static int edge_compare(const void *a, const void *b)
{
    return strcmp(((const struct edge *)a)->literal, ((const struct edge *)b)->literal);
}

void routes_build(struct routes *routes)
{
    node_add(routes);
    for (size_t i = 0; i < routes->binding_count; i++) {
        binding_place(routes, &routes->bindings[i]);
    }
    if (routes->node_count > ROUTE_NO_NODE) {
        complain(routes->complaints, "routes", "", "more than %d nodes; use fewer literal segments",
                 ROUTE_NO_NODE);
    }
    for (size_t i = 0; i < routes->node_count; i++) {
        struct node *node = &routes->nodes[i];
        if (node->edge_count > 0) {
            qsort(node->edges, node->edge_count, sizeof *node->edges, edge_compare);
        }
        for (size_t j = 0; j < node->leaf_count; j++) {
            leaf_complete(routes, &node->leaves[j]);
        }
    }
}
