/*
 * The options of deltastream/options.proto and google/api/annotations.proto. protobuf-c knows no
 * extensions: they stand among the unknown fields of the options messages, as wire bytes.
 */
#ifndef COMPILER_OPTIONS_H
#define COMPILER_OPTIONS_H

#include "deltastream/options.pb-c.h"
#include "google/api/http.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "memory.h"

#include <stdbool.h>
#include <stdint.h>

/* Each returns NULL where the option is absent (or is damaged, which protoc never writes). */
const Deltastream__MethodRules *option_method_rules(struct memory *memory,
                                                    const Google__Protobuf__MethodOptions *options);
const Google__Api__HttpRule *option_http_rule(struct memory *memory,
                                              const Google__Protobuf__MethodOptions *options);

/* The (deltastream.binding) options in their order; returns how many. */
size_t option_bindings(struct memory *memory, const Google__Protobuf__MethodOptions *options,
                       Deltastream__Binding ***ret_bindings);

bool option_list(const Google__Protobuf__MessageOptions *options);
bool option_series(const Google__Protobuf__FieldOptions *options);
bool option_required(const Google__Protobuf__FieldOptions *options);

/* NULL where there is none. */
const char *option_example(struct memory *memory, const Google__Protobuf__FieldOptions *options);

/* 0 where there is none. */
uint32_t option_http_status(const Google__Protobuf__EnumValueOptions *options);

#endif
