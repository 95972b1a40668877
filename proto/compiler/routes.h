/* The REST routes of a model: its bindings, checked, and the trie of their paths. */
#ifndef COMPILER_ROUTES_H
#define COMPILER_ROUTES_H

#include "model.h"
#include "template.h"

struct bound_variable {
    const struct field *path[ROUTE_FIELD_DEPTH_MAX]; /* from the request down to a scalar */
    size_t depth;
};

/* One way to call a method over HTTP, whichever option says it. */
struct binding {
    const struct method *method;
    enum http_method http_method;
    const char *path;
    struct path_template template;
    struct bound_variable variables[ROUTE_VARIABLES_MAX]; /* beside template.variables */
    enum route_body body;
    const struct field *body_field;     /* of ROUTE_BODY_FIELD */
    const struct field *response_field; /* NULL: the whole response */
    const struct field *mask_field;     /* of a PATCH; NULL: none */
    uint32_t success_status;
    uint32_t profile; /* enum route_profile */
};

struct leaf {
    const struct binding *example; /* one of those that end here by their own template */
    const struct binding *bindings[HTTP_METHOD_COUNT];
};

struct edge {
    const char *literal;
    size_t node;
};

struct node {
    struct edge *edges; /* by ascending literal */
    struct leaf *leaves;
    size_t edge_count;
    size_t leaf_count;
    size_t star; /* ROUTE_NO_NODE where there is none */
    size_t rest;
};

/* Node 0 is the root. */
struct routes {
    struct memory *memory;
    struct complaints *complaints;
    struct binding *bindings;
    struct node *nodes;
    size_t binding_count;
    size_t node_count;
};

/* Fills routes->bindings with every binding that is without fault, and complains of the others. */
void bindings_load(struct routes *routes, const struct model *model);

/* Builds the trie from the bindings; complains of two that can't be told apart. */
void routes_build(struct routes *routes);

/* "GET" and so on. */
const char *http_method_name(enum http_method method);

/* HTTP_METHOD_OTHER where no route can have that method. */
enum http_method http_method_find(const char *name);

#endif
