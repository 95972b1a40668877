/* clang-format off */
#include "support/test.h"
/* clang-format on */
#include "deltastream/rpc/v1/control.pb-c.h"
#include "deltastream/storage/v1/storage.pb-c.h"
#include "ds/compress.h"
#include "integration/rpc_fixture.h"
#include "integration/rpc_impostor.h"
#include "integration/rpc_stranger.h"
#include "schema.gen.h"
#include "support/standing_clock.h"

#include <stdio.h>
#include <stdlib.h>

/* Every test runs once over ipc and once over tcp, which is the group's state. */
static struct rpc_fixture fixture;
static struct rpc_stranger stranger;
static enum fixture_transport transport;

static int open_with(const struct ds_rpc_server_options *options)
{
    struct ds_rpc_server_options whole = *options;
    whole.clock = &standing_clock; /* A slow machine must not use up anybody's time. */
    whole.authenticator.authenticate = rpc_fixture_authenticate_writer;
    rpc_fixture_open(&fixture, transport, &whole);
    rpc_stranger_open(&stranger, fixture.url);
    return 0;
}

static int open_fixture(void **state)
{
    (void)state;
    return open_with(&(struct ds_rpc_server_options){0});
}

static int open_blocking_fixture(void **state)
{
    (void)state;
    return open_with(&(struct ds_rpc_server_options){.inline_may_block = true});
}

static int open_plain_fixture(void **state)
{
    (void)state;
    return open_with(&(struct ds_rpc_server_options){.without_compression = true});
}

static int close_fixture(void **state)
{
    (void)state;
    rpc_stranger_close(&stranger);
    rpc_fixture_close(&fixture);
    return 0;
}

static void release(struct ds_bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* What a stranger sends. */
struct question {
    const struct ds_method *method;
    const char *call_id; /* NULL: "a" */
    uint32_t accept_encodings;
    uint8_t flags;
    const char *key; /* NULL: none */
    struct ds_bytes payload;
};

static void question_append(struct ds_buffer *message, const struct question *question)
{
    Rpc__RequestHeader header = RPC__REQUEST_HEADER__INIT;
    const char *call_id = question->call_id != NULL ? question->call_id : "a";
    const size_t begin = message->size;
    header.call_id.data = (uint8_t *)(uintptr_t)call_id;
    header.call_id.len = strlen(call_id);
    header.method = (char *)(uintptr_t)question->method->full_name;
    header.accept_encodings = question->accept_encodings;
    if (question->key != NULL) {
        header.idempotency_key.data = (uint8_t *)(uintptr_t)question->key;
        header.idempotency_key.len = strlen(question->key);
    }
    rpc_frame_append(message, DS_FRAME_REQUEST, &header, question->payload);
    message->data[begin + 5] = question->flags;
}

static struct ds_bytes ask(const struct question *question)
{
    struct ds_buffer message;
    ds_buffer_init(&message, DS_MESSAGE_BYTES_MAX);
    question_append(&message, question);
    const struct ds_bytes answer = rpc_stranger_ask(&stranger, &message);
    ds_buffer_deinit(&message);
    return answer;
}

static void expect_failure(const struct question *question, ds_code code, const char *text)
{
    struct ds_bytes answer = ask(question);
    const struct ds_bytes whole = answer;
    rpc_response_expect(&answer, code, question->call_id != NULL ? question->call_id : "a", text);
    assert_int_equal(answer.size, 0);
    release(whole);
}

/* A question that has `limit` bytes for its answer. */
static struct ds_bytes bytes_request(int32_t limit)
{
    Storage__ListTicksRequest request = STORAGE__LIST_TICKS_REQUEST__INIT;
    request.product = (char *)(uintptr_t) "bytes";
    request._limit_case = STORAGE__LIST_TICKS_REQUEST___LIMIT_LIMIT;
    request.limit = limit;
    return rpc_fixture_pack(&request.base);
}

#define TICKS_MAX 30000

/* Rows as a feed sends them, nearly all alike. */
static struct ds_bytes ingest_request(size_t row_count)
{
    static Storage__Tick ticks[TICKS_MAX];
    static Storage__Tick *rows[TICKS_MAX];
    Storage__IngestTicksRequest request = STORAGE__INGEST_TICKS_REQUEST__INIT;
    assert_true(row_count <= TICKS_MAX);
    for (size_t i = 0; i < row_count; i++) {
        storage__tick__init(&ticks[i]);
        ticks[i].product = (char *)(uintptr_t) "NIFTY";
        ticks[i]._tick_id_case = STORAGE__TICK___TICK_ID_TICK_ID;
        ticks[i].tick_id = (int64_t)i + 1;
        rows[i] = &ticks[i];
    }
    request.n_ticks = row_count;
    request.ticks = rows;
    return rpc_fixture_pack(&request.base);
}

static struct ds_bytes pack(struct ds_bytes plain)
{
    struct ds_buffer packed;
    ds_buffer_init(&packed, DS_FRAME_PAYLOAD_BYTES_MAX);
    assert_true(ds_compress(plain, &packed));
    return ds_buffer_bytes(&packed);
}

/* Takes the next response off the answer: OK, compressed or not, and of so many bytes once plain.
 */
static void expect_bytes(struct ds_bytes *answer, bool is_packed, size_t size)
{
    struct ds_frame frame;
    Rpc__ResponseHeader *header = rpc_response_next(answer, &frame);
    assert_int_equal(header->code, DS_OK);
    rpc__response_header__free_unpacked(header, NULL);
    assert_int_equal(frame.flags, is_packed ? DS_FRAME_ZSTD : 0);
    size_t plain_bytes = frame.payload.size;
    if (is_packed) {
        assert_int_equal(ds_compress_plain_bytes(frame.payload, &plain_bytes), DS_OK);
        uint8_t *plain = malloc(plain_bytes);
        assert_int_equal(ds_decompress(frame.payload, plain, plain_bytes), DS_OK);
        free(plain);
    }
    assert_int_equal(plain_bytes, size);
}

/* Asks ListTicks for an answer of that size. */
static void expect_answer_of(int32_t limit, uint32_t accept_encodings, bool is_packed)
{
    const struct ds_bytes payload = bytes_request(limit);
    struct ds_bytes answer = ask(&(struct question){.method = ds_method_storage_list_ticks,
                                                    .accept_encodings = accept_encodings,
                                                    .payload = payload});
    const struct ds_bytes whole = answer;
    expect_bytes(&answer, is_packed, (size_t)limit);
    release(whole);
    release(payload);
}

static void a_large_reply_is_compressed_for_a_caller_that_reads_it(void **state)
{
    (void)state;
    expect_answer_of(100000, DS_ENCODING_ZSTD, true);
    expect_answer_of(DS_FRAME_PAYLOAD_BYTES_MAX, DS_ENCODING_ZSTD, true);
}

static void a_reply_from_a_pool_is_compressed_too(void **state)
{
    (void)state;
    expect_answer_of(100000, DS_ENCODING_ZSTD, true);
}

static void a_caller_that_does_not_read_zstd_gets_plain_replies(void **state)
{
    (void)state;
    expect_answer_of(100000, 0, false);
    expect_answer_of(100000, 2, false); /* gzip */
}

static void a_small_reply_stays_as_it_is(void **state)
{
    (void)state;
    expect_answer_of(DS_COMPRESS_BYTES_MIN - 1, DS_ENCODING_ZSTD, false);
    expect_answer_of(DS_COMPRESS_BYTES_MIN, DS_ENCODING_ZSTD, true);
}

static void replies_of_a_shared_message_are_compressed_each_by_itself(void **state)
{
    (void)state;
    static const int32_t limits[] = {100000, 10, 50000};
    struct ds_buffer message;
    ds_buffer_init(&message, DS_MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < 3; i++) {
        const struct ds_bytes payload = bytes_request(limits[i]);
        question_append(&message, &(struct question){.method = ds_method_storage_list_ticks,
                                                     .accept_encodings = DS_ENCODING_ZSTD,
                                                     .payload = payload});
        release(payload);
    }
    struct ds_bytes answer = rpc_stranger_ask(&stranger, &message);
    const struct ds_bytes whole = answer;
    expect_bytes(&answer, true, 100000);
    expect_bytes(&answer, false, 10);
    expect_bytes(&answer, true, 50000);
    assert_int_equal(answer.size, 0);
    release(whole);
    ds_buffer_deinit(&message);
}

/* GetDescriptorSet's reply is large, but its method does not say that it holds no secrets. */
static void a_reply_of_a_method_that_does_not_allow_it_stays_as_it_is(void **state)
{
    (void)state;
    struct ds_bytes answer = ask(&(struct question){.method = ds_method_control_get_descriptor_set,
                                                    .accept_encodings = DS_ENCODING_ZSTD});
    const struct ds_bytes whole = answer;
    struct ds_frame frame;
    assert_true(answer.size > DS_COMPRESS_BYTES_MIN);
    rpc__response_header__free_unpacked(rpc_response_next(&answer, &frame), NULL);
    assert_int_equal(frame.flags, 0);
    release(whole);
}

static void a_compressed_request_is_executed(void **state)
{
    (void)state;
    const struct ds_bytes plain = ingest_request(10000);
    const struct ds_bytes packed = pack(plain);
    struct ds_bytes answer = ask(&(struct question){
        .method = ds_method_storage_ingest_ticks, .flags = DS_FRAME_ZSTD, .payload = packed});
    const struct ds_bytes whole = answer;
    struct ds_frame frame;
    Rpc__ResponseHeader *header = rpc_response_next(&answer, &frame);
    assert_int_equal(header->code, DS_OK);
    rpc__response_header__free_unpacked(header, NULL);
    Storage__IngestTicksResponse *response =
        storage__ingest_ticks_response__unpack(NULL, frame.payload.size, frame.payload.data);
    assert_non_null(response);
    assert_int_equal(response->accepted, 10000);
    storage__ingest_ticks_response__free_unpacked(response, NULL);
    release(whole);
    release(packed);
    release(plain);
}

/* The key remembers what the request says, not how it travelled. */
static void a_key_knows_a_request_again_however_it_travels(void **state)
{
    (void)state;
    const struct ds_bytes plain = ingest_request(10000);
    const struct ds_bytes packed = pack(plain);
    const struct question questions[] = {
        {.method = ds_method_storage_ingest_ticks, .key = "k", .payload = plain},
        {.method = ds_method_storage_ingest_ticks,
         .key = "k",
         .flags = DS_FRAME_ZSTD,
         .payload = packed},
    };
    for (size_t i = 0; i < 2; i++) {
        struct ds_bytes answer = ask(&questions[i]);
        const struct ds_bytes whole = answer;
        rpc_response_expect(&answer, DS_OK, "a", "");
        release(whole);
    }
    assert_int_equal(atomic_load(&fixture.executed), 1);
    release(packed);
    release(plain);
}

/* A frame of last RLE blocks that has `told` bytes, of which it gives as many as it has room for.
 */
static size_t write_bomb(uint8_t *target, uint32_t told, size_t block_count)
{
    static const uint8_t head[] = {0x28, 0xB5, 0x2F, 0xFD, 0xA0};
    size_t size = sizeof head;
    memcpy(target, head, sizeof head);
    for (size_t i = 0; i < 4; i++) {
        target[size++] = (uint8_t)(told >> (8 * i));
    }
    for (size_t i = 0; i < block_count; i++) {
        const uint32_t block = (128U * 1024 << 3) | (1 << 1) | (i + 1 == block_count);
        target[size++] = (uint8_t)block;
        target[size++] = (uint8_t)(block >> 8);
        target[size++] = (uint8_t)(block >> 16);
        target[size++] = 0;
    }
    return size;
}

static void expect_bomb_refused(uint32_t told, size_t block_count, const char *text)
{
    uint8_t bomb[1024];
    const size_t size = write_bomb(bomb, told, block_count);
    expect_failure(&(struct question){.method = ds_method_storage_ingest_ticks,
                                      .flags = DS_FRAME_ZSTD,
                                      .payload = ds_bytes_of(bomb, size)},
                   DS_INVALID_ARGUMENT, text);
    assert_int_equal(atomic_load(&fixture.executed), 0);
}

static void a_bomb_is_refused_by_what_it_tells(void **state)
{
    (void)state;
    expect_bomb_refused(UINT32_MAX, 8,
                        "the request has 4294967295 bytes; IngestTicks takes at "
                        "most 8388608");
    expect_bomb_refused(8388609, 65, "the request has 8388609 bytes");
}

static void a_bomb_that_lies_is_refused(void **state)
{
    (void)state;
    expect_bomb_refused(1000, 64, "is not one whole zstd frame");
}

static void a_damaged_payload_is_refused_before_the_handler(void **state)
{
    (void)state;
    const struct ds_bytes plain = ingest_request(10000);
    const struct ds_bytes packed = pack(plain);
    ((uint8_t *)(uintptr_t)packed.data)[packed.size / 2] ^= 0xFF;
    expect_failure(&(struct question){.method = ds_method_storage_ingest_ticks,
                                      .flags = DS_FRAME_ZSTD,
                                      .payload = packed},
                   DS_INVALID_ARGUMENT, "is not one whole zstd frame");
    expect_failure(&(struct question){.method = ds_method_storage_ingest_ticks,
                                      .flags = DS_FRAME_ZSTD,
                                      .payload = plain},
                   DS_INVALID_ARGUMENT, "is not one whole zstd frame");
    assert_int_equal(atomic_load(&fixture.executed), 0);
    release(packed);
    release(plain);
}

static void a_method_that_does_not_allow_it_takes_no_compressed_request(void **state)
{
    (void)state;
    uint8_t bomb[16];
    expect_failure(&(struct question){.method = ds_method_storage_latest_tick,
                                      .flags = DS_FRAME_ZSTD,
                                      .payload = ds_bytes_of(bomb, write_bomb(bomb, 0, 0))},
                   DS_INVALID_ARGUMENT, "LatestTick takes no compressed request");
}

static void a_flag_that_nobody_knows_is_refused_by_its_call_id(void **state)
{
    (void)state;
    for (int flag = 2; flag < 256; flag *= 2) {
        expect_failure(&(struct question){.method = ds_method_storage_list_products,
                                          .call_id = "call-7",
                                          .flags = (uint8_t)flag},
                       DS_INVALID_ARGUMENT, "it has flags that this server does not read");
    }
    expect_answer_of(10, 0, false); /* The connection is still there. */
}

static void a_cancel_has_no_flags(void **state)
{
    (void)state;
    Rpc__RequestHeader header = RPC__REQUEST_HEADER__INIT;
    struct ds_buffer message;
    ds_buffer_init(&message, 4096);
    header.call_id.data = (uint8_t *)(uintptr_t) "a";
    header.call_id.len = 1;
    header.accept_encodings = DS_ENCODING_ZSTD;
    rpc_frame_append(&message, DS_FRAME_CANCEL, &header, (struct ds_bytes){0});
    rpc_stranger_expect(&stranger, &message, DS_NOT_FOUND, "a");
    message.data[5] = DS_FRAME_ZSTD;
    rpc_stranger_expect(&stranger, &message, DS_INVALID_ARGUMENT, "a");
    ds_buffer_deinit(&message);
}

static void a_server_without_compression_neither_reads_nor_writes_it(void **state)
{
    (void)state;
    uint8_t bomb[16];
    expect_answer_of(100000, DS_ENCODING_ZSTD, false);
    expect_failure(&(struct question){.method = ds_method_storage_list_ticks,
                                      .flags = DS_FRAME_ZSTD,
                                      .payload = ds_bytes_of(bomb, write_bomb(bomb, 0, 0))},
                   DS_INVALID_ARGUMENT, "it has flags that this server does not read");
}

static uint32_t encodings_of_hello(void)
{
    struct ds_client_call call = {.method = ds_method_control_hello};
    assert_int_equal(ds_channel_call_wait(fixture.channel, &call), DS_OK);
    Rpc__HelloResponse *hello =
        rpc__hello_response__unpack(NULL, call.response.size, call.response.data);
    assert_non_null(hello);
    const uint32_t encodings = hello->accept_encodings;
    rpc__hello_response__free_unpacked(hello, NULL);
    ds_client_call_release(&call);
    return encodings;
}

static void hello_tells_that_the_server_reads_zstd(void **state)
{
    (void)state;
    assert_int_equal(encodings_of_hello(), DS_ENCODING_ZSTD);
}

static void hello_of_a_server_without_compression_tells_so(void **state)
{
    (void)state;
    assert_int_equal(encodings_of_hello(), 0);
}

/* ---- the client's side ---- */

static struct rpc_impostor impostor;
static struct ds_channel *channel;

static void open_channel(bool compress)
{
    assert_int_equal(ds_channel_open(&(struct ds_channel_options){.url = impostor.url,
                                                                  .clock = &standing_clock,
                                                                  .compress = compress},
                                     &channel),
                     DS_OK);
}

static int open_impostor(void **state)
{
    (void)state;
    rpc_impostor_open(&impostor);
    impostor.accept_encodings = DS_ENCODING_ZSTD;
    open_channel(true);
    return 0;
}

static int open_impostor_for_plain_channel(void **state)
{
    (void)state;
    rpc_impostor_open(&impostor);
    impostor.accept_encodings = DS_ENCODING_ZSTD;
    open_channel(false);
    return 0;
}

static int close_impostor(void **state)
{
    (void)state;
    ds_channel_close(channel);
    rpc_impostor_close(&impostor);
    return 0;
}

/* Sends a large request of that method, which the impostor takes without reading it. */
static void send_large(const struct ds_method *method, enum ds_compression compression)
{
    const struct ds_bytes payload = ingest_request(10000);
    struct ds_client_call call = {.method = method,
                                  .payload = payload,
                                  .compression = compression,
                                  .timeout_ms = RPC_FIXTURE_TIMEOUT_MS};
    assert_int_equal(ds_channel_call_wait(channel, &call), DS_OK);
    ds_client_call_release(&call);
    release(payload);
}

static void expect_message(size_t place, uint8_t flags, uint32_t accept_encodings)
{
    assert_int_equal(impostor.messages[place].flags, flags);
    assert_int_equal(impostor.messages[place].accept_encodings, accept_encodings);
}

static void a_channel_compresses_what_the_server_reads(void **state)
{
    (void)state;
    send_large(ds_method_storage_ingest_ticks, DS_COMPRESSION_OF_CHANNEL);
    send_large(ds_method_storage_ingest_ticks, DS_COMPRESSION_OF_CHANNEL);
    assert_int_equal(impostor.hello_count, 1);
    expect_message(0, DS_FRAME_ZSTD, DS_ENCODING_ZSTD);
    expect_message(1, DS_FRAME_ZSTD, DS_ENCODING_ZSTD);
    assert_int_equal(ds_channel_traffic(channel).compressed_calls, 2);
}

static void a_server_whose_hello_does_not_say_so_gets_plain_requests(void **state)
{
    (void)state;
    impostor.accept_encodings = 2; /* gzip */
    send_large(ds_method_storage_ingest_ticks, DS_COMPRESSION_OF_CHANNEL);
    expect_message(0, 0, DS_ENCODING_ZSTD);
    assert_int_equal(ds_channel_traffic(channel).compressed_calls, 0);
}

static void a_server_without_hello_gets_plain_requests(void **state)
{
    (void)state;
    impostor.refuses_hello = true;
    send_large(ds_method_storage_ingest_ticks, DS_COMPRESSION_OF_CHANNEL);
    expect_message(0, 0, DS_ENCODING_ZSTD);
}

static void a_channel_compresses_nothing_unless_told(void **state)
{
    (void)state;
    send_large(ds_method_storage_ingest_ticks, DS_COMPRESSION_OF_CHANNEL);
    expect_message(0, 0, 0);
    assert_int_equal(impostor.hello_count, 0);
}

static void a_call_may_ask_for_compression_by_itself(void **state)
{
    (void)state;
    send_large(ds_method_storage_ingest_ticks, DS_COMPRESSION_ON);
    expect_message(0, DS_FRAME_ZSTD, DS_ENCODING_ZSTD);
}

static void a_call_may_forgo_compression_by_itself(void **state)
{
    (void)state;
    send_large(ds_method_storage_ingest_ticks, DS_COMPRESSION_OFF);
    expect_message(0, 0, 0);
}

static void a_method_that_may_hold_secrets_is_never_compressed(void **state)
{
    (void)state;
    send_large(ds_method_storage_latest_tick, DS_COMPRESSION_ON);
    expect_message(0, 0, 0);
}

static void a_small_request_stays_as_it_is_and_asks_nobody(void **state)
{
    (void)state;
    struct ds_client_call call = {.method = ds_method_storage_ingest_ticks,
                                  .timeout_ms = RPC_FIXTURE_TIMEOUT_MS};
    assert_int_equal(ds_channel_call_wait(channel, &call), DS_OK);
    ds_client_call_release(&call);
    expect_message(0, 0, DS_ENCODING_ZSTD);
    assert_int_equal(impostor.hello_count, 0);
}

/* Has the impostor answer with these bytes. */
static ds_code call_with_answer(uint8_t flags, struct ds_bytes answer, struct ds_client_call *call)
{
    impostor.answer_flags = flags;
    impostor.answer = answer;
    *call = (struct ds_client_call){.method = ds_method_storage_ingest_ticks,
                                    .timeout_ms = RPC_FIXTURE_TIMEOUT_MS};
    return ds_channel_call_wait(channel, call);
}

static void a_compressed_reply_is_handed_out_plain(void **state)
{
    (void)state;
    struct ds_client_call call;
    const struct ds_bytes plain = ingest_request(10000);
    const struct ds_bytes packed = pack(plain);
    assert_int_equal(call_with_answer(DS_FRAME_ZSTD, packed, &call), DS_OK);
    assert_true(ds_bytes_equal(call.response, plain));
    ds_client_call_release(&call);
    release(packed);
    release(plain);
}

static void expect_unreadable(uint8_t flags, struct ds_bytes answer)
{
    struct ds_client_call call;
    assert_int_equal(call_with_answer(flags, answer, &call), DS_INTERNAL);
    assert_string_equal(call.message, "the service's reply can't be read");
    assert_int_equal(call.response.size, 0);
    ds_client_call_release(&call);
}

static void a_reply_that_can_not_be_read_is_a_failure(void **state)
{
    (void)state;
    uint8_t bomb[1024];
    const struct ds_bytes plain = ingest_request(10000);
    const struct ds_bytes packed = pack(plain);
    ((uint8_t *)(uintptr_t)packed.data)[packed.size / 2] ^= 0xFF;
    expect_unreadable(DS_FRAME_ZSTD, packed);
    expect_unreadable(DS_FRAME_ZSTD, plain);
    expect_unreadable(2, plain);
    expect_unreadable(DS_FRAME_ZSTD, ds_bytes_of(bomb, write_bomb(bomb, UINT32_MAX, 8)));
    expect_unreadable(DS_FRAME_ZSTD, ds_bytes_of(bomb, write_bomb(bomb, 17 << 20, 136)));
    expect_unreadable(DS_FRAME_ZSTD, ds_bytes_of(bomb, write_bomb(bomb, 1000, 8)));
    release(packed);
    release(plain);
}

static struct ds_channel *open_compressing_channel(void)
{
    struct ds_channel *of_fixture = NULL;
    assert_int_equal(
        ds_channel_open(&(struct ds_channel_options){.url = fixture.url, .compress = true},
                        &of_fixture),
        DS_OK);
    return of_fixture;
}

/* grpc's interop case of that name, with the reply compressed too. */
static void client_compressed_unary(void **state)
{
    (void)state;
    struct ds_channel *of_fixture = open_compressing_channel();
    const struct ds_bytes payloads[] = {ingest_request(10000), bytes_request(300000)};
    struct ds_client_call calls[] = {
        {.method = ds_method_storage_ingest_ticks, .payload = payloads[0]},
        {.method = ds_method_storage_list_ticks, .payload = payloads[1]},
    };
    for (size_t i = 0; i < 2; i++) {
        calls[i].timeout_ms = RPC_FIXTURE_TIMEOUT_MS;
        calls[i].principal = &rpc_fixture_writer;
        assert_int_equal(ds_channel_call_wait(of_fixture, &calls[i]), DS_OK);
    }
    assert_int_equal(calls[1].response.size, 300000);
    assert_int_equal(ds_channel_traffic(of_fixture).compressed_calls, 1);
    for (size_t i = 0; i < 2; i++) {
        ds_client_call_release(&calls[i]);
        release(payloads[i]);
    }
    ds_channel_close(of_fixture);
}

static void a_channel_speaks_plainly_to_a_server_without_compression(void **state)
{
    (void)state;
    struct ds_channel *of_fixture = open_compressing_channel();
    const struct ds_bytes payload = ingest_request(10000);
    struct ds_client_call call = {.method = ds_method_storage_ingest_ticks,
                                  .payload = payload,
                                  .principal = &rpc_fixture_writer,
                                  .timeout_ms = RPC_FIXTURE_TIMEOUT_MS};
    assert_int_equal(ds_channel_call_wait(of_fixture, &call), DS_OK);
    assert_int_equal(ds_channel_traffic(of_fixture).compressed_calls, 0);
    ds_client_call_release(&call);
    release(payload);
    ds_channel_close(of_fixture);
}

#define WITH_IMPOSTOR(test, open) cmocka_unit_test_setup_teardown(test, open, close_impostor)

static int run_with_impostor(void)
{
    const struct CMUnitTest tests[] = {
        WITH_IMPOSTOR(a_channel_compresses_what_the_server_reads, open_impostor),
        WITH_IMPOSTOR(a_server_whose_hello_does_not_say_so_gets_plain_requests, open_impostor),
        WITH_IMPOSTOR(a_server_without_hello_gets_plain_requests, open_impostor),
        WITH_IMPOSTOR(a_channel_compresses_nothing_unless_told, open_impostor_for_plain_channel),
        WITH_IMPOSTOR(a_call_may_ask_for_compression_by_itself, open_impostor_for_plain_channel),
        WITH_IMPOSTOR(a_call_may_forgo_compression_by_itself, open_impostor),
        WITH_IMPOSTOR(a_method_that_may_hold_secrets_is_never_compressed, open_impostor),
        WITH_IMPOSTOR(a_small_request_stays_as_it_is_and_asks_nobody, open_impostor),
        WITH_IMPOSTOR(a_compressed_reply_is_handed_out_plain, open_impostor),
        WITH_IMPOSTOR(a_reply_that_can_not_be_read_is_a_failure, open_impostor),
    };
    return cmocka_run_group_tests_name("impostor", tests, NULL, NULL);
}

#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_fixture)

static int run_over(enum fixture_transport over, const char *name)
{
    const struct CMUnitTest tests[] = {
        WITH(a_large_reply_is_compressed_for_a_caller_that_reads_it, open_fixture),
        WITH(a_reply_from_a_pool_is_compressed_too, open_blocking_fixture),
        WITH(a_caller_that_does_not_read_zstd_gets_plain_replies, open_fixture),
        WITH(a_small_reply_stays_as_it_is, open_fixture),
        WITH(replies_of_a_shared_message_are_compressed_each_by_itself, open_fixture),
        WITH(a_reply_of_a_method_that_does_not_allow_it_stays_as_it_is, open_fixture),
        WITH(a_compressed_request_is_executed, open_fixture),
        WITH(a_key_knows_a_request_again_however_it_travels, open_fixture),
        WITH(a_bomb_is_refused_by_what_it_tells, open_fixture),
        WITH(a_bomb_that_lies_is_refused, open_fixture),
        WITH(a_damaged_payload_is_refused_before_the_handler, open_fixture),
        WITH(a_method_that_does_not_allow_it_takes_no_compressed_request, open_fixture),
        WITH(a_flag_that_nobody_knows_is_refused_by_its_call_id, open_fixture),
        WITH(a_cancel_has_no_flags, open_fixture),
        WITH(a_server_without_compression_neither_reads_nor_writes_it, open_plain_fixture),
        WITH(hello_tells_that_the_server_reads_zstd, open_fixture),
        WITH(hello_of_a_server_without_compression_tells_so, open_plain_fixture),
        WITH(client_compressed_unary, open_fixture),
        WITH(a_channel_speaks_plainly_to_a_server_without_compression, open_plain_fixture),
    };
    transport = over;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    int failed = run_over(FIXTURE_IPC, "ipc");
    failed += run_over(FIXTURE_TCP, "tcp");
    failed += run_with_impostor();
    return failed;
}
