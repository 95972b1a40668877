#include "gateway/routes.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "sample_echo_back_service.gen.h"
#include "sample_schema.gen.h"
#include "support/test.h"

#include <string.h>

extern const struct route_binding sample_route_bindings[];
extern const size_t sample_route_binding_count;

static const struct ds_field *everything_field(const char *name)
{
    const struct ds_field *field =
        ds_field_by_name(&sample_ds_message_sample_v2_everything, name, strlen(name));
    assert_non_null(field);
    return field;
}

static void assert_field(const char *name, int kind, int flags, int oneof)
{
    const struct ds_field *field = everything_field(name);
    assert_string_equal(field->name, name);
    assert_int_equal(field->kind, kind);
    assert_int_equal(field->flags, flags);
    assert_int_equal(field->oneof, oneof);
}

static void every_kind_of_field_keeps_its_number_and_kind(void **state)
{
    (void)state;
    assert_field("a_double", DS_KIND_DOUBLE, 0, -1);
    assert_field("a_float", DS_KIND_FLOAT, 0, -1);
    assert_field("an_int64", DS_KIND_INT64, 0, -1);
    assert_field("a_uint64", DS_KIND_UINT64, 0, -1);
    assert_field("an_int32", DS_KIND_INT32, 0, -1);
    assert_field("a_fixed64", DS_KIND_FIXED64, 0, -1);
    assert_field("a_fixed32", DS_KIND_FIXED32, 0, -1);
    assert_field("a_bool", DS_KIND_BOOL, 0, -1);
    assert_field("a_string", DS_KIND_STRING, 0, -1);
    assert_field("a_message", DS_KIND_MESSAGE, DS_FIELD_PRESENCE, -1);
    assert_field("some_bytes", DS_KIND_BYTES, 0, -1);
    assert_field("a_uint32", DS_KIND_UINT32, 0, -1);
    assert_field("an_enum", DS_KIND_ENUM, 0, -1);
    assert_field("an_sfixed32", DS_KIND_SFIXED32, 0, -1);
    assert_field("an_sfixed64", DS_KIND_SFIXED64, 0, -1);
    assert_field("an_sint32", DS_KIND_SINT32, 0, -1);
    assert_field("an_sint64", DS_KIND_SINT64, 0, -1);
    assert_int_equal(everything_field("an_sint64")->number, 28);
}

static void flags_tell_lists_maps_presence_and_series(void **state)
{
    (void)state;
    assert_field("maybe", DS_KIND_INT32, DS_FIELD_PRESENCE, -1);
    assert_field("numbers", DS_KIND_INT32, DS_FIELD_REPEATED | DS_FIELD_PACKED, -1);
    assert_field("old_numbers", DS_KIND_INT32, DS_FIELD_REPEATED | DS_FIELD_PACKED, -1);
    assert_field("loose_numbers", DS_KIND_INT32, DS_FIELD_REPEATED, -1);
    assert_field("words", DS_KIND_STRING, DS_FIELD_REPEATED, -1);
    assert_field("shelves", DS_KIND_MESSAGE, DS_FIELD_REPEATED | DS_FIELD_MAP, -1);
    assert_field("series", DS_KIND_STRING, DS_FIELD_SERIES, -1);
}

static void members_of_a_oneof_know_which_one(void **state)
{
    (void)state;
    assert_field("text", DS_KIND_STRING, DS_FIELD_PRESENCE, 0);
    assert_field("shelf", DS_KIND_MESSAGE, DS_FIELD_PRESENCE, 0);
    assert_field("yes", DS_KIND_BOOL, DS_FIELD_PRESENCE, 1);
}

static void fields_stand_by_ascending_number_and_are_found_across_gaps(void **state)
{
    (void)state;
    const struct ds_message *message = &sample_ds_message_sample_v2_everything;
    assert_int_equal(message->fields[0].number, 2);
    for (size_t i = 0; i < message->field_count; i++) {
        const struct ds_field *field = &message->fields[i];
        assert_true(i == 0 || message->fields[i - 1].number < field->number);
        assert_ptr_equal(ds_field_by_number(message, field->number), field);
        assert_int_equal(field->name_bytes, strlen(field->name));
        assert_int_equal(field->json_name_bytes, strlen(field->json_name));
    }
    assert_null(ds_field_by_number(message, 0));
    assert_null(ds_field_by_number(message, 1));
    assert_null(ds_field_by_number(message, 20));
    assert_null(ds_field_by_number(message, UINT32_MAX));
}

static void a_json_name_of_its_own_is_kept_and_found(void **state)
{
    (void)state;
    const struct ds_field *field = everything_field("oddly_named");
    const char name[] = "odd 'name' ü";
    assert_string_equal(field->json_name, name);
    assert_ptr_equal(everything_field("an_sfixed32"),
                     ds_field_by_name(&sample_ds_message_sample_v2_everything, "anSfixed32", 10));
    assert_ptr_equal(
        ds_field_by_name(&sample_ds_message_sample_v2_everything, name, sizeof name - 1), field);
}

static void types_are_linked_also_to_themselves(void **state)
{
    (void)state;
    assert_ptr_equal(everything_field("child")->message, &sample_ds_message_sample_v2_everything);
    assert_ptr_equal(everything_field("a_message")->message, &sample_ds_message_sample_v2_shelf);
    assert_ptr_equal(everything_field("an_enum")->enumeration,
                     &sample_ds_enum_sample_v2_shelf_kind);
    assert_null(everything_field("a_string")->message);
    assert_null(everything_field("a_string")->enumeration);

    const struct ds_message *entry = everything_field("shelves")->message;
    assert_string_equal(entry->full_name, "deltastream.sample.v2.Everything.ShelvesEntry");
    assert_int_equal(ds_field_by_number(entry, 1)->kind, DS_KIND_STRING);
    assert_ptr_equal(ds_field_by_number(entry, 2)->message, &sample_ds_message_sample_v2_shelf);
}

static void wellknown_messages_are_marked(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        enum ds_wellknown wellknown;
    } table[] = {
        {"timestamp", DS_WELLKNOWN_TIMESTAMP},
        {"duration", DS_WELLKNOWN_DURATION},
        {"field_mask", DS_WELLKNOWN_FIELD_MASK},
        {"structure", DS_WELLKNOWN_STRUCT},
        {"value", DS_WELLKNOWN_VALUE},
        {"list", DS_WELLKNOWN_LIST_VALUE},
        {"wrapped_string", DS_WELLKNOWN_WRAPPER},
        {"wrapped_number", DS_WELLKNOWN_WRAPPER},
        {"anything", DS_WELLKNOWN_ANY},
        {"nothing", DS_WELLKNOWN_EMPTY},
        {"a_message", DS_WELLKNOWN_NONE},
        {"maybe_books", DS_WELLKNOWN_LIST_VALUE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(everything_field(table[i].field)->message->wellknown, table[i].wellknown);
    }
}

static void short_names_of_enum_values_lose_the_prefix_only_where_they_have_it(void **state)
{
    (void)state;
    const struct ds_enum *kind = &sample_ds_enum_sample_v2_shelf_kind;
    assert_string_equal(kind->full_name, "deltastream.sample.v2.Shelf.Kind");
    assert_string_equal(ds_enum_by_number(kind, 1)->short_name, "open_stack");
    assert_string_equal(ds_enum_by_number(kind, 2)->short_name, "locked");
    assert_string_equal(ds_enum_by_number(kind, -1)->name, "KIND_MINUS");
    assert_null(ds_enum_by_number(kind, 3));
}

static void structs_of_version_2_keep_the_version_in_their_name(void **state)
{
    (void)state;
    Sample__V2__Everything everything = SAMPLE__V2__EVERYTHING__INIT;
    assert_ptr_equal(everything.base.descriptor, sample_ds_message_sample_v2_everything.descriptor);
}

static void a_proto3_optional_field_keeps_an_explicit_zero_on_the_wire(void **state)
{
    (void)state;
    Sample__V2__Everything everything = SAMPLE__V2__EVERYTHING__INIT;
    uint8_t wire[8];
    assert_int_equal(sample__v2__everything__pack(&everything, wire), 0);
    everything._maybe_case = SAMPLE__V2__EVERYTHING___MAYBE_MAYBE;
    everything.maybe = 0;
    assert_int_equal(sample__v2__everything__pack(&everything, wire), 2);
    assert_memory_equal(wire, "\x10\x00", 2);
}

static void rules_given_one_by_one_are_merged(void **state)
{
    (void)state;
    const struct ds_method *method = sample_ds_method_library_update_book;
    assert_string_equal(method->full_name, "deltastream.sample.v2.Library/UpdateBook");
    assert_string_equal(method->permission, "books:write");
    assert_int_equal(method->pool, DS_POOL_WRITE);
    assert_int_equal(method->request_bytes_max, 2000);
    assert_int_equal(method->timeout_ms, 200);
    assert_int_equal(method->index, 1);
    assert_int_equal(method->idempotency, DS_IDEMPOTENCY_UNKNOWN);
    assert_string_equal(method->rows->name, "rows");
    assert_ptr_equal(method->service, &sample_ds_service_library);
    assert_int_equal(sample_ds_method_library_get_book->idempotency, DS_NO_SIDE_EFFECTS);
}

static void the_set_for_reflection_still_has_proto3_optional(void **state)
{
    (void)state;
    Google__Protobuf__FileDescriptorSet *set = google__protobuf__file_descriptor_set__unpack(
        NULL, sample_ds_descriptor_set_bytes, sample_ds_descriptor_set);
    assert_non_null(set);
    const Google__Protobuf__FileDescriptorProto *file = set->file[set->n_file - 1];
    assert_string_equal(file->name, "sample.proto");
    unsigned int optional_count = 0;
    for (size_t i = 0; i < file->n_message_type; i++) {
        for (size_t j = 0; j < file->message_type[i]->n_field; j++) {
            optional_count += file->message_type[i]->field[j]->proto3_optional ? 1 : 0;
        }
    }
    google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
    assert_int_equal(optional_count, 1);
}

/* The binding of that method and path; one method may have a path only once. */
static const struct route_binding *binding(const char *path, enum http_method method)
{
    for (size_t i = 0; i < sample_route_binding_count; i++) {
        if (sample_route_bindings[i].http_method == method &&
            strcmp(sample_route_bindings[i].path_template, path) == 0) {
            return &sample_route_bindings[i];
        }
    }
    fail_msg("no binding for %s", path);
    return NULL;
}

static void variables_know_their_field_and_their_segments(void **state)
{
    (void)state;
    const struct route_binding *one =
        binding("/v2/books/{name}/printed/{book.printed_at}", HTTP_METHOD_GET);
    assert_int_equal(one->variable_count, 2);
    assert_string_equal(one->variables[0].field_path[0]->name, "name");
    assert_int_equal(one->variables[0].segment_first, 2);
    assert_int_equal(one->variables[0].segment_count, 1);
    assert_false(one->variables[0].multiple);
    assert_int_equal(one->variables[1].field_depth, 2);
    assert_string_equal(one->variables[1].field_path[0]->name, "book");
    assert_string_equal(one->variables[1].field_path[1]->name, "printed_at");
    assert_int_equal(one->variables[1].segment_first, 4);

    const struct route_binding *several = binding("/v2/{name=shelves/*/books/*}", HTTP_METHOD_GET);
    assert_int_equal(several->variables[0].segment_first, 1);
    assert_int_equal(several->variables[0].segment_count, 4);
    assert_true(several->variables[0].multiple);

    const struct route_binding *rest = binding("/v2/files/{name=**}", HTTP_METHOD_GET);
    assert_int_equal(rest->variables[0].segment_first, 2);
    assert_int_equal(rest->variables[0].segment_count, 0);
    assert_true(rest->variables[0].multiple);
}

static void bodies_statuses_and_profiles_are_those_of_the_options(void **state)
{
    (void)state;
    const struct route_binding *patch =
        binding("/v2/{book.name=shelves/*/books/*}", HTTP_METHOD_PATCH);
    assert_int_equal(patch->body, ROUTE_BODY_FIELD);
    assert_string_equal(patch->body_field->name, "book");
    assert_string_equal(patch->response_field->name, "book");
    assert_string_equal(patch->mask_field->name, "update_mask");
    assert_int_equal(patch->success_status, 200);
    assert_int_equal(patch->profile, ROUTE_PROFILE_CANONICAL);
    assert_ptr_equal(patch->method, sample_ds_method_library_update_book);

    const struct route_binding *custom =
        binding("/v2/{book.name=shelves/*/books/*}", HTTP_METHOD_PUT);
    assert_int_equal(custom->body, ROUTE_BODY_WHOLE);
    assert_null(custom->body_field);
    assert_null(custom->response_field);
    assert_null(custom->mask_field); /* PUT replaces. */

    const struct route_binding *own = binding("/books", HTTP_METHOD_POST);
    assert_int_equal(own->success_status, 201);
    assert_int_equal(own->profile, ROUTE_PROFILE_P);
    assert_int_equal(binding("/v2/users/me", HTTP_METHOD_POST)->body, ROUTE_BODY_NONE);
}

struct echo_back {
    unsigned int call_count;
};

/* The handler that echo_back_service.gen.h asks for. */
ds_code echo_back_repeat_all(struct echo_back *service, struct ds_call *call,
                             const Sample__V2__Everything *request, Sample__V2__Book *response)
{
    assert_null(call);
    service->call_count++;
    response->pages = request->an_int32;
    return DS_ABORTED;
}

static void the_table_of_handlers_leads_to_the_typed_handler(void **state)
{
    (void)state;
    struct echo_back service = {0};
    Sample__V2__Everything request = SAMPLE__V2__EVERYTHING__INIT;
    Sample__V2__Book response = SAMPLE__V2__BOOK__INIT;
    request.an_int32 = 42;
    assert_string_equal(echo_back_service_handlers.service->full_name,
                        "deltastream.sample.v2.EchoBack");
    const ds_code code =
        echo_back_service_handlers.handlers[0](&service, NULL, &request.base, &response.base);
    assert_int_equal(code, DS_ABORTED);
    assert_int_equal(service.call_count, 1);
    assert_int_equal(response.pages, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_field_keeps_its_number_and_kind),
        cmocka_unit_test(flags_tell_lists_maps_presence_and_series),
        cmocka_unit_test(members_of_a_oneof_know_which_one),
        cmocka_unit_test(fields_stand_by_ascending_number_and_are_found_across_gaps),
        cmocka_unit_test(a_json_name_of_its_own_is_kept_and_found),
        cmocka_unit_test(types_are_linked_also_to_themselves),
        cmocka_unit_test(wellknown_messages_are_marked),
        cmocka_unit_test(short_names_of_enum_values_lose_the_prefix_only_where_they_have_it),
        cmocka_unit_test(structs_of_version_2_keep_the_version_in_their_name),
        cmocka_unit_test(a_proto3_optional_field_keeps_an_explicit_zero_on_the_wire),
        cmocka_unit_test(rules_given_one_by_one_are_merged),
        cmocka_unit_test(the_set_for_reflection_still_has_proto3_optional),
        cmocka_unit_test(variables_know_their_field_and_their_segments),
        cmocka_unit_test(bodies_statuses_and_profiles_are_those_of_the_options),
        cmocka_unit_test(the_table_of_handlers_leads_to_the_typed_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
