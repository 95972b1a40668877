#include "generator/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_BYTES_MAX 1024

static const char imports[] = "syntax = \"proto3\";\n"
                              "package refused.v1;\n"
                              "import \"deltastream/options.proto\";\n"
                              "import \"google/api/annotations.proto\";\n"
                              "import \"google/protobuf/descriptor.proto\";\n"
                              "import \"google/protobuf/timestamp.proto\";\n";

static const char messages[] =
    "message Inner { string name = 1; Inner child = 2; }\n"
    "message Request {\n"
    "  string name = 1; Inner inner = 2; repeated Inner rows = 3;\n"
    "  map<string, Inner> map = 4; repeated string words = 5;\n"
    "  google.protobuf.Timestamp time = 6; string other = 7;\n"
    "  oneof choice { string left = 8; string right = 9; Pair pair = 10; }\n"
    "}\n"
    "message Pair { oneof choice { string left = 1; string right = 2; } }\n"
    "message Response { Inner inner = 1; repeated Inner list = 2; string text = 3; }\n";

const char refusal_rules[] =
    "option (deltastream.method) = {\n"
    "  permission: \"public\" pool: POOL_READ request_bytes_max: 1 timeout_ms: 1\n"
    "};\n";

int workshop_open(void **state)
{
    struct workshop *workshop = calloc(1, sizeof *workshop);
    assert_non_null(workshop);
    snprintf(workshop->folder, sizeof workshop->folder, "/tmp/ds-generator-XXXXXX");
    assert_non_null(mkdtemp(workshop->folder));
    *state = workshop;
    return 0;
}

int run(struct workshop *workshop, const char *command)
{
    char line[COMMAND_BYTES_MAX];
    assert_true((size_t)snprintf(line, sizeof line, "cd %s && (%s) 2>&1", workshop->folder,
                                 command) < sizeof line);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    const size_t size = fread(workshop->output, 1, sizeof workshop->output - 1, pipe);
    workshop->output[size] = '\0';
    const int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

int workshop_close(void **state)
{
    struct workshop *workshop = *state;
    char command[COMMAND_BYTES_MAX];
    snprintf(command, sizeof command, "rm -r %s", workshop->folder);
    const int status = run(workshop, command);
    free(workshop);
    return status;
}

/* Returns the compiler's exit code for a file of that text; protoc must like it. */
static int compile(struct workshop *workshop, const char *text)
{
    char path[sizeof workshop->folder + sizeof "/case.proto"];
    snprintf(path, sizeof path, "%s/case.proto", workshop->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    const int status = run(workshop, "rm -rf out; mkdir out; " TEST_PROTOC " -I. " TEST_INCLUDES
                                     " --include_imports --descriptor_set_out=set.pb case.proto");
    if (status != 0) {
        fail_msg("protoc: %s", workshop->output);
    }
    return run(workshop, TEST_COMPILER " generate set.pb out");
}

void assert_said(const struct workshop *workshop, const char *expected)
{
    if (strstr(workshop->output, expected) == NULL) {
        fail_msg("expected \"%s\" in: %s", expected, workshop->output);
    }
}

void file_is_refused(void **state, const char *text, const char *place, const char *advice)
{
    struct workshop *workshop = *state;
    const int status = compile(workshop, text);
    if (status != EXIT_FAILURE) {
        fail_msg("exit code %d for: %s\n%s", status, text, workshop->output);
    }
    assert_said(workshop, "case.proto: ");
    assert_said(workshop, place);
    assert_said(workshop, advice);
    char table[sizeof workshop->folder + sizeof "/out/schema.gen.h"];
    snprintf(table, sizeof table, "%s/out/schema.gen.h", workshop->folder);
    assert_int_equal(access(table, F_OK), -1);
}

void file_is_accepted(void **state, const char *text)
{
    struct workshop *workshop = *state;
    if (compile(workshop, text) != EXIT_SUCCESS) {
        fail_msg("refused: %s", workshop->output);
    }
    assert_int_equal(run(workshop, "test -s out/schema.gen.c && test -s out/routes.gen.c"), 0);
}

/* A file with one service, whose methods and their options are `methods`. */
static char *service_text(const char *methods)
{
    char *text = NULL;
    assert_true(asprintf(&text, "%s%sservice Sample {\n%s\n}\n", imports, messages, methods) > 0);
    return text;
}

void methods_are_refused(void **state, const char *methods, const char *place, const char *advice)
{
    char *text = service_text(methods);
    file_is_refused(state, text, place, advice);
    free(text);
}

/* One method with those rules. */
void rules_are_refused(void **state, const char *method_rules, const char *advice)
{
    char methods[1024];
    snprintf(methods, sizeof methods, "rpc Get(Request) returns (Response) { %s }", method_rules);
    methods_are_refused(state, methods, "refused.v1.Sample/Get: ", advice);
}

/* One method with faultless rules and those options for its routes. */
void routes_are_refused(void **state, const char *options, const char *route, const char *advice)
{
    char methods[2048];
    char place[512];
    snprintf(methods, sizeof methods, "rpc Get(Request) returns (Response) { %s %s }",
             refusal_rules, options);
    snprintf(place, sizeof place, "refused.v1.Sample/Get: %s", route);
    methods_are_refused(state, methods, place, advice);
}

void path_is_refused(void **state, const char *path, const char *advice)
{
    char options[512];
    char route[256];
    snprintf(options, sizeof options, "option (google.api.http) = {get: \"%s\"};", path);
    snprintf(route, sizeof route, "GET %s: ", path);
    routes_are_refused(state, options, route, advice);
}

void assert_accepted(void **state, const char *options)
{
    char methods[2048];
    snprintf(methods, sizeof methods, "rpc Get(Request) returns (Response) { %s %s }",
             refusal_rules, options);
    char *text = service_text(methods);
    file_is_accepted(state, text);
    free(text);
}
