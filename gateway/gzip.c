#include "gateway/gzip.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

/* The fastest: rows as JSON shrink to a fifth by it, and the levels above cost more time than the
 * network gives back. */
#define LEVEL 1
#define MEMORY_LEVEL 8
/* zlib's sign for gzip's framing instead of its own, with the widest window. */
#define GZIP_WINDOW_BITS (15 + 16)
#define FIRST_BYTE 0x1f /* of a member */
#define INFLATE_STEP_BYTES ((size_t)64 * 1024)

struct gzip {
    z_stream deflate;
    z_stream inflate;
    bool can_deflate;
    bool can_inflate;
};

struct gzip *gzip_create(void)
{
    struct gzip *gzip = calloc(1, sizeof *gzip);
    if (gzip == NULL) {
        abort();
    }
    return gzip;
}

void gzip_destroy(struct gzip *gzip)
{
    if (gzip == NULL) {
        return;
    }
    if (gzip->can_deflate) {
        (void)deflateEnd(&gzip->deflate);
    }
    if (gzip->can_inflate) {
        (void)inflateEnd(&gzip->inflate);
    }
    free(gzip);
}

static z_stream *begin_deflate(struct gzip *gzip)
{
    const int result = gzip->can_deflate
                           ? deflateReset(&gzip->deflate)
                           : deflateInit2(&gzip->deflate, LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS,
                                          MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    if (result != Z_OK) {
        abort(); /* Out of memory: the parameters are right. */
    }
    gzip->can_deflate = true;
    return &gzip->deflate;
}

static z_stream *begin_inflate(struct gzip *gzip)
{
    const int result = gzip->can_inflate ? inflateReset(&gzip->inflate)
                                         : inflateInit2(&gzip->inflate, GZIP_WINDOW_BITS);
    if (result != Z_OK) {
        abort();
    }
    gzip->can_inflate = true;
    return &gzip->inflate;
}

static void set_input(z_stream *stream, struct ds_bytes bytes)
{
    assert(bytes.size <= UINT32_MAX);
    stream->next_in = (Bytef *)(uintptr_t)bytes.data;
    stream->avail_in = (uInt)bytes.size;
}

void gzip_compress(struct gzip *gzip, struct ds_bytes bytes, struct ds_buffer *target)
{
    z_stream *stream = begin_deflate(gzip);
    const size_t room = deflateBound(stream, bytes.size);
    set_input(stream, bytes);
    stream->next_out = ds_buffer_reserve(target, room);
    stream->avail_out = (uInt)room;
    const int result = deflate(stream, Z_FINISH);
    assert(result == Z_STREAM_END);
    (void)result;
    ds_buffer_commit(target, room - stream->avail_out);
}

/* Unpacks the member that the input begins with. Where there is no more room, one byte of our own
 * tells whether there is more to come. */
static enum gzip_result inflate_member(z_stream *stream, size_t bytes_max, struct ds_buffer *target)
{
    for (;;) {
        uint8_t beyond = 0;
        const size_t left = bytes_max - target->size;
        const size_t room = left < INFLATE_STEP_BYTES ? left : INFLATE_STEP_BYTES;
        stream->next_out = room > 0 ? ds_buffer_reserve(target, room) : &beyond;
        stream->avail_out = room > 0 ? (uInt)room : 1;
        const int result = inflate(stream, Z_NO_FLUSH);
        if (room == 0 && stream->avail_out == 0) {
            return GZIP_TOO_LARGE;
        }
        if (room > 0) {
            ds_buffer_commit(target, room - stream->avail_out);
        }
        if (result == Z_STREAM_END) {
            return GZIP_OK;
        }
        if (result == Z_BUF_ERROR || (result == Z_OK && stream->avail_in == 0)) {
            if (stream->avail_out > 0) {
                return GZIP_TRUNCATED;
            }
        } else if (result == Z_MEM_ERROR) {
            abort();
        } else if (result != Z_OK) {
            return GZIP_MALFORMED;
        }
    }
}

enum gzip_result gzip_decompress(struct gzip *gzip, struct ds_bytes bytes, size_t bytes_max,
                                 struct ds_buffer *target)
{
    assert(target->size == 0 && target->limit >= bytes_max);
    for (size_t i = 0; i < GZIP_MEMBERS_MAX; i++) {
        z_stream *stream = begin_inflate(gzip);
        set_input(stream, bytes);
        const enum gzip_result result = inflate_member(stream, bytes_max, target);
        if (result != GZIP_OK) {
            return result;
        }
        ds_bytes_skip(&bytes, bytes.size - stream->avail_in);
        if (bytes.size == 0) {
            return GZIP_OK;
        }
        if (bytes.data[0] != FIRST_BYTE) {
            return GZIP_TRAILING;
        }
    }
    return GZIP_TOO_MANY;
}
