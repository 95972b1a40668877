#include "storage/store/backup.h"

#include <sodium.h>
#include <stdio.h>

/* A backup that is being handed out. */
struct writing {
    market_bytes_fn take;
    void *context;
    crypto_generichash_state hash;
};

static ds_code hand_out(struct writing *writing, struct ds_bytes bytes)
{
    crypto_generichash_update(&writing->hash, bytes.data, bytes.size);
    return writing->take(writing->context, bytes);
}

static ds_code take_image(void *context, struct ds_bytes bytes)
{
    struct writing *writing = context;
    while (bytes.size > 0) {
        const size_t size =
            bytes.size < MARKET_BACKUP_PIECE_BYTES_MAX ? bytes.size : MARKET_BACKUP_PIECE_BYTES_MAX;
        uint8_t length[MARKET_BACKUP_LENGTH_BYTES];
        market_backup_length_write((uint32_t)size, length);
        DS_TRY(hand_out(writing, ds_bytes_of(length, sizeof(length))));
        DS_TRY(hand_out(writing, ds_bytes_of(bytes.data, size)));
        bytes = ds_bytes_of(bytes.data + size, bytes.size - size);
    }
    return DS_OK;
}

static ds_code write_header(struct writing *writing, const struct market_backup *backup)
{
    uint8_t header[MARKET_BACKUP_HEADER_BYTES];
    market_backup_header_write(backup, header);
    return hand_out(writing, ds_bytes_of(header, sizeof(header)));
}

static ds_code write_trailer(struct writing *writing, const struct market_backup *backup)
{
    uint8_t end[MARKET_BACKUP_LENGTH_BYTES + MARKET_BACKUP_COUNTS_BYTES];
    uint8_t hash[MARKET_BACKUP_HASH_BYTES];
    market_backup_length_write(0, end);
    market_backup_counts_write(backup, end + MARKET_BACKUP_LENGTH_BYTES);
    DS_TRY(hand_out(writing, ds_bytes_of(end, sizeof(end))));
    crypto_generichash_final(&writing->hash, hash, sizeof(hash));
    return writing->take(writing->context, ds_bytes_of(hash, sizeof(hash)));
}

ds_code market_backup_write(struct market_store *store, const struct ds_clock *clock,
                            market_bytes_fn take, void *context, struct market_backup *ret_backup)
{
    if (store->ops->write_image == NULL) {
        return DS_UNIMPLEMENTED;
    }
    struct market_stats stats;
    DS_TRY(store->ops->stats(store, &stats));
    struct market_backup backup = {
        .format_version = stats.format_version,
        .created_us = ds_clock_wall_us(clock),
    };
    snprintf(backup.engine, sizeof(backup.engine), "%s", store->ops->name);
    snprintf(backup.store_id, sizeof(backup.store_id), "%s", stats.store_id);

    struct writing writing = {.take = take, .context = context};
    crypto_generichash_init(&writing.hash, NULL, 0, MARKET_BACKUP_HASH_BYTES);
    DS_TRY(write_header(&writing, &backup));
    struct market_image image = {.take = take_image, .context = &writing};
    DS_TRY(store->ops->write_image(store, &image));
    backup.row_count = image.row_count;
    backup.image_bytes = image.bytes;
    DS_TRY(write_trailer(&writing, &backup));
    *ret_backup = backup;
    return DS_OK;
}
