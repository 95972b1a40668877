#include "ds/schema.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "schema.gen.h"
#include "support/test.h"

#include <string.h>

static const struct ds_method *method(const char *full_name)
{
    return ds_method_find(full_name, strlen(full_name));
}

static void a_method_is_found_by_its_full_name(void **state)
{
    (void)state;
    const struct ds_method *list_ticks = method("deltastream.storage.v1.Storage/ListTicks");
    assert_non_null(list_ticks);
    assert_ptr_equal(list_ticks, ds_method_storage_list_ticks);
    assert_string_equal(list_ticks->name, "ListTicks");
    assert_string_equal(list_ticks->request->full_name, "deltastream.storage.v1.ListTicksRequest");
    assert_string_equal(list_ticks->permission, "market:read");
    assert_int_equal(list_ticks->pool, DS_POOL_INLINE);
    assert_int_equal(list_ticks->idempotency, DS_NO_SIDE_EFFECTS);
    assert_int_equal(list_ticks->request_bytes_max, 16384);
    assert_int_equal(list_ticks->timeout_ms, 5000);
}

/* On the thread that receives: only what ends after one page of rows. */
static void few_methods_run_at_once(void **state)
{
    (void)state;
    static const char *const names[] = {"ListTicks", "LatestTick", "AsOf", "ListQuotes",
                                        "ListEvents"};
    const size_t name_count = sizeof names / sizeof names[0];
    size_t found = 0;
    for (size_t i = 0; i < ds_service_storage.method_count; i++) {
        const struct ds_method *listed = &ds_service_storage.methods[i];
        if (listed->pool == DS_POOL_INLINE) {
            assert_true(found < name_count);
            assert_string_equal(listed->name, names[found++]);
        }
    }
    assert_int_equal(found, name_count);
}

static void every_method_of_every_service_is_found(void **state)
{
    (void)state;
    assert_true(ds_service_count >= 3);
    for (size_t i = 0; i < ds_service_count; i++) {
        const struct ds_service *service = ds_services[i];
        assert_true(i == 0 || strcmp(ds_services[i - 1]->full_name, service->full_name) < 0);
        for (size_t j = 0; j < service->method_count; j++) {
            assert_ptr_equal(method(service->methods[j].full_name), &service->methods[j]);
            assert_int_equal(service->methods[j].index, j);
            assert_ptr_equal(service->methods[j].service, service);
        }
    }
}

static const struct ds_method *own_method(const char *full_name)
{
    return ds_service_method_find(&ds_service_storage, full_name, strlen(full_name));
}

static void a_service_finds_its_own_methods_only(void **state)
{
    (void)state;
    assert_ptr_equal(own_method("deltastream.storage.v1.Storage/ListTicks"),
                     ds_method_storage_list_ticks);
    assert_null(own_method("grpc.health.v1.Health/Check"));
    assert_null(own_method("deltastream.storage.v1.Storage/Check"));
    assert_null(own_method("deltastream.storage.v1.Storage/"));
    assert_null(own_method("deltastream.storage.v1.Storage"));
    assert_null(own_method("deltastream.storage.v1.StoragE/ListTicks"));
    assert_null(own_method("deltastream.storage.v1.Storage.ListTicks"));
}

static void a_name_that_is_no_methods_finds_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "/",
        "deltastream.storage.v1.Storage",
        "deltastream.storage.v1.Storage/",
        "deltastream.storage.v1.Storage/ListTick",
        "deltastream.storage.v1.Storage/ListTicksX",
        "deltastream.storage.v1.Storage/listticks",
        "/deltastream.storage.v1.Storage/ListTicks",
        "deltastream.storage.v1.Storag/ListTicks",
        "deltastream.storage.v1.Storage2/ListTicks",
        "deltastream.storage.v1.Storage/ListTicks/",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_null(method(names[i]));
    }
    assert_null(ds_method_find("deltastream.storage.v1.Storage/ListTicks\0x", 42));
}

static void a_methods_name_need_not_be_terminated(void **state)
{
    (void)state;
    const char *name = "deltastream.storage.v1.Storage/ListTicks";
    assert_non_null(
        ds_method_find("deltastream.storage.v1.Storage/ListTicksAndMore", strlen(name)));
}

static void every_message_is_found_by_its_full_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ds_message_count; i++) {
        assert_ptr_equal(ds_message_find(ds_messages[i]->full_name), ds_messages[i]);
        assert_string_equal(ds_messages[i]->descriptor->name, ds_messages[i]->full_name);
    }
    assert_ptr_equal(ds_message_find("deltastream.storage.v1.Tick"), &ds_message_storage_tick);
    assert_null(ds_message_find("deltastream.storage.v1.Tic"));
    assert_null(ds_message_find(""));
}

static void a_field_is_found_by_its_number(void **state)
{
    (void)state;
    assert_string_equal(ds_field_by_number(&ds_message_storage_tick, 4)->name, "tick_id");
    assert_null(ds_field_by_number(&ds_message_storage_tick, 0));
    assert_null(ds_field_by_number(&ds_message_storage_tick, 12));
    assert_null(ds_field_by_number(&ds_message_storage_list_products_request, 1));
}

static void a_field_is_found_by_either_of_its_names(void **state)
{
    (void)state;
    const struct ds_field *field = ds_field_by_number(&ds_message_storage_tick, 5);
    assert_ptr_equal(ds_field_by_name(&ds_message_storage_tick, "processed_at", 12), field);
    assert_ptr_equal(ds_field_by_name(&ds_message_storage_tick, "processedAt", 11), field);
    assert_null(ds_field_by_name(&ds_message_storage_tick, "processed_a", 11));
    assert_null(ds_field_by_name(&ds_message_storage_tick, "Processed_at", 12));
    assert_null(ds_field_by_name(&ds_message_storage_tick, NULL, 0));
}

static void the_fields_of_a_tick_say_what_may_be_absent(void **state)
{
    (void)state;
    const struct ds_message *tick = &ds_message_storage_tick;
    assert_int_equal(ds_field_by_number(tick, 1)->flags, DS_FIELD_SERIES);
    assert_int_equal(ds_field_by_number(tick, 2)->flags, DS_FIELD_PRESENCE);
    assert_int_equal(ds_field_by_number(tick, 2)->oneof, -1);
    assert_int_equal(ds_field_by_number(tick, 3)->flags, DS_FIELD_PRESENCE);
    assert_int_equal(ds_field_by_number(tick, 3)->message->wellknown, DS_WELLKNOWN_TIMESTAMP);
}

static void an_enum_value_is_found_by_name_and_by_number(void **state)
{
    (void)state;
    const struct ds_enum *order = &ds_enum_storage_order;
    assert_int_equal(ds_enum_by_name(order, "ORDER_ASC", 9)->number, 2);
    assert_string_equal(ds_enum_by_number(order, 2)->short_name, "asc");
    assert_null(ds_enum_by_name(order, "ORDER_AS", 8));
    assert_null(ds_enum_by_name(order, "asc", 3));
    assert_null(ds_enum_by_name(order, NULL, 0));
    assert_null(ds_enum_by_number(order, 3));
    assert_null(ds_enum_by_number(order, -1));
}

static void a_reason_has_its_http_status(void **state)
{
    (void)state;
    assert_int_equal(ds_enum_by_name(&ds_enum_rpc_reason, "NOT_FOUND", 9)->http_status, 404);
    assert_int_equal(ds_enum_by_name(&ds_enum_rpc_reason, "STORE_FULL", 10)->http_status, 507);
    assert_int_equal(ds_enum_by_number(&ds_enum_rpc_reason, 0)->http_status, 0);
}

static void the_rows_of_an_ingest_are_its_ticks(void **state)
{
    (void)state;
    assert_ptr_equal(ds_method_storage_ingest_ticks->rows,
                     ds_field_by_number(&ds_message_storage_ingest_ticks_request, 1));
    assert_null(ds_method_storage_list_ticks->rows);
}

static void the_descriptor_set_describes_the_services(void **state)
{
    (void)state;
    Google__Protobuf__FileDescriptorSet *set = google__protobuf__file_descriptor_set__unpack(
        NULL, ds_descriptor_set_bytes, ds_descriptor_set);
    assert_non_null(set);
    size_t service_count = 0;
    for (size_t i = 0; i < set->n_file; i++) {
        service_count += set->file[i]->n_service;
    }
    google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
    assert_int_equal(service_count, ds_service_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_method_is_found_by_its_full_name),
        cmocka_unit_test(few_methods_run_at_once),
        cmocka_unit_test(every_method_of_every_service_is_found),
        cmocka_unit_test(a_service_finds_its_own_methods_only),
        cmocka_unit_test(a_name_that_is_no_methods_finds_nothing),
        cmocka_unit_test(a_methods_name_need_not_be_terminated),
        cmocka_unit_test(every_message_is_found_by_its_full_name),
        cmocka_unit_test(a_field_is_found_by_its_number),
        cmocka_unit_test(a_field_is_found_by_either_of_its_names),
        cmocka_unit_test(the_fields_of_a_tick_say_what_may_be_absent),
        cmocka_unit_test(an_enum_value_is_found_by_name_and_by_number),
        cmocka_unit_test(a_reason_has_its_http_status),
        cmocka_unit_test(the_rows_of_an_ingest_are_its_ticks),
        cmocka_unit_test(the_descriptor_set_describes_the_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
