/*
 * What a disk may hold after a power cut, made of the log of record_calls.h: all that was synced,
 * and of the rest what chance (or the wish for an extreme) has left. A sector is written whole or
 * not at all, and never goes back to what it was before a sync. A file's bytes, its size and its
 * name are each durable only once somebody synced them.
 */
#ifndef TESTS_CRASH_DISK_IMAGE_H
#define TESTS_CRASH_DISK_IMAGE_H

#include "record_calls.h"

enum disk_luck {
    DISK_KEEPS_NOTHING,     /* that was not synced */
    DISK_KEEPS_EVERYTHING,  /* but the call that the cut came into */
    DISK_KEEPS_A_BEGINNING, /* what came first, of every file the last of it torn */
    DISK_KEEPS_SOME,        /* any calls and, of torn ones, any sectors */
    DISK_LUCK_COUNT,
};

extern const char *const disk_luck_names[DISK_LUCK_COUNT];

struct disk_cut {
    const struct record_log *log;
    size_t at; /* so many events were over; the next had begun */
    enum disk_luck luck;
    uint64_t seed; /* of the choices */
};

/* Writes into the empty folder `target` what the recorded folder holds after the cut. */
void disk_image_write(const struct disk_cut *cut, const char *target);

#endif
