#include "ds/compress.h"

#include "ds/frame.h"

#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

/* The quickest of the ordinary levels: rows shrink to less than half with any. */
#define LEVEL 1
/* Of the window that the compressor looks back over; bounds a context's memory. */
#define WINDOW_LOG 19
/* Contexts that are kept for the next call; as many more as there are threads may be in use. */
#define IDLE_MAX 4
#define MAGIC_BYTES 4

/* A pool for each direction, since each has contexts of its own kind. */
struct context_pool {
    pthread_mutex_t mutex; /* guards all that follows */
    void *idle[IDLE_MAX];
    size_t idle_count;
    size_t idle_bytes;
};

static struct context_pool compressors = {.mutex = PTHREAD_MUTEX_INITIALIZER};
static struct context_pool decompressors = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* NULL where none is idle. */
static void *pool_take(struct context_pool *pool, size_t (*size_of)(const void *context))
{
    void *context = NULL;
    pthread_mutex_lock(&pool->mutex);
    if (pool->idle_count > 0) {
        context = pool->idle[--pool->idle_count];
        pool->idle_bytes -= size_of(context);
    }
    pthread_mutex_unlock(&pool->mutex);
    return context;
}

/* False where the pool is full: the context is still the caller's. */
static bool pool_give(struct context_pool *pool, size_t (*size_of)(const void *context),
                      void *context)
{
    pthread_mutex_lock(&pool->mutex);
    const bool has_room = pool->idle_count < IDLE_MAX;
    if (has_room) {
        pool->idle[pool->idle_count++] = context;
        pool->idle_bytes += size_of(context);
    }
    pthread_mutex_unlock(&pool->mutex);
    return has_room;
}

static uint64_t pool_idle_bytes(struct context_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    const uint64_t idle_bytes = pool->idle_bytes;
    pthread_mutex_unlock(&pool->mutex);
    return idle_bytes;
}

static size_t compressor_size(const void *context)
{
    return ZSTD_sizeof_CCtx(context);
}

static size_t decompressor_size(const void *context)
{
    return ZSTD_sizeof_DCtx(context);
}

static void must(size_t result)
{
    if (ZSTD_isError(result)) {
        abort(); /* A parameter out of its range, or no memory. */
    }
}

static ZSTD_CCtx *compressor_take(void)
{
    ZSTD_CCtx *context = pool_take(&compressors, compressor_size);
    if (context != NULL) {
        return context;
    }
    context = ZSTD_createCCtx();
    if (context == NULL) {
        abort();
    }
    must(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL));
    must(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, WINDOW_LOG));
    must(ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1));
    /* Without a checksum a changed byte may expand to other rows instead of an error. */
    must(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1));
    return context;
}

static void compressor_give(ZSTD_CCtx *context)
{
    if (!pool_give(&compressors, compressor_size, context)) {
        ZSTD_freeCCtx(context);
    }
}

static ZSTD_DCtx *decompressor_take(void)
{
    ZSTD_DCtx *context = pool_take(&decompressors, decompressor_size);
    if (context == NULL && (context = ZSTD_createDCtx()) == NULL) {
        abort();
    }
    return context;
}

static void decompressor_give(ZSTD_DCtx *context)
{
    if (!pool_give(&decompressors, decompressor_size, context)) {
        ZSTD_freeDCtx(context);
    }
}

bool ds_compress(struct ds_bytes plain, struct ds_buffer *packed)
{
    if (plain.size < DS_COMPRESS_BYTES_MIN || plain.size > DS_FRAME_PAYLOAD_BYTES_MAX) {
        return false;
    }
    const size_t room_bytes = plain.size / 8 * 7;
    uint8_t *room = ds_buffer_reserve(packed, room_bytes);
    if (room == NULL) {
        return false;
    }
    ZSTD_CCtx *context = compressor_take();
    /* Ends early, with an error, where the room does not do. */
    const size_t packed_bytes = ZSTD_compress2(context, room, room_bytes, plain.data, plain.size);
    compressor_give(context);
    if (ZSTD_isError(packed_bytes)) {
        return false;
    }
    ds_buffer_commit(packed, packed_bytes);
    return true;
}

/* Debian's zstd also reads the forms before version 0.8, and frames without content: their readers
 * are not for bytes from outside. */
static bool has_magic(struct ds_bytes packed)
{
    static const uint8_t magic[MAGIC_BYTES] = {0x28, 0xB5, 0x2F, 0xFD};
    return packed.size >= MAGIC_BYTES && memcmp(packed.data, magic, MAGIC_BYTES) == 0;
}

ds_code ds_compress_plain_bytes(struct ds_bytes packed, size_t *ret_plain_bytes)
{
    if (!has_magic(packed)) {
        return DS_INVALID_ARGUMENT;
    }
    const unsigned long long plain_bytes = ZSTD_getFrameContentSize(packed.data, packed.size);
    if (plain_bytes == ZSTD_CONTENTSIZE_UNKNOWN || plain_bytes == ZSTD_CONTENTSIZE_ERROR ||
        plain_bytes > SIZE_MAX) {
        return DS_INVALID_ARGUMENT;
    }
    *ret_plain_bytes = (size_t)plain_bytes;
    return DS_OK;
}

ds_code ds_decompress(struct ds_bytes packed, uint8_t *plain, size_t plain_bytes)
{
    if (!has_magic(packed) ||
        ZSTD_findFrameCompressedSize(packed.data, packed.size) != packed.size) {
        return DS_INVALID_ARGUMENT;
    }
    ZSTD_DCtx *context = decompressor_take();
    const size_t expanded_bytes =
        ZSTD_decompressDCtx(context, plain, plain_bytes, packed.data, packed.size);
    decompressor_give(context);
    return ZSTD_isError(expanded_bytes) || expanded_bytes != plain_bytes ? DS_INVALID_ARGUMENT
                                                                         : DS_OK;
}

uint64_t ds_compress_idle_bytes(void)
{
    return pool_idle_bytes(&compressors) + pool_idle_bytes(&decompressors);
}
