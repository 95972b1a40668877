#include "support/schema_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define FIELD(proto, json, its_kind, its_number, its_oneof)                                        \
    .name = (proto), .json_name = (json), .name_bytes = sizeof(proto) - 1,                         \
    .json_name_bytes = sizeof(json) - 1, .kind = (its_kind), .number = (its_number),               \
    .oneof = (its_oneof)

static const struct ds_enum_value color_values[] = {
    {.name = "COLOR_UNSPECIFIED", .short_name = "unspecified", .number = 0},
    {.name = "COLOR_RED", .short_name = "red", .number = 1},
    {.name = "COLOR_DARK_BLUE", .short_name = "dark_blue", .number = 2},
    {.name = "COLOR_NEGATIVE", .short_name = "negative", .number = -1},
};
static const struct ds_enum color = {
    .full_name = "fixture.Color", .values = color_values, .value_count = COUNT_OF(color_values)};

static const struct ds_enum_value null_value_values[] = {
    {.name = "NULL_VALUE", .short_name = "null_value", .number = 0},
};
static const struct ds_enum null_value = {.full_name = "google.protobuf.NullValue",
                                          .values = null_value_values,
                                          .value_count = COUNT_OF(null_value_values)};

static const struct ds_field double_value_fields[] = {
    {FIELD("value", "value", DS_KIND_DOUBLE, 1, -1), .flags = 0},
};
static const struct ds_message fixture_double_value = {.full_name = "google.protobuf.DoubleValue",
                                                       .fields = double_value_fields,
                                                       .field_count = COUNT_OF(double_value_fields),
                                                       .wellknown = DS_WELLKNOWN_WRAPPER};

static const struct ds_field float_value_fields[] = {
    {FIELD("value", "value", DS_KIND_FLOAT, 1, -1), .flags = 0},
};
static const struct ds_message fixture_float_value = {.full_name = "google.protobuf.FloatValue",
                                                      .fields = float_value_fields,
                                                      .field_count = COUNT_OF(float_value_fields),
                                                      .wellknown = DS_WELLKNOWN_WRAPPER};

static const struct ds_field int64_value_fields[] = {
    {FIELD("value", "value", DS_KIND_INT64, 1, -1), .flags = 0},
};
static const struct ds_message fixture_int64_value = {.full_name = "google.protobuf.Int64Value",
                                                      .fields = int64_value_fields,
                                                      .field_count = COUNT_OF(int64_value_fields),
                                                      .wellknown = DS_WELLKNOWN_WRAPPER};

static const struct ds_field uint64_value_fields[] = {
    {FIELD("value", "value", DS_KIND_UINT64, 1, -1), .flags = 0},
};
static const struct ds_message fixture_uint64_value = {.full_name = "google.protobuf.UInt64Value",
                                                       .fields = uint64_value_fields,
                                                       .field_count = COUNT_OF(uint64_value_fields),
                                                       .wellknown = DS_WELLKNOWN_WRAPPER};

static const struct ds_field int32_value_fields[] = {
    {FIELD("value", "value", DS_KIND_INT32, 1, -1), .flags = 0},
};
static const struct ds_message fixture_int32_value = {.full_name = "google.protobuf.Int32Value",
                                                      .fields = int32_value_fields,
                                                      .field_count = COUNT_OF(int32_value_fields),
                                                      .wellknown = DS_WELLKNOWN_WRAPPER};

static const struct ds_field uint32_value_fields[] = {
    {FIELD("value", "value", DS_KIND_UINT32, 1, -1), .flags = 0},
};
static const struct ds_message fixture_uint32_value = {.full_name = "google.protobuf.UInt32Value",
                                                       .fields = uint32_value_fields,
                                                       .field_count = COUNT_OF(uint32_value_fields),
                                                       .wellknown = DS_WELLKNOWN_WRAPPER};

static const struct ds_field bool_value_fields[] = {
    {FIELD("value", "value", DS_KIND_BOOL, 1, -1), .flags = 0},
};
static const struct ds_message fixture_bool_value = {.full_name = "google.protobuf.BoolValue",
                                                     .fields = bool_value_fields,
                                                     .field_count = COUNT_OF(bool_value_fields),
                                                     .wellknown = DS_WELLKNOWN_WRAPPER};

static const struct ds_field string_value_fields[] = {
    {FIELD("value", "value", DS_KIND_STRING, 1, -1), .flags = 0},
};
static const struct ds_message fixture_string_value = {.full_name = "google.protobuf.StringValue",
                                                       .fields = string_value_fields,
                                                       .field_count = COUNT_OF(string_value_fields),
                                                       .wellknown = DS_WELLKNOWN_WRAPPER};

static const struct ds_field bytes_value_fields[] = {
    {FIELD("value", "value", DS_KIND_BYTES, 1, -1), .flags = 0},
};
static const struct ds_message fixture_bytes_value = {.full_name = "google.protobuf.BytesValue",
                                                      .fields = bytes_value_fields,
                                                      .field_count = COUNT_OF(bytes_value_fields),
                                                      .wellknown = DS_WELLKNOWN_WRAPPER};

const struct ds_message fixture_empty = {.full_name = "google.protobuf.Empty",
                                         .wellknown = DS_WELLKNOWN_EMPTY};

static const struct ds_field timestamp_fields[] = {
    {FIELD("seconds", "seconds", DS_KIND_INT64, 1, -1), .flags = 0},
    {FIELD("nanos", "nanos", DS_KIND_INT32, 2, -1), .flags = 0},
};
const struct ds_message fixture_timestamp = {.full_name = "google.protobuf.Timestamp",
                                             .fields = timestamp_fields,
                                             .field_count = COUNT_OF(timestamp_fields),
                                             .wellknown = DS_WELLKNOWN_TIMESTAMP};

static const struct ds_field duration_fields[] = {
    {FIELD("seconds", "seconds", DS_KIND_INT64, 1, -1), .flags = 0},
    {FIELD("nanos", "nanos", DS_KIND_INT32, 2, -1), .flags = 0},
};
const struct ds_message fixture_duration = {.full_name = "google.protobuf.Duration",
                                            .fields = duration_fields,
                                            .field_count = COUNT_OF(duration_fields),
                                            .wellknown = DS_WELLKNOWN_DURATION};

static const struct ds_field field_mask_fields[] = {
    {FIELD("paths", "paths", DS_KIND_STRING, 1, -1), .flags = DS_FIELD_REPEATED},
};
const struct ds_message fixture_field_mask = {.full_name = "google.protobuf.FieldMask",
                                              .fields = field_mask_fields,
                                              .field_count = COUNT_OF(field_mask_fields),
                                              .wellknown = DS_WELLKNOWN_FIELD_MASK};

static const struct ds_field any_fields[] = {
    {FIELD("type_url", "typeUrl", DS_KIND_STRING, 1, -1), .flags = 0},
    {FIELD("value", "value", DS_KIND_BYTES, 2, -1), .flags = 0},
};
const struct ds_message fixture_any = {.full_name = "google.protobuf.Any",
                                       .fields = any_fields,
                                       .field_count = COUNT_OF(any_fields),
                                       .wellknown = DS_WELLKNOWN_ANY};

static const struct ds_field struct_entry_fields[] = {
    {FIELD("key", "key", DS_KIND_STRING, 1, -1), .flags = 0},
    {FIELD("value", "value", DS_KIND_MESSAGE, 2, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_value},
};
static const struct ds_message struct_entry = {.full_name = "google.protobuf.Struct.FieldsEntry",
                                               .fields = struct_entry_fields,
                                               .field_count = COUNT_OF(struct_entry_fields),
                                               .wellknown = DS_WELLKNOWN_NONE};

static const struct ds_field struct_fields[] = {
    {FIELD("fields", "fields", DS_KIND_MESSAGE, 1, -1), .flags = DS_FIELD_REPEATED | DS_FIELD_MAP,
     .message = &struct_entry},
};
const struct ds_message fixture_struct = {.full_name = "google.protobuf.Struct",
                                          .fields = struct_fields,
                                          .field_count = COUNT_OF(struct_fields),
                                          .wellknown = DS_WELLKNOWN_STRUCT};

static const struct ds_field list_value_fields[] = {
    {FIELD("values", "values", DS_KIND_MESSAGE, 1, -1), .flags = DS_FIELD_REPEATED,
     .message = &fixture_value},
};
const struct ds_message fixture_list_value = {.full_name = "google.protobuf.ListValue",
                                              .fields = list_value_fields,
                                              .field_count = COUNT_OF(list_value_fields),
                                              .wellknown = DS_WELLKNOWN_LIST_VALUE};

static const struct ds_field value_fields[] = {
    {FIELD("null_value", "nullValue", DS_KIND_ENUM, 1, 0), .flags = DS_FIELD_PRESENCE,
     .enumeration = &null_value},
    {FIELD("number_value", "numberValue", DS_KIND_DOUBLE, 2, 0), .flags = DS_FIELD_PRESENCE},
    {FIELD("string_value", "stringValue", DS_KIND_STRING, 3, 0), .flags = DS_FIELD_PRESENCE},
    {FIELD("bool_value", "boolValue", DS_KIND_BOOL, 4, 0), .flags = DS_FIELD_PRESENCE},
    {FIELD("struct_value", "structValue", DS_KIND_MESSAGE, 5, 0), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_struct},
    {FIELD("list_value", "listValue", DS_KIND_MESSAGE, 6, 0), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_list_value},
};
const struct ds_message fixture_value = {.full_name = "google.protobuf.Value",
                                         .fields = value_fields,
                                         .field_count = COUNT_OF(value_fields),
                                         .wellknown = DS_WELLKNOWN_VALUE};

static const struct ds_field inner_fields[] = {
    {FIELD("number", "number", DS_KIND_INT32, 1, -1), .flags = 0},
    {FIELD("text", "text", DS_KIND_STRING, 2, -1), .flags = 0},
    {FIELD("next", "next", DS_KIND_MESSAGE, 3, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_inner},
};
const struct ds_message fixture_inner = {.full_name = "fixture.Inner",
                                         .fields = inner_fields,
                                         .field_count = COUNT_OF(inner_fields),
                                         .wellknown = DS_WELLKNOWN_NONE};

static const struct ds_field labels_entry_fields[] = {
    {FIELD("key", "key", DS_KIND_STRING, 1, -1), .flags = 0},
    {FIELD("value", "value", DS_KIND_STRING, 2, -1), .flags = 0},
};
static const struct ds_message labels_entry = {.full_name = "fixture.Everything.LabelsEntry",
                                               .fields = labels_entry_fields,
                                               .field_count = COUNT_OF(labels_entry_fields),
                                               .wellknown = DS_WELLKNOWN_NONE};

static const struct ds_field by_number_entry_fields[] = {
    {FIELD("key", "key", DS_KIND_INT64, 1, -1), .flags = 0},
    {FIELD("value", "value", DS_KIND_MESSAGE, 2, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_inner},
};
static const struct ds_message by_number_entry = {.full_name = "fixture.Everything.ByNumberEntry",
                                                  .fields = by_number_entry_fields,
                                                  .field_count = COUNT_OF(by_number_entry_fields),
                                                  .wellknown = DS_WELLKNOWN_NONE};

static const struct ds_field by_flag_entry_fields[] = {
    {FIELD("key", "key", DS_KIND_BOOL, 1, -1), .flags = 0},
    {FIELD("value", "value", DS_KIND_INT32, 2, -1), .flags = 0},
};
static const struct ds_message by_flag_entry = {.full_name = "fixture.Everything.ByFlagEntry",
                                                .fields = by_flag_entry_fields,
                                                .field_count = COUNT_OF(by_flag_entry_fields),
                                                .wellknown = DS_WELLKNOWN_NONE};

static const struct ds_field colors_by_name_entry_fields[] = {
    {FIELD("key", "key", DS_KIND_STRING, 1, -1), .flags = 0},
    {FIELD("value", "value", DS_KIND_ENUM, 2, -1), .flags = 0, .enumeration = &color},
};
static const struct ds_message colors_by_name_entry = {
    .full_name = "fixture.Everything.ColorsByNameEntry",
    .fields = colors_by_name_entry_fields,
    .field_count = COUNT_OF(colors_by_name_entry_fields),
    .wellknown = DS_WELLKNOWN_NONE};

static const struct ds_field everything_fields[] = {
    {FIELD("double_value", "doubleValue", DS_KIND_DOUBLE, 1, -1), .flags = 0},
    {FIELD("float_value", "floatValue", DS_KIND_FLOAT, 2, -1), .flags = 0},
    {FIELD("int64_value", "int64Value", DS_KIND_INT64, 3, -1), .flags = 0},
    {FIELD("uint64_value", "uint64Value", DS_KIND_UINT64, 4, -1), .flags = 0},
    {FIELD("int32_value", "int32Value", DS_KIND_INT32, 5, -1), .flags = 0},
    {FIELD("fixed64_value", "fixed64Value", DS_KIND_FIXED64, 6, -1), .flags = 0},
    {FIELD("fixed32_value", "fixed32Value", DS_KIND_FIXED32, 7, -1), .flags = 0},
    {FIELD("bool_value", "boolValue", DS_KIND_BOOL, 8, -1), .flags = 0},
    {FIELD("string_value", "stringValue", DS_KIND_STRING, 9, -1), .flags = 0},
    {FIELD("message_value", "messageValue", DS_KIND_MESSAGE, 10, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_inner},
    {FIELD("bytes_value", "bytesValue", DS_KIND_BYTES, 11, -1), .flags = 0},
    {FIELD("uint32_value", "uint32Value", DS_KIND_UINT32, 12, -1), .flags = 0},
    {FIELD("enum_value", "enumValue", DS_KIND_ENUM, 13, -1), .flags = 0, .enumeration = &color},
    {FIELD("sfixed32_value", "sfixed32Value", DS_KIND_SFIXED32, 14, -1), .flags = 0},
    {FIELD("sfixed64_value", "sfixed64Value", DS_KIND_SFIXED64, 15, -1), .flags = 0},
    {FIELD("sint32_value", "sint32Value", DS_KIND_SINT32, 16, -1), .flags = 0},
    {FIELD("sint64_value", "sint64Value", DS_KIND_SINT64, 17, -1), .flags = 0},
    {FIELD("packed_numbers", "packedNumbers", DS_KIND_INT32, 20, -1),
     .flags = DS_FIELD_REPEATED | DS_FIELD_PACKED},
    {FIELD("texts", "texts", DS_KIND_STRING, 21, -1), .flags = DS_FIELD_REPEATED},
    {FIELD("items", "items", DS_KIND_MESSAGE, 22, -1), .flags = DS_FIELD_REPEATED,
     .message = &fixture_inner},
    {FIELD("loose_doubles", "looseDoubles", DS_KIND_DOUBLE, 23, -1), .flags = DS_FIELD_REPEATED},
    {FIELD("colors", "colors", DS_KIND_ENUM, 24, -1), .flags = DS_FIELD_REPEATED | DS_FIELD_PACKED,
     .enumeration = &color},
    {FIELD("flags", "flags", DS_KIND_BOOL, 25, -1), .flags = DS_FIELD_REPEATED | DS_FIELD_PACKED},
    {FIELD("packed_doubles", "packedDoubles", DS_KIND_DOUBLE, 26, -1),
     .flags = DS_FIELD_REPEATED | DS_FIELD_PACKED},
    {FIELD("packed_sint64", "packedSint64", DS_KIND_SINT64, 27, -1),
     .flags = DS_FIELD_REPEATED | DS_FIELD_PACKED},
    {FIELD("labels", "labels", DS_KIND_MESSAGE, 30, -1), .flags = DS_FIELD_REPEATED | DS_FIELD_MAP,
     .message = &labels_entry},
    {FIELD("by_number", "byNumber", DS_KIND_MESSAGE, 31, -1),
     .flags = DS_FIELD_REPEATED | DS_FIELD_MAP, .message = &by_number_entry},
    {FIELD("by_flag", "byFlag", DS_KIND_MESSAGE, 32, -1), .flags = DS_FIELD_REPEATED | DS_FIELD_MAP,
     .message = &by_flag_entry},
    {FIELD("colors_by_name", "colorsByName", DS_KIND_MESSAGE, 33, -1),
     .flags = DS_FIELD_REPEATED | DS_FIELD_MAP, .message = &colors_by_name_entry},
    {FIELD("choice_text", "choiceText", DS_KIND_STRING, 40, 0), .flags = DS_FIELD_PRESENCE},
    {FIELD("choice_number", "choiceNumber", DS_KIND_INT32, 41, 0), .flags = DS_FIELD_PRESENCE},
    {FIELD("choice_message", "choiceMessage", DS_KIND_MESSAGE, 42, 0), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_inner},
    {FIELD("choice_null", "choiceNull", DS_KIND_ENUM, 43, 0), .flags = DS_FIELD_PRESENCE,
     .enumeration = &null_value},
    {FIELD("maybe_number", "maybeNumber", DS_KIND_INT32, 50, -1), .flags = DS_FIELD_PRESENCE},
    {FIELD("maybe_text", "maybeText", DS_KIND_STRING, 51, -1), .flags = DS_FIELD_PRESENCE},
    {FIELD("time", "time", DS_KIND_MESSAGE, 60, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_timestamp},
    {FIELD("duration", "duration", DS_KIND_MESSAGE, 61, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_duration},
    {FIELD("mask", "mask", DS_KIND_MESSAGE, 62, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_field_mask},
    {FIELD("wrapped_int64", "wrappedInt64", DS_KIND_MESSAGE, 63, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_int64_value},
    {FIELD("wrapped_string", "wrappedString", DS_KIND_MESSAGE, 64, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_string_value},
    {FIELD("wrapped_bool", "wrappedBool", DS_KIND_MESSAGE, 65, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_bool_value},
    {FIELD("wrapped_double", "wrappedDouble", DS_KIND_MESSAGE, 66, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_double_value},
    {FIELD("wrapped_bytes", "wrappedBytes", DS_KIND_MESSAGE, 67, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_bytes_value},
    {FIELD("wrapped_uint32", "wrappedUint32", DS_KIND_MESSAGE, 68, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_uint32_value},
    {FIELD("wrapped_float", "wrappedFloat", DS_KIND_MESSAGE, 69, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_float_value},
    {FIELD("wrapped_uint64", "wrappedUint64", DS_KIND_MESSAGE, 70, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_uint64_value},
    {FIELD("wrapped_int32", "wrappedInt32", DS_KIND_MESSAGE, 71, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_int32_value},
    {FIELD("any", "any", DS_KIND_MESSAGE, 72, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_any},
    {FIELD("structure", "structure", DS_KIND_MESSAGE, 73, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_struct},
    {FIELD("value", "value", DS_KIND_MESSAGE, 74, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_value},
    {FIELD("list", "list", DS_KIND_MESSAGE, 75, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_list_value},
    {FIELD("empty", "empty", DS_KIND_MESSAGE, 76, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_empty},
    {FIELD("values", "values", DS_KIND_MESSAGE, 77, -1), .flags = DS_FIELD_REPEATED,
     .message = &fixture_value},
    {FIELD("times", "times", DS_KIND_MESSAGE, 78, -1), .flags = DS_FIELD_REPEATED,
     .message = &fixture_timestamp},
    {FIELD("child", "child", DS_KIND_MESSAGE, 80, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_everything},
    {FIELD("children", "children", DS_KIND_MESSAGE, 81, -1), .flags = DS_FIELD_REPEATED,
     .message = &fixture_everything},
};
const struct ds_message fixture_everything = {.full_name = "fixture.Everything",
                                              .fields = everything_fields,
                                              .field_count = COUNT_OF(everything_fields),
                                              .wellknown = DS_WELLKNOWN_NONE};

static const struct ds_field row_fields[] = {
    {FIELD("product", "product", DS_KIND_STRING, 1, -1), .flags = DS_FIELD_SERIES},
    {FIELD("price", "price", DS_KIND_DOUBLE, 2, -1), .flags = DS_FIELD_PRESENCE},
    {FIELD("timestamp", "timestamp", DS_KIND_MESSAGE, 3, -1), .flags = DS_FIELD_PRESENCE,
     .message = &fixture_timestamp},
    {FIELD("tick_id", "tickId", DS_KIND_INT64, 4, -1), .flags = DS_FIELD_PRESENCE},
};
const struct ds_message fixture_row = {.full_name = "fixture.Row",
                                       .fields = row_fields,
                                       .field_count = COUNT_OF(row_fields),
                                       .wellknown = DS_WELLKNOWN_NONE};

static const struct ds_field rows_fields[] = {
    {FIELD("product", "product", DS_KIND_STRING, 1, -1), .flags = 0},
    {FIELD("count", "count", DS_KIND_INT32, 2, -1), .flags = 0},
    {FIELD("ticks", "ticks", DS_KIND_MESSAGE, 3, -1), .flags = DS_FIELD_REPEATED,
     .message = &fixture_row},
    {FIELD("next_page_token", "nextPageToken", DS_KIND_STRING, 4, -1), .flags = 0},
};
const struct ds_message fixture_rows = {.full_name = "fixture.Rows",
                                        .fields = rows_fields,
                                        .field_count = COUNT_OF(rows_fields),
                                        .wellknown = DS_WELLKNOWN_NONE};

static const struct ds_message *const messages[] = {
    &fixture_everything,  &fixture_inner,       &fixture_row,          &fixture_rows,
    &fixture_any,         &fixture_bool_value,  &fixture_bytes_value,  &fixture_double_value,
    &fixture_duration,    &fixture_empty,       &fixture_field_mask,   &fixture_float_value,
    &fixture_int32_value, &fixture_int64_value, &fixture_list_value,   &fixture_string_value,
    &fixture_struct,      &fixture_timestamp,   &fixture_uint32_value, &fixture_uint64_value,
    &fixture_value,
};

static const struct ds_message *find_message(const void *context, struct ds_bytes full_name)
{
    (void)context;
    return ds_message_find_among(messages, COUNT_OF(messages), (const char *)full_name.data,
                                 full_name.size);
}

const struct ds_json_types fixture_types = {.find = find_message};

const struct ds_field *fixture_field(const struct ds_message *message, const char *name)
{
    const struct ds_field *field = ds_field_by_name(message, name, strlen(name));
    if (field == NULL) {
        fprintf(stderr, "%s has no field %s\n", message->full_name, name);
        abort();
    }
    return field;
}
