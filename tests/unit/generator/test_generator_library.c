/* What ds-proto-compiler makes for the C client library: structs under names of their own, and
 * headers with the comments of the methods. */
#include "generator/refusal.h"

#include <stdio.h>
#include <string.h>

static const char sample[] =
    "syntax = \"proto3\";\n"
    "package shop.v1;\n"
    "import \"deltastream/options.proto\";\n"
    "import \"google/protobuf/timestamp.proto\";\n"
    "message Request { optional int32 limit = 1; google.protobuf.Timestamp time = 2; }\n"
    "message Response { string text = 1; }\n"
    "service Shop {\n"
    "  // Sells. This must not end the comment: */ int sold; and goes on.\n"
    "  rpc Sell(Request) returns (Response) {\n"
    "    option (deltastream.method) = {\n"
    "      permission: \"public\" pool: POOL_READ request_bytes_max: 1 timeout_ms: 1\n"
    "    };\n"
    "  }\n"
    "}\n";

static void file_write(const struct workshop *workshop, const char *name, const char *text)
{
    char path[sizeof workshop->folder + 32];
    snprintf(path, sizeof path, "%s/%s", workshop->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void must_run(struct workshop *workshop, const char *command)
{
    if (run(workshop, command) != 0) {
        fail_msg("%s\n%s", command, workshop->output);
    }
}

static void sample_compile(struct workshop *workshop)
{
    file_write(workshop, "shop.proto", sample);
    must_run(workshop, "mkdir -p out/deltastream && " TEST_PROTOC " -I. " TEST_INCLUDES
                       " --include_imports --include_source_info --descriptor_set_out=set.pb "
                       "shop.proto");
}

static void every_file_and_name_of_the_library_is_its_own(void **state)
{
    struct workshop *workshop = *state;
    sample_compile(workshop);
    must_run(workshop,
             TEST_COMPILER " strip-library set.pb stripped.pb && " TEST_PROTOC
                           " --descriptor_set_in=stripped.pb --c_out=out deltastream/shop.proto "
                           "deltastream/google/protobuf/timestamp.proto");
    must_run(workshop, "cat out/deltastream/shop.pb-c.h");
    assert_said(workshop, "Deltastream__Shop__V1__Request");
    assert_said(workshop, "#include \"deltastream/google/protobuf/timestamp.pb-c.h\"");
    assert_null(strstr(workshop->output, "options.pb-c.h"));
    assert_null(strstr(workshop->output, "Shop_Service"));
    must_run(workshop, "grep -o 'Deltastream__Google__Protobuf__Timestamp' "
                       "out/deltastream/google/protobuf/timestamp.pb-c.h");
}

static void a_comment_of_a_method_stays_a_comment(void **state)
{
    struct workshop *workshop = *state;
    sample_compile(workshop);
    must_run(workshop, TEST_COMPILER " client set.pb out && cat out/deltastream/shop.h");
    assert_said(workshop, "Sells. This must not end the comment: int sold; and goes on.");
    assert_said(workshop, "deltastream_shop_sell_async(");
    must_run(workshop, "cat out/deltastream/optional_fields.h");
    assert_said(workshop, "deltastream__shop__v1__request__set_limit(");
}

static void public_imports_are_refused(void **state)
{
    struct workshop *workshop = *state;
    file_write(workshop, "a.proto", "syntax = \"proto3\";\nmessage A { string text = 1; }\n");
    file_write(workshop, "b.proto",
               "syntax = \"proto3\";\nimport public \"a.proto\";\nmessage B { A a = 1; }\n");
    must_run(workshop, TEST_PROTOC " -I. --include_imports --descriptor_set_out=set.pb b.proto");
    assert_int_not_equal(run(workshop, TEST_COMPILER " strip-library set.pb stripped.pb"), 0);
    assert_said(workshop, "b.proto");
    assert_said(workshop, "public imports");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REFUSAL(every_file_and_name_of_the_library_is_its_own),
        REFUSAL(a_comment_of_a_method_stays_a_comment),
        REFUSAL(public_imports_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
