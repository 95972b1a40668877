/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "ds/frame_header.h"
#include "ds/rpc_frame.h"
#include "ds/rpc_header.h"
#include "ds/rpc_internal.h"
#include "ds/wire.h"
#include "ds/wire_check.h"
#include "schema.gen.h"

#include <stdlib.h>

#define HEADER_BYTES_MAX 4096
#define RANDOM_HEADERS 20000
#define ARENA_BYTES ((size_t)1024 * 1024)

static const char *const permissions[] = {"market:read", "market:write"};
static const struct ds_principal principal = {.subject = "user:7",
                                              .authentication_method = "jwt",
                                              .permissions = permissions,
                                              .permission_count = 2};

/* Read in an allocation of its own, so that the sanitizer sees a read past the end. */
static bool read_plain(struct ds_bytes wire, struct ds_arena *arena, struct ds_plain_header *plain)
{
    uint8_t *exact = malloc(wire.size > 0 ? wire.size : 1);
    assert_non_null(exact);
    if (wire.size > 0) {
        memcpy(exact, wire.data, wire.size);
    }
    const bool is_plain = ds_plain_header_read(ds_bytes_of(exact, wire.size), arena, plain);
    free(exact);
    return is_plain;
}

static void assert_reads_the_same(const Rpc__RequestHeader *header, struct ds_bytes wire)
{
    static uint8_t packed[2][2 * HEADER_BYTES_MAX];
    struct ds_wire_error error;
    assert_int_equal(ds_wire_check(&ds_message_rpc_request_header, wire, &error), DS_OK);
    Rpc__RequestHeader *expected = rpc__request_header__unpack(NULL, wire.size, wire.data);
    assert_non_null(expected);
    const size_t size = rpc__request_header__get_packed_size(expected);
    assert_true(size <= sizeof packed[0]);
    assert_int_equal(rpc__request_header__get_packed_size(header), size);
    rpc__request_header__pack(expected, packed[0]);
    rpc__request_header__pack(header, packed[1]);
    assert_memory_equal(packed[0], packed[1], size);
    assert_int_equal(header->principal != NULL, expected->principal != NULL);
    rpc__request_header__free_unpacked(expected, NULL);
}

/* Whether the header is read as plain; it then says what protobuf-c reads. */
static bool is_plain(struct ds_bytes wire)
{
    struct ds_arena *arena = ds_arena_create(ARENA_BYTES);
    struct ds_plain_header plain;
    const bool was_read = read_plain(wire, arena, &plain);
    if (was_read) {
        assert_reads_the_same(&plain.header, wire);
    }
    ds_arena_destroy(arena);
    return was_read;
}

static void what_our_clients_write_is_plain(void **state)
{
    (void)state;
    const struct ds_client_call calls[] = {
        {.method = ds_method_storage_list_ticks},
        {.method = ds_method_storage_list_ticks, .principal = &principal},
        {.method = ds_method_storage_list_ticks,
         .principal = &principal,
         .authorization = "Bearer x",
         .peer = "192.0.2.1",
         .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
         .tracestate = "a=b",
         .idempotency_key = ds_bytes_of("a\0key", 5),
         .run_epoch = UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct ds_buffer bytes;
        ds_buffer_init(&bytes, HEADER_BYTES_MAX);
        ds_request_header_write(&bytes, &calls[i],
                                &(struct ds_request_stamp){
                                    .call_id = ds_bytes_of("01234567", 8),
                                    .client_id = ds_bytes_of("0123456789abcdef", i == 0 ? 0 : 16),
                                    .timeout_ms = 30000,
                                    .attempt = (uint32_t)i,
                                    .sent_at_us = 1234567890123456,
                                    .accept_encodings = 1,
                                });
        assert_true(is_plain(ds_buffer_bytes(&bytes)));
        ds_buffer_deinit(&bytes);
    }
}

static void write_text(struct ds_buffer *wire, uint32_t field, const char *text)
{
    ds_wire_write_bytes_field(wire, field, ds_bytes_of_text(text));
}

static void the_last_bytes_of_a_header_may_be_a_text(void **state)
{
    (void)state;
    struct ds_buffer wire;
    ds_buffer_init(&wire, HEADER_BYTES_MAX);
    write_text(&wire, 13, "192.0.2.1");
    write_text(&wire, 2, "a.B/C");
    struct ds_arena *arena = ds_arena_create(ARENA_BYTES);
    struct ds_plain_header plain;
    assert_true(read_plain(ds_buffer_bytes(&wire), arena, &plain));
    assert_string_equal(plain.header.method, "a.B/C");
    assert_string_equal(plain.header.peer, "192.0.2.1");
    assert_string_equal(plain.header.authorization, "");
    assert_null(plain.header.principal);
    ds_arena_destroy(arena);
    ds_buffer_deinit(&wire);
}

/* The unusual and the unsound are protobuf-c's. */
static void what_is_not_plain_is_left_alone(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } headers[] = {
        {"\x12\x01x\x12\x01y", 6},                  /* a method twice */
        {"\x18\x01\x18\x02", 4},                    /* a time limit twice */
        {"\x72\x03\x0a\x01x\x72\x03\x12\x01y", 10}, /* principals to be merged */
        {"\x72\x06\x0a\x01x\x0a\x01y", 8},          /* a subject twice */
        {"\x72\x03\x22\x01x", 5},                   /* an unknown field of a principal */
        {"\x62\x06\x0a\x01k\x12\x01v", 8},          /* metadata */
        {"\xfa\x06\x01x", 4},                       /* an unknown field */
        {"\x80\x02\x01", 3},                        /* field 32 */
        {"\x12\x01\xff", 3},                        /* no UTF-8 */
        {"\x12\x01\0", 3},                          /* U+0000 */
        {"\x72\x03\x1a\x01\0", 5},                  /* U+0000 in a permission */
        {"\x10\x01", 2},                            /* a number for a text */
        {"\x1a\x01x", 3},                           /* a text for a number */
        {"\x12\x02x", 3},                           /* cut */
        {"\x72\x03\x0a\x02x", 5},                   /* cut within a principal */
        {"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a number of 11 bytes */
        {"\x03", 1},                                              /* the tag 0:3 */
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        assert_false(is_plain(ds_bytes_of(headers[i].bytes, headers[i].size)));
    }
}

static void many_permissions_are_read_up_to_a_limit(void **state)
{
    (void)state;
    for (size_t count = 0; count < 20; count++) {
        struct ds_buffer packed;
        struct ds_buffer wire;
        ds_buffer_init(&packed, HEADER_BYTES_MAX);
        ds_buffer_init(&wire, HEADER_BYTES_MAX);
        for (size_t i = 0; i < count; i++) {
            write_text(&packed, 3, "market:read");
        }
        ds_wire_write_bytes_field(&wire, 14, ds_buffer_bytes(&packed));
        assert_int_equal(is_plain(ds_buffer_bytes(&wire)), count <= 16);
        ds_buffer_deinit(&packed);
        ds_buffer_deinit(&wire);
    }
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*seed >> 33) % below;
}

static void write_random_text(struct ds_buffer *wire, uint32_t field, uint64_t *seed)
{
    static const char *const texts[] = {"", "a", "user:7", "\xc3\xa9", "\xed\xa0\x80", "\xff"};
    /* Seldom one that is refused. */
    write_text(wire, field, texts[draw(seed, draw(seed, 8) == 0 ? 6 : 4)]);
}

static void write_random_principal(struct ds_buffer *wire, uint64_t *seed)
{
    struct ds_buffer packed;
    ds_buffer_init(&packed, HEADER_BYTES_MAX);
    for (uint32_t left = draw(seed, 5); left > 0; left--) {
        write_random_text(&packed, 1 + draw(seed, draw(seed, 8) == 0 ? 4 : 3), seed);
    }
    ds_wire_write_bytes_field(wire, 14, ds_buffer_bytes(&packed));
    ds_buffer_deinit(&packed);
}

static void write_random_field(struct ds_buffer *wire, uint64_t *seed)
{
    static const uint8_t kinds[] = {'b', 't', 'n', 'f', 'n', 'b', 't', 't', 't',
                                    'n', 'n', 'm', 't', 'p', 'b', 'f', 't'};
    const uint32_t field = 1 + draw(seed, sizeof kinds);
    const uint32_t kind = draw(seed, 40) == 0 ? kinds[draw(seed, sizeof kinds)] : kinds[field - 1];
    if (kind == 'n') {
        ds_wire_write_varint_field(wire, field, (uint64_t)1 << draw(seed, 64));
    } else if (kind == 'f') {
        ds_wire_write_fixed64_field(wire, field, draw(seed, 1000));
    } else if (kind == 'p') {
        write_random_principal(wire, seed);
    } else if (kind == 'm' && draw(seed, 2) == 0) {
        ds_metadata_write_field(wire, 12,
                                &(struct ds_metadata_entry){.key = "k", .value = {.data = NULL}});
    } else if (kind != 'm') {
        write_random_text(wire, field, seed);
    }
}

/* Now and then a byte is another one, or the end is missing. */
static struct ds_bytes damage(struct ds_buffer *wire, uint64_t *seed)
{
    if (wire->size > 0 && draw(seed, 4) == 0) {
        wire->data[draw(seed, (uint32_t)wire->size)] = (uint8_t)draw(seed, 256);
    }
    const size_t cut = draw(seed, 8) == 0 ? draw(seed, 4) : 0;
    return ds_bytes_of(wire->data, wire->size > cut ? wire->size - cut : 0);
}

static void of_random_headers_those_that_are_plain_are_read_as_protobuf_does(void **state)
{
    (void)state;
    uint64_t seed = 20261122;
    size_t plain_count = 0;
    struct ds_buffer wire;
    ds_buffer_init(&wire, HEADER_BYTES_MAX);
    for (size_t i = 0; i < RANDOM_HEADERS; i++) {
        ds_buffer_clear(&wire);
        for (uint32_t left = draw(&seed, 8); left > 0; left--) {
            write_random_field(&wire, &seed);
        }
        plain_count += is_plain(damage(&wire, &seed));
    }
    ds_buffer_deinit(&wire);
    assert_true(plain_count > RANDOM_HEADERS / 10 && plain_count < RANDOM_HEADERS * 9 / 10);
}

/* The frame whose head and payload those are. */
static ds_code frame_of(struct ds_bytes head, size_t payload_bytes, struct ds_frame *ret_frame)
{
    static uint8_t bytes[HEADER_BYTES_MAX];
    assert_true(head.size + payload_bytes <= sizeof bytes);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, head.data, head.size);
    struct ds_bytes rest = ds_bytes_of(bytes, head.size + payload_bytes);
    DS_TRY(ds_frame_next(&rest, ret_frame));
    assert_int_equal(rest.size, 0);
    assert_int_equal(ret_frame->payload.size, payload_bytes);
    return DS_OK;
}

/* The head of an answer, read as a client does. */
static void assert_head_says(struct ds_call *call)
{
    struct ds_bytes head = ds_rpc_frame_head(call);
    struct ds_frame frame;
    struct ds_response_header header;
    assert_int_equal(frame_of(head, call->response.size, &frame), DS_OK);
    assert_true(ds_response_header_read(frame.header, &header));
    assert_int_equal(frame.type, DS_FRAME_RESPONSE);
    assert_int_equal(frame.flags, call->response_flags);
    assert_int_equal(header.code, DS_OK);
    assert_true(ds_bytes_equal(header.call_id,
                               ds_bytes_of(call->request.call_id, call->request.call_id_bytes)));
    assert_int_equal(header.queue_us, call->queue_us);
    assert_int_equal(header.execution_us, call->execution_us);
    assert_true(header.server_epoch == call->server->epoch);
    assert_int_equal(header.metadata_count, call->answer_metadata_count);
    assert_int_equal(header.has_retry_pushback, call->has_retry_after);
}

static void the_head_of_an_answer_says_the_same_with_and_without_metadata(void **state)
{
    (void)state;
    struct ds_rpc_server *server = ds_rpc_server_create(
        &(struct ds_rpc_server_options){.name = "test", .read_threads = 1, .write_threads = 1});
    for (size_t id_bytes = 0; id_bytes <= DS_CALL_ID_BYTES_MAX; id_bytes++) {
        struct ds_call *call = ds_call_create(server);
        memcpy(call->request.call_id, "0123456789abcdef", DS_CALL_ID_BYTES_MAX);
        call->request.call_id_bytes = id_bytes;
        call->queue_us = id_bytes % 2 == 0 ? 0 : UINT32_MAX;
        call->execution_us = id_bytes % 2 == 0 ? UINT32_MAX : 127;
        call->response = ds_bytes_of("response", id_bytes);
        call->response_flags = id_bytes % 2 == 0 ? 0 : DS_FRAME_ZSTD;
        assert_head_says(call);
        assert_int_equal(ds_call_set_metadata(call, "key", ds_bytes_of("value", 5)), DS_OK);
        assert_head_says(call);
        ds_call_set_retry_after_ms(call, 5);
        assert_head_says(call);
        ds_call_destroy(call);
    }
    ds_rpc_server_destroy(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_our_clients_write_is_plain),
        cmocka_unit_test(the_last_bytes_of_a_header_may_be_a_text),
        cmocka_unit_test(what_is_not_plain_is_left_alone),
        cmocka_unit_test(many_permissions_are_read_up_to_a_limit),
        cmocka_unit_test(of_random_headers_those_that_are_plain_are_read_as_protobuf_does),
        cmocka_unit_test(the_head_of_an_answer_says_the_same_with_and_without_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
