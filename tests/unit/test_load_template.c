#include "clients/load/generator_read.h"
#include "clients/load/plan_read.h"
#include "clients/load/template_read.h"
#include "support/test.h"

#include <stdlib.h>

static const char *const variable_names[] = {"token", "unset"};

struct fixture {
    struct ds_arena *arena;
    struct load_generators generators;
    struct load_names names;
    struct ds_bytes variables[2];
    struct ds_buffer text;
    char reason[LOAD_TEMPLATE_REASON_BYTES_MAX];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    fixture->arena = load_plan_arena_create();
    ds_buffer_init(&fixture->text, 4096);
    char reason[LOAD_PLAN_REASON_BYTES_MAX];
    struct member_reader reader = {.arena = fixture->arena, .reason = reason};
    json_t *data = json_loads("{\"id\": {\"kind\": \"sequence\", \"start\": 5},"
                              " \"odd\": {\"kind\": \"choice\", \"of\": [\"a \\\"b\\\"/ü\"]},"
                              " \"price\": {\"kind\": \"uniform\", \"minimum\": 2.5, "
                              "\"maximum\": 2.5, \"decimals\": 2}}",
                              0, NULL);
    assert_true(load_generators_read(&reader, NULL, data, &fixture->generators));
    json_decref(data);
    fixture->names = (struct load_names){
        .variables = variable_names, .variable_count = 2, .generators = &fixture->generators};
    fixture->variables[0] = ds_bytes_of_text("T-1");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ds_buffer_deinit(&fixture->text);
    ds_arena_destroy(fixture->arena);
    free(fixture);
    return 0;
}

static ds_code fill_into(struct fixture *fixture, const struct load_template *template,
                         uint64_t flow)
{
    const struct load_draw draw = {.flow = flow, .seed = 1, .variables = fixture->variables};
    return load_template_fill(template, &draw, &fixture->text);
}

static void filled(struct fixture *fixture, const struct load_template *template, uint64_t flow,
                   const char *wanted)
{
    if (template == NULL) {
        fail_msg("%s", fixture->reason);
    }
    ds_buffer_clear(&fixture->text);
    assert_int_equal(fill_into(fixture, template, flow), DS_OK);
    ds_buffer_append_byte(&fixture->text, 0);
    assert_string_equal((const char *)fixture->text.data, wanted);
}

static const struct load_template *body_of(struct fixture *fixture, const char *json)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    const struct load_template *template =
        load_template_of_json(fixture->arena, value, &fixture->names, fixture->reason);
    json_decref(value);
    return template;
}

static const struct load_template *text_of(struct fixture *fixture, enum load_template_form form,
                                           const char *text)
{
    return load_template_of_text(fixture->arena, form, text, &fixture->names, fixture->reason);
}

static void a_body_without_places_is_constant(void **state)
{
    struct fixture *fixture = *state;
    const struct load_template *template = body_of(
        fixture, "{\"a\": [1, -2.5, true, false, null, {}], \"b\\\"\": \"x\\ny\", \"c\": []}");
    filled(fixture, template, 0,
           "{\"a\":[1,-2.5,true,false,null,{}],\"b\\\"\":\"x\\ny\",\"c\":[]}");
    assert_true(load_template_is_constant(template));
}

static void a_place_of_numbers_alone_in_its_text_becomes_a_number(void **state)
{
    struct fixture *fixture = *state;
    const struct load_template *template =
        body_of(fixture, "{\"id\": \"${id}\", \"price\": \"${price}\", \"text\": \"no ${id}\"}");
    filled(fixture, template, 2, "{\"id\":7,\"price\":2.50,\"text\":\"no 7\"}");
    assert_false(load_template_is_constant(template));
}

static void texts_are_escaped_in_a_body(void **state)
{
    struct fixture *fixture = *state;
    filled(fixture, body_of(fixture, "[\"${odd}\", \"<${odd}|${token}>\"]"), 0,
           "[\"a \\\"b\\\"/ü\",\"<a \\\"b\\\"/ü|T-1>\"]");
    fixture->variables[0] = ds_bytes_of_text("12");
    filled(fixture, body_of(fixture, "\"${token}\""), 0, "\"12\"");
}

static void the_name_of_a_member_stays_a_text(void **state)
{
    struct fixture *fixture = *state;
    filled(fixture, body_of(fixture, "{\"${id}\": 1}"), 0, "{\"5\":1}");
}

static void two_dollars_stand_for_a_place_that_is_none(void **state)
{
    struct fixture *fixture = *state;
    filled(fixture, body_of(fixture, "\"$${id} $ {} $$ ${id}\""), 0, "\"${id} $ {} $$ 5\"");
    filled(fixture, text_of(fixture, LOAD_FORM_HEADER, "a $${id} b"), 0, "a ${id} b");
}

static void a_repetition_makes_a_row_a_value_and_takes_numbers_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    const struct load_template *template = body_of(
        fixture, "{\"rows\": {\"$repeat\": 3, \"$of\": {\"id\": \"${id}\", \"t\": \"${token}\"}}, "
                 "\"last\": \"${id}\"}");
    filled(fixture, template, 0,
           "{\"rows\":[{\"id\":5,\"t\":\"T-1\"},{\"id\":6,\"t\":\"T-1\"},{\"id\":7,\"t\":\"T-1\"}],"
           "\"last\":5}");
    filled(
        fixture, template, 1,
        "{\"rows\":[{\"id\":8,\"t\":\"T-1\"},{\"id\":9,\"t\":\"T-1\"},{\"id\":10,\"t\":\"T-1\"}],"
        "\"last\":8}");
}

static void paths_are_percent_encoded(void **state)
{
    struct fixture *fixture = *state;
    filled(fixture, text_of(fixture, LOAD_FORM_PATH, "/v1/x/${odd}?a=b&n=${price}&t=${token}"), 0,
           "/v1/x/a%20%22b%22%2F%C3%BC?a=b&n=2.50&t=T-1");
}

static void a_header_takes_no_line_ends_from_a_value(void **state)
{
    struct fixture *fixture = *state;
    const struct load_template *template = text_of(fixture, LOAD_FORM_HEADER, "Bearer ${token}");
    filled(fixture, template, 0, "Bearer T-1");
    fixture->variables[0] = ds_bytes_of_text("T\r\nX: y");
    assert_int_equal(fill_into(fixture, template, 0), DS_INVALID_ARGUMENT);
}

static void a_filling_that_fails_leaves_the_buffer_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    ds_buffer_append_text(&fixture->text, "before");
    assert_int_equal(fill_into(fixture, body_of(fixture, "[1, \"${unset}\"]"), 0),
                     DS_FAILED_PRECONDITION);
    assert_int_equal(
        fill_into(fixture, body_of(fixture, "{\"$repeat\": 2000, \"$of\": \"${odd}\"}"), 0),
        DS_RESOURCE_EXHAUSTED);
    assert_int_equal(fixture->text.size, strlen("before"));
    assert_false(fixture->text.overflow);
    assert_int_equal(fill_into(fixture, body_of(fixture, "[]"), 0), DS_OK);
    assert_memory_equal(fixture->text.data, "before[]", 8);
}

static void refused(const struct fixture *fixture, const struct load_template *template,
                    const char *reason)
{
    assert_null(template);
    assert_string_equal(fixture->reason, reason);
}

static void what_is_no_template_is_refused_with_what_would_do(void **state)
{
    struct fixture *fixture = *state;
    refused(fixture, body_of(fixture, "\"${prize}\""),
            "${prize}: neither \"data\" nor an earlier \"capture\" has that name; did you mean "
            "\"price\"?");
    refused(fixture, body_of(fixture, "\"a ${id\""),
            "\"${id\" has no }; a place is ${name}, and $${ stands for ${");
    refused(fixture, body_of(fixture, "\"${id.x}\""),
            "${id…}: the column of a csv follows a dot, as its first line spells it, and only a "
            "csv has columns");
    refused(fixture, body_of(fixture, "{\"$repeat\": 0, \"$of\": 1}"),
            "\"$repeat\" takes a whole number from 1 to 100000");
    refused(fixture, body_of(fixture, "{\"$repeat\": 3, \"of\": 1}"),
            "\"$repeat\" takes one other member, \"$of\": what is repeated");
    refused(fixture, body_of(fixture, "{\"$repeat\": 3, \"$of\": [{\"$repeat\": 3, \"$of\": 1}]}"),
            "\"$repeat\" can't stand in another one");
    refused(fixture, text_of(fixture, LOAD_FORM_PATH, "/a b"),
            "blanks and control characters take %20 and the like");
    refused(fixture, text_of(fixture, LOAD_FORM_HEADER, "a\nb"), "takes no control characters");
    refused(fixture, text_of(fixture, LOAD_FORM_HEADER, "${}"),
            "${}: neither \"data\" nor an earlier \"capture\" has that name");
}

static void a_body_may_not_be_nested_without_end(void **state)
{
    struct fixture *fixture = *state;
    char text[401];
    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    text[400] = '\0';
    refused(fixture, body_of(fixture, text), "lists and objects lie too deep in one another");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_body_without_places_is_constant, setup, teardown),
        cmocka_unit_test_setup_teardown(a_place_of_numbers_alone_in_its_text_becomes_a_number,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(texts_are_escaped_in_a_body, setup, teardown),
        cmocka_unit_test_setup_teardown(the_name_of_a_member_stays_a_text, setup, teardown),
        cmocka_unit_test_setup_teardown(two_dollars_stand_for_a_place_that_is_none, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_repetition_makes_a_row_a_value_and_takes_numbers_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_are_percent_encoded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_header_takes_no_line_ends_from_a_value, setup, teardown),
        cmocka_unit_test_setup_teardown(a_filling_that_fails_leaves_the_buffer_as_it_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_template_is_refused_with_what_would_do, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_body_may_not_be_nested_without_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
