/*
 * What the parts of the OpenAPI document share: the sources and the JSON under way. The document is
 * written front to back: paths first, which note the schemas that they refer to (openapi_schema.c),
 * then those.
 */
#ifndef COMPILER_OPENAPI_H
#define COMPILER_OPENAPI_H

#include "comments.h"
#include "gateway/profile_rows.h"
#include "json_text.h"
#include "routes.h"

/* One form that messages have in JSON: its fields' names and values, by who writes it. */
enum shape {
    SHAPE_REPLY,       /* of the canonical profile */
    SHAPE_REPLY_T,     /* of profile T, below the top */
    SHAPE_REPLY_T_TOP, /* the same with what T leaves out or renames at the top */
    SHAPE_REQUEST,     /* what clients may send on any route */
    SHAPE_CONNECT,     /* protobuf's own JSON, of Connect's replies */
    SHAPE_COUNT,
};

struct openapi {
    const struct model *model;
    const struct routes *routes;
    const struct comments *comments;
    struct json *json;
    bool has_connect;
    uint8_t *message_shapes;     /* by place in model->messages: a bit for each shape referred to */
    uint8_t *enumeration_shapes; /* likewise */
};

/* The shape of a reply's body under that profile. */
enum shape openapi_reply_shape(uint32_t profile, const struct message *message);

/* "storage.Tick-T": the key of a schema among the components. */
const char *openapi_message_key(const struct openapi *openapi, const struct message *message,
                                enum shape shape);

/* Writes the schema of a whole message, or of a field, as value of `name`; notes what it needs. */
void openapi_message_schema(struct openapi *openapi, const char *name,
                            const struct message *message, enum shape shape);
void openapi_field_schema(struct openapi *openapi, const char *name, const struct field *field,
                          enum shape shape);

/* As a query parameter or a path has it: one element's schema for a repeated field. */
void openapi_text_schema(struct openapi *openapi, const char *name, const struct field *field);

/* Writes the schemas of all components that were noted. */
void openapi_schemas(struct openapi *openapi);

/* openapi_example.c: example values, from the option (deltastream.example) and from types. */

/* Whether the field has an example that a request should show. */
bool openapi_field_has_example(const struct openapi *openapi, const struct field *field);
void openapi_message_example(struct openapi *openapi, const char *name,
                             const struct message *message, enum shape shape);
void openapi_field_example(struct openapi *openapi, const char *name, const struct field *field,
                           enum shape shape);

/* openapi_fields.c: what holds of fields under a shape. */

/* The name of a field in JSON. */
const char *openapi_field_name(const struct field *field, enum shape shape);
/* Whether the shape has the field at all, and whether every message of the shape has it. */
bool openapi_field_is_shown(const struct field *field, enum shape shape);
bool openapi_field_is_required(const struct field *field, enum shape shape);

/* openapi_parameters.c */

/* A query parameter or path variable: a scalar field somewhere below the request. */
struct openapi_parameter {
    const char *name; /* dotted */
    const struct field *field;
};

/* The fields that the query of a binding may fill; returns how many. */
size_t openapi_query_parameters(const struct openapi *openapi, const struct binding *binding,
                                struct openapi_parameter **ret_parameters);

/* openapi_problems.c: errors. */

/* A reason that a route may fail with, and how it answers. */
struct openapi_problem {
    const char *reason; /* "INVALID_REQUEST" */
    uint32_t status;
    const char *detail; /* an example */
    bool is_common;     /* any route may fail with it */
};

/* "detail", as bodies have it. */
const char *openapi_problem_member_name(enum problem_member member);

/* The reasons of a binding, by status; returns how many. */
size_t openapi_problems(const struct openapi *openapi, const struct binding *binding,
                        struct openapi_problem **ret_problems);
/* Writes the error responses of a binding into an object of responses. */
void openapi_problem_responses(struct openapi *openapi, const struct binding *binding);
/* Writes the schemas and examples that they refer to, into the object of all of these. */
void openapi_problem_schemas(struct openapi *openapi);
void openapi_problem_examples(struct openapi *openapi);
/* Complains of reasons that no row says where they come from. */
void openapi_problems_check(const struct openapi *openapi);

/* openapi_system.c: the gateway's own routes. */
void openapi_system_paths(struct openapi *openapi);

/* openapi_names.c */

/* What holds of all routes, in a few paragraphs. */
extern const char openapi_conventions[];

/* "ListTicks", "ListTicks_T_1": unique. */
const char *openapi_operation_id(const struct openapi *openapi, const struct binding *binding);
/* The path without patterns in its braces. */
const char *openapi_path(const struct openapi *openapi, const struct binding *binding);
/* "canonical", "T", "P", "U". */
const char *openapi_family(const struct binding *binding);
/* A permission that no caller without credentials can have. */
bool openapi_needs_credentials(const struct method *method);
bool openapi_is_public(const struct method *method);
/* The name of a message or enum without what all names of the project begin with: "storage.Tick".
 */
const char *openapi_short_name(struct memory *memory, const struct file *file,
                               const char *full_name);

#endif
