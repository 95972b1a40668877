/*
 * The REST routes of the .proto files: a trie of path segments that proto/compiler writes, and the
 * matcher that walks it. Constant after the build; any thread may match.
 */
#ifndef GATEWAY_ROUTES_H
#define GATEWAY_ROUTES_H

#include "ds/arena.h"
#include "ds/bytes.h"
#include "ds/code.h"
#include "ds/schema.h"
#include "http/method.h"

/* The numbers of deltastream.Profile. */
enum route_profile {
    ROUTE_PROFILE_CANONICAL = 0,
    ROUTE_PROFILE_T = 1,
    ROUTE_PROFILE_P = 2,
    ROUTE_PROFILE_U = 3,
    ROUTE_PROFILE_COUNT = 4,
};

#define ROUTE_FIELD_DEPTH_MAX 8    /* names in a dotted field path */
#define ROUTE_VARIABLES_MAX 8      /* in one template */
#define ROUTE_SEGMENTS_MAX 32      /* in a template */
#define ROUTE_PATH_SEGMENTS_MAX 64 /* in a request's path; a longer path has no route */

/* Which part of the path fills which field of the request. */
struct route_variable {
    const struct ds_field *const *field_path; /* from the request down to a scalar */
    uint8_t field_depth;
    uint8_t segment_first;
    uint8_t segment_count; /* 0: all segments to the end, for a template that ends in ** */
    bool
        multiple; /* the template has more than one segment or a wildcard ** : %2F stays as it is */
};

enum route_body {
    ROUTE_BODY_NONE = 0,
    ROUTE_BODY_FIELD = 1, /* body_field takes the body, query parameters the rest */
    ROUTE_BODY_WHOLE = 2, /* "*": the body is the request, there are no query parameters */
};

struct route_binding {
    const struct ds_method *method;
    const char *path_template; /* for documents and metrics */
    const struct route_variable *variables;
    const struct ds_field *body_field;     /* of ROUTE_BODY_FIELD */
    const struct ds_field *response_field; /* HttpRule.response_body; NULL: the whole response */
    const struct ds_field *mask_field; /* of a PATCH: the FieldMask of the request that is made of
                                          what the body gives; NULL: none */
    uint16_t success_status;
    uint8_t variable_count;
    uint8_t http_method; /* enum http_method, below HTTP_METHOD_COUNT */
    uint8_t body;        /* enum route_body */
    uint8_t profile;     /* enum route_profile */
};

/*
 * What ends at a node under one verb; verb is "" for a template without one. Where a wider template
 * (GET /users/{id}) has a method that the node's own (POST /users/me) lack, its binding stands here
 * too.
 */
struct route_leaf {
    const char *verb;
    const struct route_binding
        *bindings[HTTP_METHOD_COUNT]; /* NULL where the method is not allowed */
};

struct route_edge {
    const char *segment; /* literal, as it looks after percent-decoding */
    uint16_t segment_bytes;
    uint16_t node;
};

#define ROUTE_NO_NODE UINT16_MAX

struct route_node {
    const struct route_edge *edges; /* by ascending segment (ds_bytes_compare) */
    const struct route_leaf *leaves;
    uint16_t edge_count;
    uint16_t leaf_count;
    uint16_t star; /* child for "*", or ROUTE_NO_NODE */
    uint16_t rest; /* child for "**", or ROUTE_NO_NODE; its leaves take zero or more segments */
};

/* Written by the generator; node 0 is the root. */
extern const struct route_node route_nodes[];
extern const size_t route_node_count;
extern const struct route_binding route_bindings[];
extern const size_t route_binding_count;

struct route_match {
    const struct route_leaf *leaf;
    struct ds_bytes
        segments[ROUTE_PATH_SEGMENTS_MAX]; /* raw (still percent-encoded), without the verb */
    size_t segment_count;
};

/*
 * Finds the leaf for `path` below nodes[0] (raw, beginning with '/', without the query). A literal
 * segment is preferred to "*", "*" to "**", and a verb to a colon within the last segment. Returns
 * false where no route has this path; an empty segment (a double or trailing slash) has none.
 * Escapes in `path` are decoded for the comparison with literals only: %3A begins no verb, %2F
 * separates nothing. The segments in ret_match are views of `path`. Takes a time that grows with
 * the number of nodes at worst: each is looked at twice at most.
 */
bool route_find_in(const struct route_node *nodes, struct ds_bytes path,
                   struct route_match *ret_match);

/* Whether the dotted text is the names of the .proto from the one field down to the last. */
bool route_field_is_named(struct ds_bytes text, const struct ds_field *const *path, uint8_t depth);

#endif
