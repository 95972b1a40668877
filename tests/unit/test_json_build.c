#include "ds/json_build.h"
#include "support/test.h"

#include <math.h>

static void commas_stand_between_members_only(void **state)
{
    (void)state;
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX);
    ds_json_put_open(&json, NULL, '{');
    ds_json_put_text(&json, "text", "{");
    ds_json_put_number(&json, "number", -1);
    ds_json_put_open(&json, "list", '[');
    ds_json_put_text(&json, NULL, "[");
    ds_json_put_seconds(&json, NULL, 1500000);
    ds_json_put_close(&json, ']');
    ds_json_put_boolean(&json, "truth", true);
    ds_json_put_real(&json, "real", 0.1);
    ds_json_put_real(&json, "infinity", INFINITY);
    ds_json_put_time(&json, "time", 1737799200000000);
    ds_json_put_close(&json, '}');
    ds_buffer_append_byte(&json, '\0');
    assert_string_equal((const char *)json.data,
                        "{\"text\":\"{\",\"number\":-1,\"list\":[\"[\",1.500000],"
                        "\"truth\":true,\"real\":0.1,\"infinity\":null,"
                        "\"time\":\"2025-01-25T10:00:00Z\"}");
    ds_buffer_deinit(&json);
}

static void a_line_begins_behind_the_comma(void **state)
{
    (void)state;
    struct ds_buffer json;
    ds_buffer_init(&json, SIZE_MAX);
    ds_json_put_open(&json, NULL, '[');
    for (int64_t i = 1; i <= 2; i++) {
        ds_json_put_line(&json);
        ds_json_put_number(&json, NULL, i);
    }
    ds_json_put_close(&json, ']');
    ds_buffer_append_byte(&json, '\0');
    assert_string_equal((const char *)json.data, "[\n1,\n2]");
    ds_buffer_deinit(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_members_only),
        cmocka_unit_test(a_line_begins_behind_the_comma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
