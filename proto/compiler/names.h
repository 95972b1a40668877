/* How names of the .proto files become names in C. */
#ifndef COMPILER_NAMES_H
#define COMPILER_NAMES_H

#include "memory.h"

/*
 * The package as it stands in C names: "deltastream.storage.v1" becomes "storage". The project's
 * own name and version 1 go without saying; a later version stays ("storage.v2"), and so does the
 * whole name of somebody else's package ("grpc.health.v1").
 */
const char *name_c_package(struct memory *memory, const char *package);

/* ListTicks becomes list_ticks, by protoc-c's rule: an underscore before a capital that follows
 * none. */
const char *name_snake(struct memory *memory, const char *name);

/* The type that protoc-c writes for a message or an enum: "Storage__ListTicksRequest".
 * `path` is the name within the package, dotted. */
const char *name_c_type(struct memory *memory, const char *package, const char *path);

/* The prefix of protoc-c's functions and of its descriptor: "storage__list_ticks_request". */
const char *name_c_lower(struct memory *memory, const char *package, const char *path);

/* What our own tables are called after: "storage_list_ticks_request". */
const char *name_symbol(struct memory *memory, const char *package, const char *path);

/* ORDER_ASC of enum Order becomes "asc"; a name without the enum's prefix is only lowered. */
const char *name_enum_short(struct memory *memory, const char *enumeration, const char *value);

#endif
