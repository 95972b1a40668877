#include "ds/arena.h"
#include "ds/arena_chunks.h"
#include "support/test.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int create(void **state)
{
    *state = ds_arena_create(100000);
    return 0;
}

static int destroy(void **state)
{
    ds_arena_destroy(*state);
    return 0;
}

static void memory_is_aligned_and_does_not_overlap(void **state)
{
    struct ds_arena *arena = *state;
    uint8_t *previous_end = NULL;
    for (size_t size = 0; size < 300; size++) {
        uint8_t *memory = ds_arena_alloc(arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 16, 0);
        assert_ptr_not_equal(memory, previous_end);
        memset(memory, (int)size, size);
        previous_end = memory;
    }
}

static void the_content_stays_when_chunks_are_added(void **state)
{
    struct ds_arena *arena = *state;
    char *texts[2000];
    for (int i = 0; i < 2000; i++) {
        texts[i] = ds_arena_printf(arena, "text %d", i);
        assert_non_null(texts[i]);
    }
    for (int i = 0; i < 2000; i++) {
        int number;
        assert_int_equal(sscanf(texts[i], "text %d", &number), 1);
        assert_int_equal(number, i);
    }
}

static void the_budget_ends_it_with_null(void **state)
{
    struct ds_arena *arena = *state;
    assert_null(ds_arena_alloc(arena, 100001));
    assert_int_equal(ds_arena_used_bytes(arena), 0);
    size_t count = 0;
    while (ds_arena_alloc(arena, 1000) != NULL) {
        count++;
    }
    assert_int_equal(count, 99);
    assert_in_range(ds_arena_used_bytes(arena), 99000, 100000);
    assert_null(ds_arena_zalloc(arena, 1000));
    assert_null(ds_arena_printf(arena, "%1000d", 1));
    assert_non_null(ds_arena_alloc(arena, 16));
}

static void a_large_piece_leaves_the_rest_of_the_chunk_in_use(void **state)
{
    struct ds_arena *arena = *state;
    uint8_t *before = ds_arena_alloc(arena, 16);
    uint8_t *large = ds_arena_alloc(arena, 50000);
    assert_non_null(large);
    memset(large, 1, 50000);
    assert_ptr_equal(ds_arena_alloc(arena, 16), before + 16);
}

static void zalloc_clears(void **state)
{
    struct ds_arena *arena = *state;
    const uint8_t *memory = ds_arena_zalloc(arena, 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(memory[i], 0);
    }
}

static void copies_are_terminated(void **state)
{
    struct ds_arena *arena = *state;
    assert_string_equal(ds_arena_copy_text(arena, "abcdef", 3), "abc");
    assert_string_equal(ds_arena_copy_text(arena, NULL, 0), "");
    assert_null(ds_arena_copy_text(arena, "a", SIZE_MAX));
}

static void the_allocator_hands_out_from_the_arena(void **state)
{
    struct ds_arena *arena = *state;
    ProtobufCAllocator *allocator = ds_arena_allocator(arena);
    void *memory = allocator->alloc(allocator->allocator_data, 100);
    assert_non_null(memory);
    assert_int_equal(ds_arena_used_bytes(arena), 112);
    allocator->free(allocator->allocator_data, memory);
    assert_null(allocator->alloc(allocator->allocator_data, 100000));
}

static void destroy_takes_null(void **state)
{
    (void)state;
    ds_arena_destroy(NULL);
}

static void an_extended_budget_goes_on(void **state)
{
    (void)state;
    struct ds_arena *arena = ds_arena_create(64);
    assert_non_null(ds_arena_alloc(arena, 64));
    assert_null(ds_arena_alloc(arena, 1));
    ds_arena_extend(arena, 32);
    assert_non_null(ds_arena_alloc(arena, 32));
    assert_null(ds_arena_alloc(arena, 1));
    ds_arena_extend(arena, SIZE_MAX);
    assert_non_null(ds_arena_alloc(arena, 1));
    ds_arena_destroy(arena);
}

#define THREADS 4
#define ROUNDS 20
/* More than are kept between two rounds. */
#define ARENAS (DS_ARENA_CHUNKS_KEPT_MAX + 50)

/* Fills as many arenas at once, each with its own text; returns how many have kept theirs. */
static size_t fill_arenas(const void *owner)
{
    struct ds_arena *arenas[ARENAS];
    char *texts[ARENAS];
    char expected[64];
    size_t sound = 0;
    for (size_t i = 0; i < ARENAS; i++) {
        arenas[i] = ds_arena_create(100000);
        texts[i] = ds_arena_printf(arenas[i], "%p %zu", owner, i);
    }
    for (size_t i = 0; i < ARENAS; i++) {
        (void)snprintf(expected, sizeof expected, "%p %zu", owner, i);
        sound += strcmp(texts[i], expected) == 0 && ds_arena_used_bytes(arenas[i]) > 0;
        ds_arena_destroy(arenas[i]);
    }
    return sound;
}

static void *fill_in_rounds(void *ret_sound)
{
    size_t *sound = ret_sound;
    for (size_t i = 0; i < ROUNDS; i++) {
        *sound += fill_arenas(ret_sound);
    }
    return NULL;
}

static void arenas_of_several_threads_are_apart(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    size_t sound[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, fill_in_rounds, &sound[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(sound[i], ROUNDS * ARENAS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_is_aligned_and_does_not_overlap, create, destroy),
        cmocka_unit_test_setup_teardown(the_content_stays_when_chunks_are_added, create, destroy),
        cmocka_unit_test_setup_teardown(the_budget_ends_it_with_null, create, destroy),
        cmocka_unit_test_setup_teardown(a_large_piece_leaves_the_rest_of_the_chunk_in_use, create,
                                        destroy),
        cmocka_unit_test_setup_teardown(zalloc_clears, create, destroy),
        cmocka_unit_test_setup_teardown(copies_are_terminated, create, destroy),
        cmocka_unit_test_setup_teardown(the_allocator_hands_out_from_the_arena, create, destroy),
        cmocka_unit_test(an_extended_budget_goes_on),
        cmocka_unit_test(destroy_takes_null),
        cmocka_unit_test(arenas_of_several_threads_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
