/* The generated C, one function for each file or family of files. The model is free of faults. */
#ifndef COMPILER_EMIT_H
#define COMPILER_EMIT_H

#include "model.h"
#include "output.h"
#include "routes.h"

/* schema.gen.h, schema.gen.c: the tables of ds/schema.h. */
void emit_schema(struct output *output, const struct model *model);

/* descriptor.gen.c: the descriptor set as it came from protoc. */
void emit_descriptor(struct output *output, const uint8_t *data, size_t size);

/* <service>_service.gen.h, <service>_service.gen.c: prototypes of the handlers and their table. */
void emit_services(struct output *output, const struct model *model);

/*
 * The typed calls of the C client library: deltastream/<service>.h, <service>_client.gen.c and
 * deltastream/services.h, which includes the headers of all services. The comments of the methods
 * come from `set`, which still has its source info. The folder deltastream/ is there.
 */
void emit_client(struct output *output, const struct model *model,
                 const Google__Protobuf__FileDescriptorSet *set);

/* routes.gen.c: the tables of gateway/routes.h. */
void emit_routes(struct output *output, const struct routes *routes);

/* openapi.json: the routes as an OpenAPI 3.1 document, those of Connect's protocol too where
 * `has_connect`. Complains of reasons of errors that it knows nothing about. */
void emit_openapi(struct output *output, const struct model *model, const struct routes *routes,
                  const Google__Protobuf__FileDescriptorSet *set, bool has_connect);

/* http-api.md: the same for people to read. */
void emit_http_doc(struct output *output, const struct model *model, const struct routes *routes,
                   const Google__Protobuf__FileDescriptorSet *set);

#endif
