/* Compressed payloads. Behind a 'p' is one as it comes from the wire; behind any other byte is what
 * goes out, repeated until it is large enough to be compressed. */
#include "ds/compress.h"
#include "ds/frame.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>

/* What a reader allows; small, so that the fuzzer is quick. */
#define PLAIN_BYTES_MAX (256 * 1024)

/* Exactly as large as asked for, so that the sanitizer sees a byte too many. */
static uint8_t *allocate(size_t size)
{
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    fuzz_require(bytes != NULL, "there is memory");
    return bytes;
}

static void check_payload(struct ds_bytes packed)
{
    size_t plain_bytes = 77;
    if (ds_compress_plain_bytes(packed, &plain_bytes) != DS_OK) {
        fuzz_require(plain_bytes == 77, "a failure leaves the size as it was");
        return;
    }
    if (plain_bytes > PLAIN_BYTES_MAX) {
        return;
    }
    uint8_t *plain = allocate(plain_bytes);
    const ds_code code = ds_decompress(packed, plain, plain_bytes);
    fuzz_require(code == DS_OK || code == DS_INVALID_ARGUMENT, "damage has its code");
    if (code == DS_OK) {
        uint8_t *again = allocate(plain_bytes + 1);
        fuzz_require(ds_decompress(packed, again, plain_bytes) == DS_OK &&
                         memcmp(plain, again, plain_bytes) == 0,
                     "a payload expands to the same bytes each time");
        fuzz_require(ds_decompress(packed, again, plain_bytes + 1) == DS_INVALID_ARGUMENT,
                     "a payload has not less than it tells");
        free(again);
    }
    free(plain);
}

static void check_round_trip(struct ds_bytes unit)
{
    const size_t count = unit.size == 0 ? 0 : DS_COMPRESS_BYTES_MIN / unit.size + 1;
    const size_t size = count * unit.size;
    uint8_t *plain = allocate(size);
    struct ds_buffer packed;
    for (size_t i = 0; i < count; i++) {
        memcpy(plain + i * unit.size, unit.data, unit.size);
    }
    ds_buffer_init(&packed, DS_FRAME_PAYLOAD_BYTES_MAX);
    if (ds_compress(ds_bytes_of(plain, size), &packed)) {
        size_t plain_bytes = 0;
        uint8_t *expanded = allocate(size);
        fuzz_require(packed.size < size / 8 * 7, "what is compressed has become smaller");
        fuzz_require(ds_compress_plain_bytes(ds_buffer_bytes(&packed), &plain_bytes) == DS_OK &&
                         plain_bytes == size,
                     "what we compress tells its size");
        fuzz_require(ds_decompress(ds_buffer_bytes(&packed), expanded, size) == DS_OK &&
                         memcmp(expanded, plain, size) == 0,
                     "what we compress expands to what it was");
        free(expanded);
    } else {
        fuzz_require(packed.size == 0, "what is not compressed leaves nothing behind");
    }
    ds_buffer_deinit(&packed);
    free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FUZZ_BYTES_MAX / 64) {
        return 0;
    }
    const struct ds_bytes rest = ds_bytes_of(data + 1, size - 1);
    if (data[0] == 'p') {
        check_payload(rest);
    } else {
        check_round_trip(rest);
    }
    return 0;
}
