/* What ds-proto-compiler refuses of methods, types and files. */
#include "generator/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 1024 /* DS_MESSAGE_FIELDS_MAX */

/* Without it the refusals below might all come from something else in the frame. */
static void the_frame_of_the_cases_is_accepted(void **state)
{
    assert_accepted(state, "");
    assert_accepted(state, "option (google.api.http) = {get: \"/v1/{name}\"};");
}

static void a_method_needs_a_permission(void **state)
{
    rules_are_refused(state, "", "has no permission; add permission: ");
    rules_are_refused(state,
                      "option (deltastream.method) = {pool: POOL_READ request_bytes_max: 1 "
                      "timeout_ms: 1};",
                      "has no permission; add permission: ");
}

static void a_method_needs_a_pool(void **state)
{
    rules_are_refused(state,
                      "option (deltastream.method) = {permission: \"p\" request_bytes_max: 1 "
                      "timeout_ms: 1};",
                      "has no pool; add pool: ");
}

static void a_method_needs_a_size_limit_that_frames_can_hold(void **state)
{
    rules_are_refused(state,
                      "option (deltastream.method) = {permission: \"p\" pool: POOL_READ "
                      "timeout_ms: 1};",
                      "add request_bytes_max: 1 to 16777216");
    rules_are_refused(state,
                      "option (deltastream.method) = {permission: \"p\" pool: POOL_READ "
                      "timeout_ms: 1 request_bytes_max: 16777217};",
                      "add request_bytes_max: 1 to 16777216");
}

static void a_method_needs_a_time_limit(void **state)
{
    rules_are_refused(state,
                      "option (deltastream.method) = {permission: \"p\" pool: POOL_READ "
                      "request_bytes_max: 1};",
                      "has no time limit; add timeout_ms: ");
}

static void rows_name_a_repeated_message_field(void **state)
{
    static const struct {
        const char *name;
        const char *advice;
    } table[] = {
        {"nothing", "rows: \"nothing\" is no field of refused.v1.Request; name one of its"},
        {"inner", "rows: \"inner\" is not a repeated message field of refused.v1.Request"},
        {"words", "rows: \"words\" is not a repeated message field"},
        {"map", "rows: \"map\" is not a repeated message field"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char rules[512];
        snprintf(rules, sizeof rules,
                 "option (deltastream.method) = {permission: \"p\" pool: POOL_READ "
                 "request_bytes_max: 1 timeout_ms: 1 rows: \"%s\"};",
                 table[i].name);
        rules_are_refused(state, rules, table[i].advice);
    }
}

static void every_fault_is_told_in_one_run(void **state)
{
    rules_are_refused(state, "option (google.api.http) = {get: \"v1\"};", "has no permission");
    const struct workshop *workshop = *state;
    assert_said(workshop, "has no pool");
    assert_said(workshop, "has no time limit");
    assert_said(workshop, "GET v1: the path does not begin with '/'");
}

static void streams_are_refused(void **state)
{
    char methods[512];
    snprintf(methods, sizeof methods, "rpc Get(stream Request) returns (Response) { %s }",
             refusal_rules);
    methods_are_refused(state, methods, "refused.v1.Sample/Get: ",
                        "client streaming is not supported: a call is one request and one reply; "
                        "take a message with a repeated field");
    snprintf(methods, sizeof methods, "rpc Get(Request) returns (stream Response) { %s }",
             refusal_rules);
    methods_are_refused(state, methods, "refused.v1.Sample/Get: ",
                        "server streaming is not supported: a call is one request and one reply; "
                        "return pages");
    snprintf(methods, sizeof methods, "rpc Get(stream Request) returns (stream Response) { %s }",
             refusal_rules);
    methods_are_refused(state, methods,
                        "refused.v1.Sample/Get: ", "server streaming is not supported");
    assert_said(*state, "client streaming is not supported");
}

static void proto2_and_its_groups_are_refused(void **state)
{
    file_is_refused(state,
                    "syntax = \"proto2\"; message A { optional group Inner = 1 { optional int32 a "
                    "= 1; } }",
                    "case.proto: ", "is written in proto2");
    file_is_refused(state,
                    "syntax = \"proto3\"; import \"google/protobuf/descriptor.proto\";"
                    "message A { google.protobuf.FileDescriptorProto file = 1; }",
                    "A: ", "is of the proto2 type google.protobuf.FileDescriptorProto; use a");
    methods_are_refused(state, "rpc Get(Request) returns (google.protobuf.MethodOptions) {}",
                        "refused.v1.Sample/Get: ", "takes or returns a proto2 message; use proto3");
}

static void names_that_meet_in_c_are_refused(void **state)
{
    file_is_refused(state, "syntax = \"proto3\"; service AbCd {} service Ab_cd {}",
                    "Ab_cd: ", "is ab_cd in C, as AbCd is; rename one of them");
    file_is_refused(state, "syntax = \"proto3\"; message Foo { message Bar {} } message FooBar {}",
                    "FooBar: ", "is foo_bar in C, as Foo.Bar is; rename one of them");
    file_is_refused(state,
                    "syntax = \"proto3\"; message Foo { enum Bar { X = 0; } } "
                    "enum FooBar { Y = 0; }",
                    "FooBar: ", "is foo_bar in C, as Foo.Bar is; rename one of them");
    methods_are_refused(state,
                        "rpc GetIt(Request) returns (Response) {}"
                        "rpc Get_it(Request) returns (Response) {}",
                        "Sample/Get_it: ", "is sample_get_it in C, as refused.v1.Sample/GetIt is");
}

static void a_status_of_an_enum_value_is_one_of_http(void **state)
{
    file_is_refused(state,
                    "syntax = \"proto3\"; package refused.v1;"
                    "import \"deltastream/options.proto\";"
                    "enum E { E_ZERO = 0 [(deltastream.http_status) = 1000]; }",
                    "refused.v1.E: ", "E_ZERO: 1000 is no HTTP status; write 100 to 599");
}

static void a_list_has_one_repeated_field_and_no_other(void **state)
{
    static const char *const fields[] = {
        "",
        "int32 values = 1;",
        "optional int32 values = 1;",
        "map<string, int32> values = 1;",
        "repeated int32 values = 1; int32 count = 2;",
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "syntax = \"proto3\"; package refused.v1; import \"deltastream/options.proto\";"
                 "message Many { option (deltastream.list) = true; %s }",
                 fields[i]);
        file_is_refused(state, text, "refused.v1.Many: ",
                        "has option (deltastream.list) but not one repeated field and no other");
    }
    file_is_accepted(
        state, "syntax = \"proto3\"; package accepted.v1; import \"deltastream/options.proto\";"
               "message Many { option (deltastream.list) = true; repeated int32 values = 1; }"
               "message Other { option (deltastream.list) = false; int32 value = 1; }");
}

enum member {
    MEMBER_FIELD,
    MEMBER_VALUE,
};

/* Of a message or an enum called Many with that many members. */
static char *many_members(enum member member, int count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    fprintf(stream, "syntax = \"proto3\"; %s Many {\n",
            member == MEMBER_FIELD ? "message" : "enum");
    for (int i = 0; i < count; i++) {
        if (member == MEMBER_FIELD) {
            fprintf(stream, "bool f%d = %d;\n", i, i + 1);
        } else {
            fprintf(stream, "V%d = %d;\n", i, i);
        }
    }
    fputs("}\n", stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void more_members_than_a_table_counts_are_refused(void **state)
{
    char *fields = many_members(MEMBER_FIELD, FIELDS_MAX + 1);
    file_is_refused(state, fields, "Many: ", "has more than 1024 fields; split it");
    free(fields);
    char *values = many_members(MEMBER_VALUE, UINT16_MAX + 1);
    file_is_refused(state, values, "Many: ", "has more than 65535 values; split it");
    free(values);
}

static void a_name_longer_than_a_table_counts_is_refused(void **state)
{
    char name[257];
    char text[512];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text, "syntax = \"proto3\"; message Long { bool %s = 1; }", name);
    file_is_refused(state, text, "Long: ", "a field's name is longer than 255 characters; shorten");
}

static void as_many_fields_as_the_codec_takes_are_accepted(void **state)
{
    char *fields = many_members(MEMBER_FIELD, FIELDS_MAX);
    file_is_accepted(state, fields);
    free(fields);
}

static void a_json_name_that_needs_escapes_is_refused(void **state)
{
    static const char *const names[] = {"a\\\"b", "a\\\\b", "a\\nb", "\\001"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "syntax = \"proto3\"; message Named { bool field = 1 [json_name = \"%s\"]; }",
                 names[i]);
        file_is_refused(state, text, "Named: ",
                        "the json_name of field has a quote, a backslash or a control character");
    }
    file_is_accepted(state,
                     "syntax = \"proto3\";"
                     "message Named { bool field = 1 [json_name = \"gr\u00f6\u00dfe 'x/\"]; }");
}

static void comments_are_kept_from_the_programs(void **state)
{
    struct workshop *workshop = *state;
    file_is_accepted(state, "syntax = \"proto3\"; // A comment. */\nmessage A { bool b = 1; }");
    const int status =
        run(workshop, "mv out plain; mkdir out;" TEST_PROTOC
                      " -I. --include_source_info --descriptor_set_out=full.pb case.proto"
                      " && grep -q 'A comment' full.pb && " TEST_COMPILER " generate full.pb out"
                      " && cmp plain/descriptor.gen.c out/descriptor.gen.c && " TEST_COMPILER
                      " strip full.pb stripped.pb && ! grep -q 'A comment' stripped.pb");
    if (status != 0) {
        fail_msg("%s", workshop->output);
    }
}

static void a_file_that_is_no_descriptor_set_is_refused(void **state)
{
    struct workshop *workshop = *state;
    assert_int_equal(
        run(workshop, "echo nonsense > set.pb; mkdir out; " TEST_COMPILER " generate set.pb out"),
        EXIT_FAILURE);
    assert_said(workshop, "set.pb is not a descriptor set; make one with protoc");
    assert_int_equal(run(workshop, TEST_COMPILER " strip absent.pb out.pb"), EXIT_FAILURE);
    assert_said(workshop, "can't read absent.pb: No such file or directory");
    assert_int_equal(run(workshop, TEST_COMPILER " strip"), EXIT_FAILURE);
    assert_said(workshop, "usage: ds-proto-compiler strip IN.pb OUT.pb");
}

static void a_folder_that_cannot_be_written_is_told(void **state)
{
    struct workshop *workshop = *state;
    assert_accepted(state, "");
    assert_int_equal(run(workshop, TEST_COMPILER " generate set.pb absent"), EXIT_FAILURE);
    assert_said(workshop, "can't write absent/schema.gen.h: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REFUSAL(the_frame_of_the_cases_is_accepted),
        REFUSAL(a_method_needs_a_permission),
        REFUSAL(a_method_needs_a_pool),
        REFUSAL(a_method_needs_a_size_limit_that_frames_can_hold),
        REFUSAL(a_method_needs_a_time_limit),
        REFUSAL(rows_name_a_repeated_message_field),
        REFUSAL(every_fault_is_told_in_one_run),
        REFUSAL(streams_are_refused),
        REFUSAL(proto2_and_its_groups_are_refused),
        REFUSAL(names_that_meet_in_c_are_refused),
        REFUSAL(a_list_has_one_repeated_field_and_no_other),
        REFUSAL(a_status_of_an_enum_value_is_one_of_http),
        REFUSAL(more_members_than_a_table_counts_are_refused),
        REFUSAL(as_many_fields_as_the_codec_takes_are_accepted),
        REFUSAL(a_json_name_that_needs_escapes_is_refused),
        REFUSAL(comments_are_kept_from_the_programs),
        REFUSAL(a_name_longer_than_a_table_counts_is_refused),
        REFUSAL(a_file_that_is_no_descriptor_set_is_refused),
        REFUSAL(a_folder_that_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
