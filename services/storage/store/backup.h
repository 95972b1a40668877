/*
 * A backup of a store: one stream of bytes that says what it is, holds the engine's image and ends
 * with what proves that it is whole. docs/storage-format.md has it byte by byte:
 *
 *   header   80 bytes: magic, version, format of the store, time, engine, id of the store
 *   pieces   4 bytes: how many bytes follow, 1 to MARKET_BACKUP_PIECE_BYTES_MAX; so many bytes
 *   end      4 bytes: 0
 *   trailer  48 bytes: rows and bytes of the image, BLAKE2b-256 of everything before the hash
 *
 * Numbers are big endian.
 */
#ifndef STORAGE_STORE_BACKUP_H
#define STORAGE_STORE_BACKUP_H

#include "storage/store/market_store.h"

#define MARKET_BACKUP_VERSION 1
#define MARKET_BACKUP_HEADER_BYTES 80
#define MARKET_BACKUP_LENGTH_BYTES 4
#define MARKET_BACKUP_COUNTS_BYTES 16
#define MARKET_BACKUP_HASH_BYTES 32
#define MARKET_BACKUP_PIECE_BYTES_MAX (1024 * 1024)
/* Of an engine's name with its end. */
#define MARKET_ENGINE_BYTES_MAX 16

/* What a backup says about itself. */
struct market_backup {
    uint32_t format_version; /* of the store */
    int64_t created_us;      /* since 1970 */
    char engine[MARKET_ENGINE_BYTES_MAX];
    char store_id[MARKET_STORE_ID_BYTES_MAX];
    uint64_t row_count;   /* of the image */
    uint64_t image_bytes; /* of the image */
};

/* Takes the next bytes of a stream, which die with the call. Another code than DS_OK ends it. */
typedef ds_code (*market_bytes_fn)(void *context, struct ds_bytes bytes);

/*
 * Hands out a backup of the store. Blocks until all is taken; a snapshot of the store is open for
 * so long, which keeps deleted rows' room from being used again. DS_UNIMPLEMENTED where the engine
 * has no image, the first other code of `take`, or the store's.
 */
DS_MUST_USE ds_code market_backup_write(struct market_store *store, const struct ds_clock *clock,
                                        market_bytes_fn take, void *context,
                                        struct market_backup *ret_backup);

/*
 * Reads a backup from fd to its end and hands out its image, which nobody may trust before this has
 * returned DS_OK. DS_DATA_LOSS where the stream is cut off, damaged or no backup,
 * DS_FAILED_PRECONDITION where it is of a version or an engine that this program does not know,
 * DS_UNAVAILABLE where it can't be read: the reason for a person goes to ret_reason. Else the first
 * other code of `take`.
 */
DS_MUST_USE ds_code market_backup_read(int fd, market_bytes_fn take, void *context,
                                       struct market_backup *ret_backup, char *ret_reason,
                                       size_t reason_bytes_max);

/* The fixed parts; for the two above and tests. */
void market_backup_header_write(const struct market_backup *backup,
                                uint8_t target[MARKET_BACKUP_HEADER_BYTES]);
/* False where the bytes are no header; the version may still be one that is not known. */
bool market_backup_header_read(const uint8_t source[MARKET_BACKUP_HEADER_BYTES],
                               uint32_t *ret_version, struct market_backup *ret_backup);
void market_backup_counts_write(const struct market_backup *backup,
                                uint8_t target[MARKET_BACKUP_COUNTS_BYTES]);
void market_backup_counts_read(const uint8_t source[MARKET_BACKUP_COUNTS_BYTES],
                               struct market_backup *backup);
void market_backup_length_write(uint32_t length, uint8_t target[MARKET_BACKUP_LENGTH_BYTES]);
uint32_t market_backup_length_read(const uint8_t source[MARKET_BACKUP_LENGTH_BYTES]);

#endif
