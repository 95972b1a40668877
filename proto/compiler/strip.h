/* The descriptor set in the form that protoc-c can work with. */
#ifndef COMPILER_STRIP_H
#define COMPILER_STRIP_H

#include "complaints.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "memory.h"

/* Drops the comments and the places in the sources (protoc --include_source_info). */
void strip_source_info(Google__Protobuf__FileDescriptorSet *set);

/*
 * protoc-c refuses proto3 `optional`: without the flag, such a field is the only member of a
 * oneof, which says the same with a case of its own. A deprecated field would get an attribute that
 * makes clang warn wherever the message is initialised, so that flag goes too. Also gives each file
 * the C package of name_c_package() through protobuf-c's own file option. Comments go too: protoc-c
 * would write them into C comments without a look at their text.
 */
void strip_for_protoc_c(Google__Protobuf__FileDescriptorSet *set, struct memory *memory,
                        struct complaints *complaints);

/*
 * The same for headers that go out to others: every C name begins with "deltastream__", and every
 * file, imported ones too, is below deltastream/, so that a program that has its own
 * google/protobuf/timestamp.pb-c.h never meets ours. Services go, whose C code nobody needs, and so
 * do imports of files that only extend options.
 */
void strip_for_library(Google__Protobuf__FileDescriptorSet *set, struct memory *memory,
                       struct complaints *complaints);

#endif
