/* A compressed body: the first byte bounds what it may unpack to, in steps of 256 bytes. */
#include "fuzz/fuzz.h"
#include "gateway/gzip.h"

#define STEP_BYTES 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gzip *gzip;
    if (size < 1 || size > FUZZ_BYTES_MAX) {
        return 0;
    }
    if (gzip == NULL) {
        gzip = gzip_create();
    }
    const size_t bytes_max = (size_t)data[0] * STEP_BYTES;
    struct ds_buffer body;
    ds_buffer_init(&body, bytes_max);
    const struct ds_bytes packed = ds_bytes_of(data + 1, size - 1);
    const enum gzip_result result = gzip_decompress(gzip, packed, bytes_max, &body);
    fuzz_require(body.size <= bytes_max, "no more is unpacked than the bound");
    if (result == GZIP_OK) {
        struct ds_buffer again;
        struct ds_buffer unpacked;
        ds_buffer_init(&again, SIZE_MAX);
        ds_buffer_init(&unpacked, body.size);
        gzip_compress(gzip, ds_buffer_bytes(&body), &again);
        fuzz_require(gzip_decompress(gzip, ds_buffer_bytes(&again), body.size, &unpacked) ==
                         GZIP_OK,
                     "what is packed unpacks");
        fuzz_require(ds_bytes_equal(ds_buffer_bytes(&body), ds_buffer_bytes(&unpacked)),
                     "to the same bytes");
        ds_buffer_deinit(&again);
        ds_buffer_deinit(&unpacked);
    }
    ds_buffer_deinit(&body);
    return 0;
}
