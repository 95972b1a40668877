#include "storage/store/backup.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A backup that is being read. */
struct reading {
    int fd;
    crypto_generichash_state hash;
    char *reason;
    size_t reason_bytes_max;
};

static ds_code refuse(struct reading *reading, ds_code code, const char *reason)
{
    snprintf(reading->reason, reading->reason_bytes_max, "%s", reason);
    return code;
}

/* Reads up to `size` bytes; fewer only at the stream's end. */
static ds_code read_some(struct reading *reading, uint8_t *target, size_t size, size_t *ret_size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t count = read(reading->fd, target + done, size - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            snprintf(reading->reason, reading->reason_bytes_max, "the backup can't be read: %s",
                     strerror(errno));
            return DS_UNAVAILABLE;
        }
        if (count == 0) {
            break;
        }
        done += (size_t)count;
    }
    *ret_size = done;
    return DS_OK;
}

/* Reads exactly `size` bytes, of which the hash is told. */
static ds_code read_all(struct reading *reading, uint8_t *target, size_t size)
{
    size_t count = 0;
    DS_TRY(read_some(reading, target, size, &count));
    if (count < size) {
        return refuse(reading, DS_DATA_LOSS, "the backup is cut off: its end is missing");
    }
    crypto_generichash_update(&reading->hash, target, size);
    return DS_OK;
}

static ds_code read_header(struct reading *reading, struct market_backup *ret_backup)
{
    uint8_t header[MARKET_BACKUP_HEADER_BYTES];
    size_t size = 0;
    uint32_t version = 0;
    DS_TRY(read_some(reading, header, sizeof(header), &size));
    if (size < sizeof(header) || !market_backup_header_read(header, &version, ret_backup)) {
        return refuse(reading, DS_DATA_LOSS, "this is no backup of DeltaStream");
    }
    if (version != MARKET_BACKUP_VERSION) {
        snprintf(reading->reason, reading->reason_bytes_max,
                 "the backup has version %u; this program reads version %d", version,
                 MARKET_BACKUP_VERSION);
        return DS_FAILED_PRECONDITION;
    }
    crypto_generichash_update(&reading->hash, header, sizeof(header));
    return DS_OK;
}

/* Hands out the pieces up to the mark behind the last one. */
static ds_code read_image(struct reading *reading, uint8_t *piece, market_bytes_fn take,
                          void *context, uint64_t *ret_bytes)
{
    uint64_t bytes = 0;
    for (;;) {
        uint8_t length_bytes[MARKET_BACKUP_LENGTH_BYTES];
        DS_TRY(read_all(reading, length_bytes, sizeof(length_bytes)));
        const size_t length = market_backup_length_read(length_bytes);
        if (length == 0) {
            *ret_bytes = bytes;
            return DS_OK;
        }
        if (length > MARKET_BACKUP_PIECE_BYTES_MAX) {
            return refuse(reading, DS_DATA_LOSS, "the backup is damaged: a piece has no length");
        }
        DS_TRY(read_all(reading, piece, length));
        DS_TRY(take(context, ds_bytes_of(piece, length)));
        bytes += length;
    }
}

static ds_code read_trailer(struct reading *reading, struct market_backup *backup)
{
    uint8_t counts[MARKET_BACKUP_COUNTS_BYTES];
    uint8_t stated[MARKET_BACKUP_HASH_BYTES];
    uint8_t hash[MARKET_BACKUP_HASH_BYTES];
    uint8_t beyond;
    size_t size = 0;
    DS_TRY(read_all(reading, counts, sizeof(counts)));
    crypto_generichash_final(&reading->hash, hash, sizeof(hash));
    DS_TRY(read_some(reading, stated, sizeof(stated), &size));
    if (size < sizeof(stated)) {
        return refuse(reading, DS_DATA_LOSS, "the backup is cut off: its end is missing");
    }
    if (memcmp(stated, hash, sizeof(hash)) != 0) {
        return refuse(reading, DS_DATA_LOSS,
                      "the backup is damaged: its hash is not that of its content");
    }
    DS_TRY(read_some(reading, &beyond, 1, &size));
    if (size > 0) {
        return refuse(reading, DS_DATA_LOSS, "something follows behind the backup's end");
    }
    market_backup_counts_read(counts, backup);
    return DS_OK;
}

ds_code market_backup_read(int fd, market_bytes_fn take, void *context,
                           struct market_backup *ret_backup, char *ret_reason,
                           size_t reason_bytes_max)
{
    struct reading reading = {.fd = fd, .reason = ret_reason, .reason_bytes_max = reason_bytes_max};
    struct market_backup backup = {.row_count = 0};
    uint64_t bytes = 0;
    crypto_generichash_init(&reading.hash, NULL, 0, MARKET_BACKUP_HASH_BYTES);
    DS_TRY(read_header(&reading, &backup));
    uint8_t *piece = malloc(MARKET_BACKUP_PIECE_BYTES_MAX);
    if (piece == NULL) {
        abort();
    }
    ds_code code = read_image(&reading, piece, take, context, &bytes);
    free(piece);
    if (code == DS_OK) {
        code = read_trailer(&reading, &backup);
    }
    if (code == DS_OK && backup.image_bytes != bytes) {
        code = refuse(&reading, DS_DATA_LOSS, "the backup's sizes contradict each other");
    }
    if (code == DS_OK) {
        *ret_backup = backup;
    }
    return code;
}
