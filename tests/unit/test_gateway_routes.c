#include "gateway/routes.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* The routes of tests/unit/generator/sample: they use what ours don't, or not yet. */
extern const struct route_node sample_route_nodes[];
extern const size_t sample_route_node_count;
extern const struct route_binding sample_route_bindings[];
extern const size_t sample_route_binding_count;

static const struct route_leaf *ours(const char *path)
{
    struct route_match match;
    return route_find_in(route_nodes, ds_bytes_of_text(path), &match) ? match.leaf : NULL;
}

static const struct route_leaf *sample(const char *path)
{
    struct route_match match;
    const bool is_found = route_find_in(sample_route_nodes, ds_bytes_of_text(path), &match);
    return is_found ? match.leaf : NULL;
}

static void assert_template(const struct route_leaf *leaf, enum http_method method,
                            const char *expected)
{
    assert_non_null(leaf);
    if (expected == NULL) {
        assert_null(leaf->bindings[method]);
        return;
    }
    assert_non_null(leaf->bindings[method]);
    assert_string_equal(leaf->bindings[method]->path_template, expected);
}

static void assert_sample_get(const char *path, const char *expected)
{
    assert_template(sample(path), HTTP_METHOD_GET, expected);
}

static void our_routes_lead_to_their_methods(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum http_method method;
        const char *name;
        enum route_profile profile;
    } table[] = {
        {"/v1/ticks/NIFTY", HTTP_METHOD_GET, "ListTicks", ROUTE_PROFILE_CANONICAL},
        {"/v1/ticks/NIFTY/latest", HTTP_METHOD_GET, "LatestTick", ROUTE_PROFILE_CANONICAL},
        {"/v1/ticks:ingest", HTTP_METHOD_POST, "IngestTicks", ROUTE_PROFILE_CANONICAL},
        {"/v1/products", HTTP_METHOD_GET, "ListProducts", ROUTE_PROFILE_CANONICAL},
        {"/underlying/NIFTY", HTTP_METHOD_GET, "ListTicks", ROUTE_PROFILE_T},
        {"/api/data/underlying/NIFTY", HTTP_METHOD_GET, "ListTicks", ROUTE_PROFILE_T},
        {"/products", HTTP_METHOD_GET, "ListProducts", ROUTE_PROFILE_T},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct route_leaf *leaf = ours(table[i].path);
        assert_non_null(leaf);
        const struct route_binding *binding = leaf->bindings[table[i].method];
        assert_non_null(binding);
        assert_string_equal(binding->method->name, table[i].name);
        assert_int_equal(binding->profile, table[i].profile);
    }
    assert_null(ours("/v1/ticks:ingest")->bindings[HTTP_METHOD_GET]);
}

static void a_path_without_a_route_has_none(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "/",
        "v1/products",
        "/v1",
        "/v1/ticks",
        "/nowhere",
        "/V1/ticks/NIFTY",
        "/underlying",
        "/v1/products/x",
        "/v1/ticks:other",
        "*",
        "/v1/ticks/NIFTY/oldest",
        "/v1/ticks/NIFTY/latest/x",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_null(ours(paths[i]));
    }
}

static void an_empty_segment_matches_nothing(void **state)
{
    (void)state;
    assert_null(ours("//v1/products"));
    assert_null(ours("/v1//products"));
    assert_null(ours("/v1/products/"));
    assert_null(ours("/v1/ticks/"));
    assert_null(ours("/v1/ticks//latest"));
    assert_null(sample("/v2/files/a//b"));
    assert_null(sample("/v2/files/"));
}

static void segments_are_raw_and_without_the_verb(void **state)
{
    (void)state;
    struct route_match match;
    assert_true(route_find_in(route_nodes, ds_bytes_of_text("/v1/ticks/A%2FB%20C/latest"), &match));
    assert_int_equal(match.segment_count, 4);
    assert_true(ds_bytes_equal_text(match.segments[2], "A%2FB%20C"));

    assert_true(route_find_in(route_nodes, ds_bytes_of_text("/v1/ticks:ingest"), &match));
    assert_int_equal(match.segment_count, 2);
    assert_true(ds_bytes_equal_text(match.segments[1], "ticks"));
}

static void a_failed_match_leaves_the_result_alone(void **state)
{
    (void)state;
    struct route_match match = {.segment_count = 7};
    assert_false(route_find_in(route_nodes, ds_bytes_of_text("/v1/ticks/NIFTY/oldest"), &match));
    assert_int_equal(match.segment_count, 7);
    assert_null(match.leaf);
}

static void a_colon_that_begins_no_verb_belongs_to_the_segment(void **state)
{
    (void)state;
    struct route_match match;
    assert_true(route_find_in(route_nodes, ds_bytes_of_text("/v1/ticks/NSE:NIFTY"), &match));
    assert_true(ds_bytes_equal_text(match.segments[2], "NSE:NIFTY"));
    assert_true(route_find_in(route_nodes, ds_bytes_of_text("/v1/ticks/NIFTY:"), &match));
    assert_true(ds_bytes_equal_text(match.segments[2], "NIFTY:"));
    assert_true(route_find_in(route_nodes, ds_bytes_of_text("/v1/ticks/:ingest"), &match));
    assert_true(ds_bytes_equal_text(match.segments[2], ":ingest"));
    assert_null(ours("/v1/ticks%3Aingest"));
    assert_null(ours("/v1/ticks:"));
}

static void a_verb_is_preferred_to_a_colon_in_the_segment(void **state)
{
    (void)state;
    assert_template(sample("/v2/shelves/1/books/2:archive"), HTTP_METHOD_POST,
                    "/v2/{name=shelves/*/books/*}:archive");
    assert_sample_get("/v2/shelves/1/books/2:archive", NULL);
    assert_sample_get("/v2/shelves/1/books/2:other", "/v2/{name=shelves/*/books/*}");
    assert_sample_get("/v2/shelves/1/books/:archive", "/v2/{name=shelves/*/books/*}");
    assert_sample_get("/v2/shelves/1/books/2:", "/v2/{name=shelves/*/books/*}");
    assert_template(sample("/v2/shelves/1/books/a:b:archive"), HTTP_METHOD_POST,
                    "/v2/{name=shelves/*/books/*}:archive");
}

static void literals_match_whatever_is_percent_encoded(void **state)
{
    (void)state;
    assert_non_null(ours("/%76%31/pr%6Fducts"));
    assert_non_null(ours("/v1/ticks:in%67est"));
    assert_null(ours("/v1/products%2F"));
    assert_null(ours("/v1%2Fproducts"));
    assert_null(ours("/v1/pr%6oducts"));
    assert_null(ours("/v1/products%"));
    assert_null(ours("/v1/product%73%"));
    assert_null(ours("/v1/product%00"));
    assert_sample_get("/v2/caf%C3%A9/x", "/v2/caf%C3%A9/{name}");
    assert_sample_get("/v2/caf%c3%a9/x", "/v2/caf%C3%A9/{name}");
    assert_sample_get("/v2/caf\xc3\xa9/x", "/v2/caf%C3%A9/{name}");
}

static void a_literal_is_preferred_to_a_star_and_a_star_to_the_rest(void **state)
{
    (void)state;
    assert_sample_get("/v2/files/exact", "/v2/files/exact");
    assert_sample_get("/v2/files/other", "/v2/files/{name=**}");
    assert_sample_get("/v2/files/some/list", "/v2/files/*/list");
    assert_sample_get("/v2/files/exact/list", "/v2/files/*/list");
    assert_sample_get("/v2/files/some/lists", "/v2/files/{name=**}");
}

static void the_search_turns_back_where_a_literal_leads_nowhere(void **state)
{
    (void)state;
    assert_sample_get("/v2/left/x/end", "/v2/left/x/end");
    assert_sample_get("/v2/left/x/other", "/v2/{name}/x/other");
    assert_sample_get("/v2/files/exact/more", "/v2/files/{name=**}");
    /* Only DELETE takes whatever is below /v2. */
    assert_template(sample("/v2/left/x/third"), HTTP_METHOD_DELETE, "/v2/**");
    assert_sample_get("/v2/left/x/third", NULL);
}

static void the_rest_takes_zero_or_more_segments(void **state)
{
    (void)state;
    assert_sample_get("/v2/files", "/v2/files/{name=**}");
    assert_sample_get("/v2/files/a", "/v2/files/{name=**}");
    assert_sample_get("/v2/files/a/b/c/d", "/v2/files/{name=**}");
    assert_sample_get("/v2/files/a/b:size", "/v2/files/{name=**}:size");
    assert_sample_get("/v2/in/top", "/v2/in/{name=top/**}");
    assert_sample_get("/v2/in/top/a/b", "/v2/in/{name=top/**}");
    assert_sample_get("/v2/in/bottom/a", NULL);
}

static void a_variable_of_several_segments_matches_its_pattern_only(void **state)
{
    (void)state;
    assert_sample_get("/v2/shelves/1/books/2", "/v2/{name=shelves/*/books/*}");
    assert_sample_get("/v2/shelves/1/books", NULL);
    assert_sample_get("/v2/shelves/1/papers/2", NULL);
    assert_sample_get("/v2/books/2", "/v2/books/{name}");
}

static void a_narrow_path_has_the_methods_of_the_wide_one_too(void **state)
{
    (void)state;
    const struct route_leaf *me = sample("/v2/users/me");
    assert_template(me, HTTP_METHOD_POST, "/v2/users/me");
    assert_template(me, HTTP_METHOD_GET, "/v2/users/{name}");
    assert_template(me, HTTP_METHOD_DELETE, "/v2/users/{name}");
    assert_template(me, HTTP_METHOD_PATCH, NULL);
    assert_template(sample("/v2/users/you"), HTTP_METHOD_POST, NULL);
    assert_template(sample("/v2/users/me/logout"), HTTP_METHOD_GET, NULL);
    assert_template(sample("/v2/files/exact"), HTTP_METHOD_DELETE, "/v2/**");
    /* A verb is part of the path: the wide template does not take what has one. */
    assert_template(sample("/v2/files/a:size"), HTTP_METHOD_DELETE, NULL);
}

/* "/v2/files" and `count` segments more. */
static bool is_deep_path_found(size_t count)
{
    char path[4 * ROUTE_PATH_SEGMENTS_MAX];
    size_t length = (size_t)snprintf(path, sizeof path, "/v2/files");
    for (size_t i = 0; i < count; i++) {
        length += (size_t)snprintf(path + length, sizeof path - length, "/x");
    }
    return sample(path) != NULL;
}

static void a_path_with_too_many_segments_has_no_route(void **state)
{
    (void)state;
    assert_true(is_deep_path_found(ROUTE_PATH_SEGMENTS_MAX - 2));
    assert_false(is_deep_path_found(ROUTE_PATH_SEGMENTS_MAX - 1));
}

static void a_path_need_not_be_terminated(void **state)
{
    (void)state;
    struct route_match match;
    assert_true(route_find_in(route_nodes, ds_bytes_of("/products/x", 9), &match));
    assert_false(route_find_in(route_nodes, ds_bytes_of(NULL, 0), &match));
}

/* The matcher's bound rests on it: a node that two lead to could be looked at more than twice. */
static void every_node_but_the_root_has_one_parent(void **state)
{
    (void)state;
    unsigned int parents[256] = {0};
    assert_true(sample_route_node_count < sizeof parents / sizeof parents[0]);
    for (size_t i = 0; i < sample_route_node_count; i++) {
        const struct route_node *node = &sample_route_nodes[i];
        for (size_t j = 0; j < node->edge_count; j++) {
            parents[node->edges[j].node]++;
        }
        if (node->star != ROUTE_NO_NODE) {
            parents[node->star]++;
        }
        if (node->rest != ROUTE_NO_NODE) {
            parents[node->rest]++;
        }
    }
    assert_int_equal(parents[0], 0);
    for (size_t i = 1; i < sample_route_node_count; i++) {
        assert_int_equal(parents[i], 1);
    }
}

/* Whether a template whose braces shape_of() has taken out takes the path. No escapes in either. */
static bool is_taken(const char *shape, const char *path)
{
    if (strcmp(shape, "/**") == 0) {
        return path[0] == '\0' || path[0] == '/';
    }
    if (shape[0] == '\0' || path[0] == '\0') {
        return shape[0] == path[0];
    }
    const size_t shape_length = strcspn(shape + 1, "/") + 1;
    const size_t path_length = strcspn(path + 1, "/") + 1;
    const bool is_star = shape_length == 2 && shape[1] == '*';
    const bool is_same = shape_length == path_length && memcmp(shape, path, path_length) == 0;
    return (is_star || is_same) && is_taken(shape + shape_length, path + path_length);
}

/* The template with each variable replaced by its pattern. */
static void shape_of(const char *path_template, char *ret_shape)
{
    char *end = ret_shape;
    for (const char *at = path_template; *at != '\0'; at++) {
        if (*at != '{') {
            *end++ = *at;
            continue;
        }
        const char *close = strchr(at, '}');
        const char *pattern = memchr(at, '=', (size_t)(close - at));
        const char *from = pattern == NULL ? "*" : pattern + 1;
        const size_t length = pattern == NULL ? 1 : (size_t)(close - from);
        memcpy(end, from, length);
        end += length;
        at = close;
    }
    *end = '\0';
}

/* Negative where the matcher looks at shape `a` first: a literal before *, and * before **. */
static int precedence_compare(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++, b++) {
    }
    const int rank_a = *a == '*' ? 1 : 0;
    const int rank_b = *b == '*' ? 1 : 0;
    if (rank_a != rank_b) {
        return rank_a - rank_b;
    }
    /* One is longer: "/a" before "/a" with a rest, and "*" before "**". */
    return (*a != '\0') - (*b != '\0');
}

/* What a search without a trie finds among the templates that have no verb and no escapes. */
static const char *plain_search(const char *path)
{
    static char best[128];
    bool is_found = false;
    for (size_t i = 0; i < sample_route_binding_count; i++) {
        char shape[128];
        shape_of(sample_route_bindings[i].path_template, shape);
        if (strpbrk(shape, ":%") != NULL || !is_taken(shape, path)) {
            continue;
        }
        if (!is_found || precedence_compare(shape, best) < 0) {
            strcpy(best, shape);
            is_found = true;
        }
    }
    return is_found ? best : NULL;
}

static bool leaf_has_shape(const struct route_leaf *leaf, const char *shape)
{
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++) {
        char own[128];
        if (leaf->bindings[i] != NULL) {
            shape_of(leaf->bindings[i]->path_template, own);
            if (strcmp(own, shape) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void the_trie_finds_what_a_search_of_all_templates_finds(void **state)
{
    (void)state;
    static const char *const words[] = {"v2",      "files", "exact", "list",  "left",
                                        "x",       "end",   "in",    "top",   "books",
                                        "shelves", "me",    "users", "other", "printed"};
    const size_t word_count = sizeof words / sizeof words[0];
    uint32_t random = 1;
    size_t found_count = 0;
    for (size_t round = 0; round < 200000; round++) {
        char path[128] = "/v2";
        random = random * 1664525 + 1013904223;
        const size_t depth = (random >> 16) % 6;
        for (size_t i = 0; i < depth; i++) {
            random = random * 1664525 + 1013904223;
            strcat(strcat(path, "/"), words[(random >> 16) % word_count]);
        }
        const char *expected = plain_search(path);
        const struct route_leaf *leaf = sample(path);
        if ((leaf == NULL) != (expected == NULL) ||
            (leaf != NULL && !leaf_has_shape(leaf, expected))) {
            fail_msg("%s should lead to %s", path, expected == NULL ? "nothing" : expected);
        }
        found_count += leaf != NULL && !leaf_has_shape(leaf, "/v2/**") ? 1 : 0;
    }
    assert_true(found_count > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_routes_lead_to_their_methods),
        cmocka_unit_test(a_path_without_a_route_has_none),
        cmocka_unit_test(an_empty_segment_matches_nothing),
        cmocka_unit_test(segments_are_raw_and_without_the_verb),
        cmocka_unit_test(a_failed_match_leaves_the_result_alone),
        cmocka_unit_test(a_colon_that_begins_no_verb_belongs_to_the_segment),
        cmocka_unit_test(a_verb_is_preferred_to_a_colon_in_the_segment),
        cmocka_unit_test(literals_match_whatever_is_percent_encoded),
        cmocka_unit_test(a_literal_is_preferred_to_a_star_and_a_star_to_the_rest),
        cmocka_unit_test(the_search_turns_back_where_a_literal_leads_nowhere),
        cmocka_unit_test(the_rest_takes_zero_or_more_segments),
        cmocka_unit_test(a_variable_of_several_segments_matches_its_pattern_only),
        cmocka_unit_test(a_narrow_path_has_the_methods_of_the_wide_one_too),
        cmocka_unit_test(a_path_with_too_many_segments_has_no_route),
        cmocka_unit_test(a_path_need_not_be_terminated),
        cmocka_unit_test(every_node_but_the_root_has_one_parent),
        cmocka_unit_test(the_trie_finds_what_a_search_of_all_templates_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
