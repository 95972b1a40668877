#include "ds/suggest.h"
#include "support/test.h"

#include <string.h>

static void distance_counts_edits_and_swapped_neighbours(void **state)
{
    (void)state;
    assert_int_equal(ds_word_distance("list", "list"), 0);
    assert_int_equal(ds_word_distance("List", "lISt"), 0);
    assert_int_equal(ds_word_distance("lsit", "list"), 1);
    assert_int_equal(ds_word_distance("lst", "list"), 1);
    assert_int_equal(ds_word_distance("", "list"), 4);
    assert_int_equal(ds_word_distance("kitten", "sitting"), 3);
}

static void a_word_too_long_is_near_to_nothing(void **state)
{
    (void)state;
    char word[200];
    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_int_equal(ds_word_distance(word, word), DS_SUGGEST_BYTES_MAX);
}

static const char *suggest(const char *word)
{
    struct ds_suggestion suggestion;
    ds_suggest_begin(&suggestion, word);
    ds_suggest_offer(&suggestion, "ingest");
    ds_suggest_offer(&suggestion, "list");
    ds_suggest_offer(&suggestion, "products");
    return suggestion.best;
}

static void the_nearest_candidate_is_suggested(void **state)
{
    (void)state;
    assert_string_equal(suggest("injest"), "ingest");
    assert_string_equal(suggest("lits"), "list");
    assert_string_equal(suggest("product"), "products");
}

static void a_word_like_none_suggests_nothing(void **state)
{
    (void)state;
    assert_null(suggest("xylophone"));
    assert_null(suggest("x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_edits_and_swapped_neighbours),
        cmocka_unit_test(a_word_too_long_is_near_to_nothing),
        cmocka_unit_test(the_nearest_candidate_is_suggested),
        cmocka_unit_test(a_word_like_none_suggests_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
