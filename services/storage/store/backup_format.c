/* The fixed parts of a backup as bytes. */
#include "storage/store/backup.h"

#include <string.h>

#define MAGIC "DSBACKUP"
#define MAGIC_BYTES 8

/* Where the header's parts begin. */
enum {
    AT_VERSION = 8,
    AT_FORMAT_VERSION = 12,
    AT_CREATED = 16,
    AT_ENGINE = 24,
    AT_STORE_ID = 40,
    STORE_ID_BYTES = 40,
};

static void put_number(uint8_t *target, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++) {
        target[size - 1 - i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get_number(const uint8_t *source, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | source[i];
    }
    return value;
}

/* Reads text that zeros fill up to `size` bytes; false where it has no end or does not fit. */
static bool get_text(const uint8_t *source, size_t size, char *ret_text, size_t text_bytes_max)
{
    const uint8_t *end = memchr(source, '\0', size);
    if (end == NULL || (size_t)(end - source) >= text_bytes_max) {
        return false;
    }
    memcpy(ret_text, source, (size_t)(end - source) + 1);
    return true;
}

void market_backup_header_write(const struct market_backup *backup,
                                uint8_t target[MARKET_BACKUP_HEADER_BYTES])
{
    memset(target, 0, MARKET_BACKUP_HEADER_BYTES);
    memcpy(target, MAGIC, MAGIC_BYTES);
    put_number(target + AT_VERSION, 4, MARKET_BACKUP_VERSION);
    put_number(target + AT_FORMAT_VERSION, 4, backup->format_version);
    put_number(target + AT_CREATED, 8, (uint64_t)backup->created_us);
    memcpy(target + AT_ENGINE, backup->engine, strlen(backup->engine));
    memcpy(target + AT_STORE_ID, backup->store_id, strlen(backup->store_id));
}

bool market_backup_header_read(const uint8_t source[MARKET_BACKUP_HEADER_BYTES],
                               uint32_t *ret_version, struct market_backup *ret_backup)
{
    struct market_backup backup = {
        .format_version = (uint32_t)get_number(source + AT_FORMAT_VERSION, 4),
        .created_us = (int64_t)get_number(source + AT_CREATED, 8),
    };
    if (memcmp(source, MAGIC, MAGIC_BYTES) != 0 ||
        !get_text(source + AT_ENGINE, MARKET_ENGINE_BYTES_MAX, backup.engine,
                  sizeof(backup.engine)) ||
        !get_text(source + AT_STORE_ID, STORE_ID_BYTES, backup.store_id, sizeof(backup.store_id))) {
        return false;
    }
    *ret_version = (uint32_t)get_number(source + AT_VERSION, 4);
    *ret_backup = backup;
    return true;
}

void market_backup_counts_write(const struct market_backup *backup,
                                uint8_t target[MARKET_BACKUP_COUNTS_BYTES])
{
    put_number(target, 8, backup->row_count);
    put_number(target + 8, 8, backup->image_bytes);
}

void market_backup_counts_read(const uint8_t source[MARKET_BACKUP_COUNTS_BYTES],
                               struct market_backup *backup)
{
    backup->row_count = get_number(source, 8);
    backup->image_bytes = get_number(source + 8, 8);
}

void market_backup_length_write(uint32_t length, uint8_t target[MARKET_BACKUP_LENGTH_BYTES])
{
    put_number(target, MARKET_BACKUP_LENGTH_BYTES, length);
}

uint32_t market_backup_length_read(const uint8_t source[MARKET_BACKUP_LENGTH_BYTES])
{
    return (uint32_t)get_number(source, MARKET_BACKUP_LENGTH_BYTES);
}
