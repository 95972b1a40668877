/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/compress.h"
#include "ds/frame.h"

#include <stdlib.h>

#define ROWS_BYTES ((size_t)100 * 1000)

static struct ds_buffer packed;

static int setup(void **state)
{
    (void)state;
    ds_buffer_init(&packed, DS_FRAME_PAYLOAD_BYTES_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ds_buffer_deinit(&packed);
    return 0;
}

/* Bytes that repeat themselves as rows do; from malloc, and exactly as long. */
static struct ds_bytes rows_of(size_t size)
{
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = i % 32 < 24 ? (uint8_t)(i % 32) : (uint8_t)(i * 2654435761U >> 13);
    }
    return ds_bytes_of(bytes, size);
}

/* Bytes in which nothing comes twice. */
static struct ds_bytes noise_of(size_t size)
{
    uint8_t *bytes = malloc(size);
    uint64_t state = 88172645463325252U;
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (uint8_t)(state >> 32);
    }
    return ds_bytes_of(bytes, size);
}

static void release(struct ds_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* Expands into memory that has exactly the room that the frame says; *ret_plain is from malloc. */
static ds_code expand(struct ds_bytes frame, struct ds_bytes *ret_plain)
{
    size_t plain_bytes = 0;
    DS_TRY(ds_compress_plain_bytes(frame, &plain_bytes));
    if (plain_bytes > DS_FRAME_PAYLOAD_BYTES_MAX) {
        return DS_RESOURCE_EXHAUSTED;
    }
    uint8_t *plain = malloc(plain_bytes > 0 ? plain_bytes : 1);
    assert_non_null(plain);
    const ds_code code = ds_decompress(frame, plain, plain_bytes);
    if (code != DS_OK) {
        free(plain);
        return code;
    }
    *ret_plain = ds_bytes_of(plain, plain_bytes);
    return DS_OK;
}

static void assert_expands_to(struct ds_bytes frame, struct ds_bytes plain)
{
    struct ds_bytes expanded;
    assert_int_equal(expand(frame, &expanded), DS_OK);
    assert_true(ds_bytes_equal(expanded, plain));
    release(expanded);
}

/* A copy that ends where its memory ends, so that the sanitizer sees a read beyond it. */
static ds_code expand_copy(const uint8_t *bytes, size_t size)
{
    struct ds_bytes plain = {0};
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    const ds_code code = expand(ds_bytes_of(copy, size), &plain);
    release(plain);
    free(copy);
    return code;
}

static void pack_rows(size_t size, struct ds_bytes *ret_rows)
{
    *ret_rows = rows_of(size);
    assert_true(ds_compress(*ret_rows, &packed));
}

static void rows_go_round(void **state)
{
    (void)state;
    static const size_t sizes[] = {DS_COMPRESS_BYTES_MIN, ROWS_BYTES, 1 << 20,
                                   DS_FRAME_PAYLOAD_BYTES_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct ds_bytes rows;
        pack_rows(sizes[i], &rows);
        assert_true(packed.size < sizes[i] / 8 * 7);
        assert_expands_to(ds_buffer_bytes(&packed), rows);
        ds_buffer_clear(&packed);
        release(rows);
    }
}

static void a_frame_is_appended(void **state)
{
    (void)state;
    const struct ds_bytes rows = rows_of(ROWS_BYTES);
    ds_buffer_append_text(&packed, "before");
    assert_true(ds_compress(rows, &packed));
    assert_memory_equal(packed.data, "before", 6);
    assert_expands_to(ds_bytes_of(packed.data + 6, packed.size - 6), rows);
    release(rows);
}

static void what_is_below_the_threshold_stays_as_it_is(void **state)
{
    (void)state;
    const struct ds_bytes rows = rows_of(DS_COMPRESS_BYTES_MIN - 1);
    assert_false(ds_compress(rows, &packed));
    assert_false(ds_compress((struct ds_bytes){0}, &packed));
    assert_int_equal(packed.size, 0);
    release(rows);
}

static void what_is_larger_than_a_payload_stays_as_it_is(void **state)
{
    (void)state;
    const struct ds_bytes rows = rows_of(DS_FRAME_PAYLOAD_BYTES_MAX + 1);
    assert_false(ds_compress(rows, &packed));
    assert_int_equal(packed.size, 0);
    release(rows);
}

static void what_does_not_shrink_by_an_eighth_stays_as_it_is(void **state)
{
    (void)state;
    const struct ds_bytes noise = noise_of(ROWS_BYTES);
    assert_false(ds_compress(noise, &packed));
    assert_int_equal(packed.size, 0);
    assert_false(packed.overflow);
    release(noise);
}

static void a_buffer_without_room_takes_nothing(void **state)
{
    (void)state;
    const struct ds_bytes rows = rows_of(ROWS_BYTES);
    struct ds_buffer narrow;
    ds_buffer_init(&narrow, ROWS_BYTES / 2);
    assert_false(ds_compress(rows, &narrow));
    assert_int_equal(narrow.size, 0);
    ds_buffer_deinit(&narrow);
    release(rows);
}

static void a_frame_of_nothing_expands_to_nothing(void **state)
{
    (void)state;
    /* Magic, one segment with a content of 0 bytes, one last raw block of 0 bytes. */
    static const uint8_t frame[] = {0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x00, 0x01, 0x00, 0x00};
    assert_expands_to(ds_bytes_of(frame, sizeof frame), (struct ds_bytes){0});
}

static void a_frame_that_was_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct ds_bytes rows;
    pack_rows(DS_COMPRESS_BYTES_MIN, &rows);
    for (size_t size = 0; size < packed.size; size++) {
        assert_int_equal(expand_copy(packed.data, size), DS_INVALID_ARGUMENT);
    }
    release(rows);
}

static void a_byte_behind_the_frame_is_refused(void **state)
{
    (void)state;
    struct ds_bytes rows;
    pack_rows(DS_COMPRESS_BYTES_MIN, &rows);
    ds_buffer_append_byte(&packed, 0);
    assert_int_equal(expand_copy(packed.data, packed.size), DS_INVALID_ARGUMENT);
    release(rows);
}

static void a_second_frame_is_refused(void **state)
{
    (void)state;
    static const uint8_t two[] = {0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x00, 0x01, 0x00, 0x00,
                                  0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x00, 0x01, 0x00, 0x00};
    assert_int_equal(expand_copy(two, sizeof two), DS_INVALID_ARGUMENT);
}

/* Some bits mean nothing to the reader, so a change may be harmless; it is never another content.
 */
static void no_changed_byte_gives_another_content(void **state)
{
    (void)state;
    struct ds_bytes rows;
    pack_rows(DS_COMPRESS_BYTES_MIN, &rows);
    size_t refused = 0;
    for (size_t i = 0; i < packed.size; i++) {
        struct ds_bytes plain = {0};
        packed.data[i] ^= 0xFF;
        if (expand(ds_buffer_bytes(&packed), &plain) == DS_OK) {
            assert_true(ds_bytes_equal(plain, rows));
            release(plain);
        } else {
            refused++;
        }
        packed.data[i] ^= 0xFF;
    }
    assert_true(refused > packed.size * 9 / 10);
    assert_expands_to(ds_buffer_bytes(&packed), rows);
    release(rows);
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    static const uint8_t gzip[] = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3,
                                   3,    0,    0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t skippable[] = {0x50, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 7, 7};
    static const uint8_t version_0_7[] = {0x27, 0xB5, 0x2F, 0xFD, 0x20, 0x00, 0xC0, 0x00, 0x00};
    assert_int_equal(expand_copy(gzip, sizeof gzip), DS_INVALID_ARGUMENT);
    assert_int_equal(expand_copy(skippable, sizeof skippable), DS_INVALID_ARGUMENT);
    assert_int_equal(expand_copy(version_0_7, sizeof version_0_7), DS_INVALID_ARGUMENT);
    assert_int_equal(ds_decompress(ds_bytes_of(skippable, sizeof skippable), NULL, 0),
                     DS_INVALID_ARGUMENT);
    assert_int_equal(ds_decompress(ds_bytes_of(version_0_7, sizeof version_0_7), NULL, 0),
                     DS_INVALID_ARGUMENT);
}

static void a_frame_that_does_not_tell_its_size_is_refused(void **state)
{
    (void)state;
    /* A window of 1 KiB, no content size, one last raw block of 1 byte. */
    static const uint8_t frame[] = {0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x00, 0x09, 0x00, 0x00, 'x'};
    assert_int_equal(expand_copy(frame, sizeof frame), DS_INVALID_ARGUMENT);
}

/* Magic, one segment, a content of `told` bytes in 4 bytes, then last RLE blocks of 'x'. */
static size_t write_bomb(uint8_t *target, uint32_t told, size_t block_count)
{
    static const uint8_t head[] = {0x28, 0xB5, 0x2F, 0xFD, 0xA0};
    const uint32_t block_bytes = 128 * 1024;
    size_t size = sizeof head;
    memcpy(target, head, sizeof head);
    for (size_t i = 0; i < 4; i++) {
        target[size++] = (uint8_t)(told >> (8 * i));
    }
    for (size_t i = 0; i < block_count; i++) {
        const uint32_t block = (block_bytes << 3) | (1 << 1) | (i + 1 == block_count);
        target[size++] = (uint8_t)block;
        target[size++] = (uint8_t)(block >> 8);
        target[size++] = (uint8_t)(block >> 16);
        target[size++] = 'x';
    }
    return size;
}

static void a_bomb_tells_how_large_it_is_and_is_not_set_off(void **state)
{
    (void)state;
    uint8_t bomb[64];
    size_t plain_bytes = 0;
    const size_t size = write_bomb(bomb, UINT32_MAX, 8);
    assert_int_equal(ds_compress_plain_bytes(ds_bytes_of(bomb, size), &plain_bytes), DS_OK);
    assert_true(plain_bytes == UINT32_MAX);
}

/* The room is exactly what the frame tells, so the sanitizer sees a byte too many. */
static void a_bomb_that_tells_less_than_it_holds_is_refused(void **state)
{
    (void)state;
    uint8_t bomb[64];
    assert_int_equal(expand_copy(bomb, write_bomb(bomb, 1 << 20, 8)), DS_OK);
    assert_int_equal(expand_copy(bomb, write_bomb(bomb, (1 << 20) - 1, 8)), DS_INVALID_ARGUMENT);
    assert_int_equal(expand_copy(bomb, write_bomb(bomb, 1000, 8)), DS_INVALID_ARGUMENT);
}

static void a_frame_that_tells_more_than_it_holds_is_refused(void **state)
{
    (void)state;
    uint8_t bomb[64];
    assert_int_equal(expand_copy(bomb, write_bomb(bomb, (1 << 20) + 1, 8)), DS_INVALID_ARGUMENT);
}

static void a_context_is_kept_and_used_again(void **state)
{
    struct ds_bytes rows;
    pack_rows(ROWS_BYTES, &rows);
    assert_expands_to(ds_buffer_bytes(&packed), rows);
    const uint64_t idle_bytes = ds_compress_idle_bytes();
    assert_true(idle_bytes > 0);
    for (int i = 0; i < 10; i++) {
        ds_buffer_clear(&packed);
        assert_true(ds_compress(rows, &packed));
        assert_expands_to(ds_buffer_bytes(&packed), rows);
    }
    assert_true(ds_compress_idle_bytes() == idle_bytes);
    ds_buffer_clear(&packed);
    a_frame_that_was_cut_anywhere_is_refused(state);
    assert_true(ds_compress_idle_bytes() == idle_bytes);
    release(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_go_round, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_is_appended, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_below_the_threshold_stays_as_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_larger_than_a_payload_stays_as_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_does_not_shrink_by_an_eighth_stays_as_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_buffer_without_room_takes_nothing, setup, teardown),
        cmocka_unit_test(a_frame_of_nothing_expands_to_nothing),
        cmocka_unit_test_setup_teardown(a_frame_that_was_cut_anywhere_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_byte_behind_the_frame_is_refused, setup, teardown),
        cmocka_unit_test(a_second_frame_is_refused),
        cmocka_unit_test_setup_teardown(no_changed_byte_gives_another_content, setup, teardown),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(a_frame_that_does_not_tell_its_size_is_refused),
        cmocka_unit_test(a_bomb_tells_how_large_it_is_and_is_not_set_off),
        cmocka_unit_test(a_bomb_that_tells_less_than_it_holds_is_refused),
        cmocka_unit_test(a_frame_that_tells_more_than_it_holds_is_refused),
        cmocka_unit_test_setup_teardown(a_context_is_kept_and_used_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
