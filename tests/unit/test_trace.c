/* W3C Trace Context, level 1. */
/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/trace.h"

#include <stdio.h>
#include <string.h>

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define PARENT_ID "b7ad6b7169203331"

static bool is_valid(const char *text)
{
    return ds_traceparent_is_valid(ds_bytes_of_text(text));
}

static struct ds_trace begun(const char *traceparent)
{
    struct ds_trace trace;
    (void)ds_trace_begin(ds_bytes_of_text(traceparent), &trace);
    return trace;
}

static void a_traceparent_of_version_00_has_55_lower_case_characters(void **state)
{
    (void)state;
    assert_true(is_valid("00-" TRACE_ID "-" PARENT_ID "-01"));
    assert_true(is_valid("00-" TRACE_ID "-" PARENT_ID "-ff"));
    assert_false(is_valid(""));
    assert_false(is_valid("00-" TRACE_ID "-" PARENT_ID "-0"));
    assert_false(is_valid("00-" TRACE_ID "-" PARENT_ID "-01-"));
    assert_false(is_valid("00-" TRACE_ID "-" PARENT_ID "-01-more"));
    assert_false(is_valid(" 00-" TRACE_ID "-" PARENT_ID "-01"));
    assert_false(is_valid("00_" TRACE_ID "-" PARENT_ID "-01"));
    assert_false(is_valid("00-" TRACE_ID "_" PARENT_ID "-01"));
    assert_false(is_valid("00-" TRACE_ID "-" PARENT_ID "_01"));
    assert_false(is_valid("00-0AF7651916CD43DD8448EB211C80319C-" PARENT_ID "-01"));
    assert_false(is_valid("00-" TRACE_ID "-B7AD6B7169203331-01"));
    assert_false(is_valid("00-" TRACE_ID "-" PARENT_ID "-0A"));
    assert_false(is_valid("0g-" TRACE_ID "-" PARENT_ID "-01"));
    assert_false(is_valid("00-0af7651916cd43dd8448eb211c80319g-" PARENT_ID "-01"));
}

static void an_id_of_zeros_is_refused(void **state)
{
    (void)state;
    assert_false(is_valid("00-00000000000000000000000000000000-" PARENT_ID "-01"));
    assert_false(is_valid("00-" TRACE_ID "-0000000000000000-01"));
}

static void version_ff_is_refused_and_a_later_one_is_read_as_far_as_00_goes(void **state)
{
    (void)state;
    assert_false(is_valid("ff-" TRACE_ID "-" PARENT_ID "-01"));
    assert_true(is_valid("01-" TRACE_ID "-" PARENT_ID "-01"));
    assert_true(is_valid("cc-" TRACE_ID "-" PARENT_ID "-01-what-the-future-will-be-like"));
    assert_true(is_valid("cc-" TRACE_ID "-" PARENT_ID "-01-"));
    assert_false(is_valid("cc-" TRACE_ID "-" PARENT_ID "-01.what-the-future"));
}

static void a_trace_goes_on_with_a_span_of_its_own(void **state)
{
    (void)state;
    char parent[DS_TRACEPARENT_BYTES + 1];
    char trace_id[2 * DS_TRACE_ID_BYTES + 1];
    char span_id[2 * DS_SPAN_ID_BYTES + 1];
    struct ds_trace trace;
    assert_true(ds_trace_begin(ds_bytes_of_text("00-" TRACE_ID "-" PARENT_ID "-01"), &trace));
    ds_trace_write_id(&trace, trace_id);
    assert_string_equal(trace_id, TRACE_ID);
    ds_span_write_id(trace.parent_id, span_id);
    assert_string_equal(span_id, PARENT_ID);
    ds_span_write_id(trace.span_id, span_id);
    assert_string_not_equal(span_id, PARENT_ID);
    ds_trace_write_parent(&trace, parent);
    assert_int_equal(strlen(parent), DS_TRACEPARENT_BYTES);
    assert_memory_equal(parent, "00-" TRACE_ID "-", 36);
    assert_memory_equal(parent + 36, span_id, 16);
    assert_string_equal(parent + 52, "-01");
    assert_true(is_valid(parent));
}

static void only_the_sampled_flag_travels_on(void **state)
{
    (void)state;
    char parent[DS_TRACEPARENT_BYTES + 1];
    struct ds_trace trace = begun("00-" TRACE_ID "-" PARENT_ID "-fe");
    ds_trace_write_parent(&trace, parent);
    assert_string_equal(parent + 52, "-00");
    trace = begun("00-" TRACE_ID "-" PARENT_ID "-ff");
    ds_trace_write_parent(&trace, parent);
    assert_string_equal(parent + 52, "-01");
}

static void a_trace_of_a_later_version_is_handed_on_as_00(void **state)
{
    (void)state;
    char parent[DS_TRACEPARENT_BYTES + 1];
    const struct ds_trace trace = begun("42-" TRACE_ID "-" PARENT_ID "-01-more");
    ds_trace_write_parent(&trace, parent);
    assert_memory_equal(parent, "00-" TRACE_ID "-", 36);
}

static void a_bad_traceparent_begins_a_new_trace(void **state)
{
    (void)state;
    char parent[DS_TRACEPARENT_BYTES + 1];
    char parent_id[2 * DS_SPAN_ID_BYTES + 1];
    struct ds_trace first;
    struct ds_trace second;
    assert_false(ds_trace_begin(ds_bytes_of_text("00-" TRACE_ID "-0000000000000000-01"), &first));
    assert_false(ds_trace_begin(ds_bytes_of_text(""), &second));
    assert_memory_not_equal(first.trace_id, second.trace_id, sizeof first.trace_id);
    assert_memory_not_equal(first.span_id, second.span_id, sizeof first.span_id);
    ds_span_write_id(first.parent_id, parent_id);
    assert_string_equal(parent_id, "0000000000000000");
    ds_trace_write_parent(&first, parent);
    assert_true(is_valid(parent));
    assert_string_equal(parent + 52, "-00");
}

static const char *joined(const char *const *fields, size_t count)
{
    static char text[DS_TRACESTATE_BYTES_MAX + 1];
    struct ds_tracestate tracestate = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        if (!ds_tracestate_add(&tracestate, ds_bytes_of_text(fields[i]))) {
            return NULL;
        }
    }
    const size_t size = ds_tracestate_write(&tracestate, text);
    assert_int_equal(size, strlen(text));
    return text;
}

static const char *state_of(const char *field)
{
    return joined(&field, 1);
}

static void the_fields_of_a_tracestate_are_one_list(void **state)
{
    (void)state;
    const char *const fields[] = {"rojo=00f067aa0ba902b7, congo=t61rcWkgMzE", "", "a@b=1 2"};
    assert_string_equal(joined(fields, 3), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,a@b=1 2");
    assert_string_equal(state_of(""), "");
    assert_string_equal(state_of(" a=1\t,, ,\tb=2 ,"), "a=1,b=2");
    assert_string_equal(state_of("a_-*/0=~!\"#"), "a_-*/0=~!\"#");
    assert_string_equal(state_of("0tenant@system=1"), "0tenant@system=1");
}

static void a_tracestate_against_the_grammar_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"a",     "=1",       "a=",      "a=1=2",
                                      "A=1",   "0a=1",     "a b=1",   "a@=1",
                                      "@a=1",  "a@0b=1",   "a@b@c=1", "a=\x7f",
                                      "a=\t1", "a=1;\x01", "a\xc3=1", "a@abcdefghijklmno=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (state_of(bad[i]) != NULL) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
}

static void a_key_comes_once(void **state)
{
    (void)state;
    const char *const fields[] = {"a=1,b=2", "a=3"};
    assert_null(joined(fields, 2));
    assert_null(state_of("a=1,a=1"));
}

static void keys_and_values_have_their_lengths(void **state)
{
    (void)state;
    char text[700];
    snprintf(text, sizeof text, "a%0255d=1", 0);
    assert_non_null(state_of(text));
    snprintf(text, sizeof text, "a%0256d=1", 0);
    assert_null(state_of(text));
    snprintf(text, sizeof text, "a=%0256d", 0);
    assert_non_null(state_of(text));
    snprintf(text, sizeof text, "a=%0257d", 0);
    assert_null(state_of(text));
}

static void there_are_at_most_32_members(void **state)
{
    (void)state;
    char text[512] = "";
    for (int i = 0; i < 32; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "k%d=1,", i);
    }
    assert_int_equal(strlen(state_of(text)), strlen(text) - 1);
    snprintf(text + strlen(text), sizeof text - strlen(text), "k=1");
    assert_null(state_of(text));
}

static void of_a_long_tracestate_whole_members_are_dropped_large_ones_first(void **state)
{
    (void)state;
    char text[2048];
    char wanted[2048];
    snprintf(text, sizeof text, "a=%0100d,b=%0210d,c=%0100d,d=%0200d,e=%0100d", 1, 2, 3, 4, 5);
    snprintf(wanted, sizeof wanted, "a=%0100d,b=%0210d,c=%0100d,e=%0100d", 1, 2, 3, 5);
    assert_true(strlen(wanted) > DS_TRACESTATE_BYTES_MAX);
    snprintf(wanted, sizeof wanted, "a=%0100d,c=%0100d,e=%0100d", 1, 3, 5);
    assert_string_equal(state_of(text), wanted);
    snprintf(text, sizeof text, "a=%0120d,b=%0120d,c=%0120d,d=%0120d,e=%0120d,f=1", 1, 2, 3, 4, 5);
    snprintf(wanted, sizeof wanted, "a=%0120d,b=%0120d,c=%0120d,d=%0120d", 1, 2, 3, 4);
    assert_string_equal(state_of(text), wanted);
}

static void a_tracestate_of_512_characters_is_kept(void **state)
{
    (void)state;
    char text[600];
    snprintf(text, sizeof text, "a=%0253d,b=%0254d", 1, 2);
    assert_int_equal(strlen(text), 512);
    assert_string_equal(state_of(text), text);
    snprintf(text, sizeof text, "a=%0254d,b=%0254d", 1, 2);
    assert_int_equal(strlen(state_of(text)), 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_of_version_00_has_55_lower_case_characters),
        cmocka_unit_test(an_id_of_zeros_is_refused),
        cmocka_unit_test(version_ff_is_refused_and_a_later_one_is_read_as_far_as_00_goes),
        cmocka_unit_test(a_trace_goes_on_with_a_span_of_its_own),
        cmocka_unit_test(only_the_sampled_flag_travels_on),
        cmocka_unit_test(a_trace_of_a_later_version_is_handed_on_as_00),
        cmocka_unit_test(a_bad_traceparent_begins_a_new_trace),
        cmocka_unit_test(the_fields_of_a_tracestate_are_one_list),
        cmocka_unit_test(a_tracestate_against_the_grammar_is_refused),
        cmocka_unit_test(a_key_comes_once),
        cmocka_unit_test(keys_and_values_have_their_lengths),
        cmocka_unit_test(there_are_at_most_32_members),
        cmocka_unit_test(of_a_long_tracestate_whole_members_are_dropped_large_ones_first),
        cmocka_unit_test(a_tracestate_of_512_characters_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
