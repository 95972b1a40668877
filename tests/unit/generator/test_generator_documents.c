/* What ds-proto-compiler writes about routes that DeltaStream's own .proto files don't have yet:
 * tests/e2e/test_openapi.py holds the document of those against the gateway. */
#include "generator/refusal.h"

#include <stdio.h>
#include <string.h>

static const char sample[] =
    "syntax = \"proto3\";\n"
    "package shop.v1;\n"
    "import \"deltastream/options.proto\";\n"
    "import \"deltastream/rpc/v1/reason.proto\";\n"
    "import \"google/api/annotations.proto\";\n"
    "import \"google/protobuf/field_mask.proto\";\n"
    "import \"google/protobuf/struct.proto\";\n"
    "import \"google/protobuf/timestamp.proto\";\n"
    "message Item {\n"
    "  // What it is called, \"by all\".\n"
    "  string name = 1 [(deltastream.example) = \"shelves/1/items/2\"];\n"
    "  oneof price { double amount = 2; string on_demand = 3; }\n"
    "  map<string, Item> parts = 4;\n"
    "  optional int64 weight_grams = 5 [(deltastream.example) = \"7\"];\n"
    "  google.protobuf.Value anything = 6;\n"
    "  google.protobuf.Timestamp made_at = 7 [(deltastream.example) = \"2025-01-25T10:00:00Z\"];\n"
    "}\n"
    "message Request {\n"
    "  Item item = 1; google.protobuf.FieldMask update_mask = 2; repeated int64 sizes = 3;\n"
    "  Request inner = 4; repeated Item rows = 5; map<string, string> parts = 6;\n"
    "}\n"
    "message Response { Item item = 1; repeated string names = 2; int64 count = 3; }\n"
    "service Shop {\n"
    "  // Changes an item.\n"
    "  rpc Change(Request) returns (Response) {\n"
    "    option (google.api.http) = {\n"
    "      patch: \"/v1/{item.name=shelves/*/items/*}:change\" body: \"item\" response_body: "
    "\"item\"\n"
    "      additional_bindings {get: \"/v1/change\"}\n"
    "      additional_bindings {post: \"/v1/sizes\" body: \"sizes\" response_body: \"names\"}\n"
    "      additional_bindings {post: \"/v1/parts\" body: \"parts\" response_body: \"count\"}\n"
    "    };\n"
    "    option (deltastream.binding) = {\n"
    "      method: \"POST\" path: \"/shop/change\" body: \"*\" success_status: 201 profile: "
    "PROFILE_P\n"
    "    };\n"
    "    option (deltastream.method) = {\n"
    "      permission: \"shop:write\" pool: POOL_READ request_bytes_max: 9 timeout_ms: 8 rows: "
    "\"rows\"\n"
    "    };\n"
    "  }\n"
    "  rpc Look(Request) returns (Response) {\n"
    "    option (deltastream.method) = {\n"
    "      permission: \"public\" pool: POOL_READ request_bytes_max: 1 timeout_ms: 1\n"
    "    };\n"
    "    option idempotency_level = NO_SIDE_EFFECTS;\n"
    "  }\n"
    "}\n";

static void must_run(struct workshop *workshop, const char *command)
{
    if (run(workshop, command) != 0) {
        fail_msg("%s\n%s", command, workshop->output);
    }
}

static void text_compile(struct workshop *workshop, const char *text)
{
    char path[sizeof workshop->folder + 32];
    snprintf(path, sizeof path, "%s/shop.proto", workshop->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    must_run(workshop, "mkdir -p out && " TEST_PROTOC " -I. " TEST_INCLUDES
                       " --include_imports --include_source_info --descriptor_set_out=set.pb "
                       "shop.proto");
}

/* Whether Python finds the condition true of the document `d`. */
static void assert_of_document(struct workshop *workshop, const char *condition)
{
    char command[900];
    assert_true((size_t)snprintf(command, sizeof command,
                                 "python3 -c 'import json; d = json.load(open(\"out/"
                                 "openapi.json\")); p = d[\"paths\"]; s = "
                                 "d[\"components\"][\"schemas\"]; assert %s'",
                                 condition) < sizeof command);
    must_run(workshop, command);
}

static void a_path_loses_its_patterns_and_keeps_its_verb(void **state)
{
    struct workshop *workshop = *state;
    text_compile(workshop, sample);
    must_run(workshop, TEST_COMPILER " openapi set.pb out");
    assert_of_document(workshop, "\"patch\" in p[\"/v1/{item.name}:change\"]");
    assert_of_document(workshop,
                       "p[\"/v1/{item.name}:change\"][\"patch\"][\"x-deltastream-template\"] == "
                       "\"/v1/{item.name=shelves/*/items/*}:change\"");
    assert_of_document(workshop,
                       "p[\"/v1/{item.name}:change\"][\"patch\"][\"description\"] == \"Changes an "
                       "item.\"");
}

static void a_body_and_the_path_leave_the_rest_to_the_query(void **state)
{
    struct workshop *workshop = *state;
    text_compile(workshop, sample);
    must_run(workshop, TEST_COMPILER " openapi set.pb out");
    assert_of_document(
        workshop, "[q.get(\"name\") for q in p[\"/v1/{item.name}:change\"][\"patch\"]"
                  "[\"parameters\"]] == [\"item.name\", \"update_mask\", \"sizes\", None, None]");
    assert_of_document(workshop,
                       "{\"item.name\", \"item.on_demand\", \"item.weight_grams\", \"sizes\"} <= "
                       "{q.get(\"name\") for q in p[\"/v1/change\"][\"get\"][\"parameters\"]}");
    /* A message within itself would have names without end. */
    assert_of_document(workshop, "not any(q.get(\"name\", \"\").startswith(\"inner\") for q in "
                                 "p[\"/v1/change\"][\"get\"][\"parameters\"])");
    assert_of_document(workshop, "len(p[\"/shop/change\"][\"post\"][\"parameters\"]) == 2");
    assert_of_document(workshop,
                       "p[\"/v1/{item.name}:change\"][\"patch\"][\"requestBody\"][\"description\"]"
                       ".startswith(\"Without update_mask, \")");
    assert_of_document(workshop,
                       "\"description\" not in p[\"/shop/change\"][\"post\"][\"requestBody\"]");
}

static void bodies_and_replies_have_the_schemas_of_what_they_hold(void **state)
{
    struct workshop *workshop = *state;
    text_compile(workshop, sample);
    must_run(workshop, TEST_COMPILER " openapi set.pb out");
    assert_of_document(workshop,
                       "p[\"/v1/{item.name}:change\"][\"patch\"][\"requestBody\"][\"content\"]"
                       "[\"application/json\"][\"schema\"][\"$ref\"].endswith(\"Item-request\")");
    assert_of_document(workshop, "p[\"/v1/{item.name}:change\"][\"patch\"][\"responses\"][\"200\"]"
                                 "[\"content\"][\"application/json\"][\"schema\"][\"$ref\"]"
                                 ".endswith(\"Item\")");
    assert_of_document(workshop, "list(p[\"/shop/change\"][\"post\"][\"requestBody\"][\"content\"])"
                                 " == [\"application/json\", \"application/x-ndjson\"]");
    assert_of_document(workshop, "\"201\" in p[\"/shop/change\"][\"post\"][\"responses\"]");
    assert_of_document(workshop,
                       "s[\"shop.v1.Item-request\"][\"properties\"][\"parts\"]"
                       "[\"additionalProperties\"][\"$ref\"].endswith(\"shop.v1.Item-request\")");
    assert_of_document(workshop, "s[\"shop.v1.Item\"][\"properties\"][\"on_demand\"]"
                                 "[\"description\"] == \"Not together with amount.\"");
    assert_of_document(workshop, "s[\"shop.v1.Item\"][\"properties\"][\"name\"][\"description\"] "
                                 "== \"What it is called, \\\"by all\\\".\"");
    assert_of_document(workshop, "s[\"shop.v1.Item\"][\"required\"] == [\"name\", \"parts\"]");
    assert_of_document(workshop, "\"required\" not in s[\"shop.v1.Item-request\"]");
}

static void a_body_that_is_no_message_has_its_fields_schema(void **state)
{
    struct workshop *workshop = *state;
    text_compile(workshop, sample);
    must_run(workshop, TEST_COMPILER " openapi set.pb out");
    assert_of_document(workshop, "p[\"/v1/sizes\"][\"post\"][\"requestBody\"][\"content\"]"
                                 "[\"application/json\"][\"schema\"][\"type\"] == \"array\"");
    assert_of_document(workshop,
                       "p[\"/v1/sizes\"][\"post\"][\"responses\"][\"200\"][\"content\"]"
                       "[\"application/json\"][\"schema\"] == {\"type\": \"array\", \"items\": "
                       "{\"type\": \"string\"}}");
    assert_of_document(workshop, "p[\"/v1/parts\"][\"post\"][\"requestBody\"][\"content\"]"
                                 "[\"application/json\"][\"schema\"][\"additionalProperties\"] == "
                                 "{\"type\": \"string\"}");
    assert_of_document(workshop, "\"integer\" in p[\"/v1/parts\"][\"post\"][\"responses\"][\"200\"]"
                                 "[\"content\"][\"application/json\"][\"schema\"][\"type\"]");
    assert_of_document(workshop, "\"sizes\" not in {q.get(\"name\") for q in "
                                 "p[\"/v1/sizes\"][\"post\"][\"parameters\"]}");
    must_run(workshop, TEST_COMPILER " http-doc set.pb out && cat out/http-api.md");
    assert_said(workshop, "| `POST /v1/sizes` | canonical | `sizes` | 200 |");
}

static void a_profile_has_its_own_errors(void **state)
{
    struct workshop *workshop = *state;
    text_compile(workshop, sample);
    must_run(workshop, TEST_COMPILER " openapi set.pb out");
    assert_of_document(workshop, "\"422\" in p[\"/shop/change\"][\"post\"][\"responses\"]");
    assert_of_document(workshop, "\"invalid_json\" in p[\"/shop/change\"][\"post\"][\"responses\"]"
                                 "[\"422\"][\"description\"]");
    assert_of_document(workshop, "d[\"components\"][\"examples\"][\"invalid_json-P\"][\"value\"]"
                                 "[\"error_code\"] == \"INVALID_JSON\"");
    assert_of_document(workshop, "p[\"/shop/change\"][\"post\"][\"security\"] == [{\"bearer\": []},"
                                 " {\"apiKey\": []}]");
}

static void paths_of_connect_come_when_they_are_asked_for(void **state)
{
    struct workshop *workshop = *state;
    text_compile(workshop, sample);
    must_run(workshop, TEST_COMPILER " openapi set.pb out");
    assert_of_document(workshop, "\"/shop.v1.Shop/Look\" not in p");
    must_run(workshop, TEST_COMPILER " openapi set.pb out connect");
    assert_of_document(workshop, "list(p[\"/shop.v1.Shop/Look\"]) == [\"post\", \"get\"]");
    assert_of_document(workshop, "list(p[\"/shop.v1.Shop/Change\"]) == [\"post\"]");
    assert_of_document(workshop, "s[\"shop.v1.Item-Connect\"][\"properties\"][\"weightGrams\"]"
                                 "[\"type\"] == \"string\"");
    assert_of_document(workshop,
                       "p[\"/shop.v1.Shop/Look\"][\"post\"][\"responses\"][\"200\"][\"content\"]"
                       "[\"application/json\"][\"example\"][\"item\"][\"weightGrams\"] == \"7\"");
    assert_of_document(workshop, "p[\"/shop.v1.Shop/Look\"][\"get\"][\"security\"] == []");
}

static void the_same_files_give_the_same_documents(void **state)
{
    struct workshop *workshop = *state;
    text_compile(workshop, sample);
    must_run(workshop, "mkdir -p again; for out in out again; do " TEST_COMPILER
                       " openapi set.pb $out connect && " TEST_COMPILER
                       " http-doc set.pb $out || exit 1; done; diff -r out again");
}

static void the_text_tells_of_routes_fields_and_errors(void **state)
{
    struct workshop *workshop = *state;
    text_compile(workshop, sample);
    must_run(workshop, TEST_COMPILER " http-doc set.pb out && cat out/http-api.md");
    assert_said(workshop, "| `PATCH /v1/{item.name=shelves/*/items/*}:change` | canonical | `item` "
                          "| 200 |");
    assert_said(workshop, "| `POST /shop/change` | P | the request, or its `rows` one a line "
                          "(NDJSON) | 201 |");
    assert_said(workshop, "Permission `shop:write`. At most 8 ms, and 9 bytes of request.");
    assert_said(workshop, "415 unsupported_encoding, unsupported_media_type");
    must_run(workshop, "grep -F '| `weight_grams` | int64 |  | `7` |' out/http-api.md");
    must_run(workshop,
             "grep -F '| `parts` | map of [shop.v1.Item](#shopv1item) |' out/http-api.md");
    /* A method without a route has no place there. */
    assert_int_not_equal(run(workshop, "grep '### Look' out/http-api.md"), 0);
}

static void a_reason_that_no_document_tells_of_fails_the_build(void **state)
{
    struct workshop *workshop = *state;
    text_compile(workshop,
                 "syntax = \"proto3\";\npackage deltastream.rpc.v1;\n"
                 "enum Reason { REASON_UNSPECIFIED = 0; NOT_FOUND = 6; BAD_WEATHER = 99; }\n");
    assert_int_not_equal(run(workshop, TEST_COMPILER " openapi set.pb out"), 0);
    assert_said(workshop, "BAD_WEATHER: is a reason that no document tells of");
    assert_null(strstr(workshop->output, "NOT_FOUND"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REFUSAL(a_path_loses_its_patterns_and_keeps_its_verb),
        REFUSAL(a_body_and_the_path_leave_the_rest_to_the_query),
        REFUSAL(bodies_and_replies_have_the_schemas_of_what_they_hold),
        REFUSAL(a_body_that_is_no_message_has_its_fields_schema),
        REFUSAL(a_profile_has_its_own_errors),
        REFUSAL(paths_of_connect_come_when_they_are_asked_for),
        REFUSAL(the_same_files_give_the_same_documents),
        REFUSAL(the_text_tells_of_routes_fields_and_errors),
        REFUSAL(a_reason_that_no_document_tells_of_fails_the_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
