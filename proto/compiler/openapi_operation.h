/* Operations of the OpenAPI document: a method by one of its routes. */
#ifndef COMPILER_OPENAPI_OPERATION_H
#define COMPILER_OPENAPI_OPERATION_H

#include "openapi.h"

/* Writes the operation as member "get", "post" and so on of its path. */
void openapi_operation(struct openapi *openapi, const struct binding *binding);

/* Writes the path of a method under Connect's protocol, with its operations. */
void openapi_connect_path(struct openapi *openapi, const struct method *method);

#endif
