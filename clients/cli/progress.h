/*
 * One line that shows how far long work has come: a bar, the share done, the rate and the time
 * left. It is drawn in place on a terminal and does nothing elsewhere. Not thread-safe.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "ds/clock.h"

#include <stdbool.h>
#include <stdio.h>

struct progress_options {
    FILE *stream;                 /* stderr */
    const char *label;            /* "import" */
    const char *unit;             /* what is counted beside the bytes: "rows"; NULL: nothing */
    uint64_t total_bytes;         /* 0: unknown, then there is neither bar nor time left */
    uint64_t begin_bytes;         /* done by an earlier run: counts for the bar, not for the rate */
    const struct ds_clock *clock; /* NULL: the system's */
    bool is_off;                  /* nothing is drawn, not on a terminal either */
};

struct progress;

/* Never NULL. The texts outlive it. */
struct progress *progress_create(const struct progress_options *options);

/* Takes NULL. Takes the line away. */
void progress_destroy(struct progress *progress);

/* Draws, at most ten times a second: `done_bytes` with what began, and `count` units by this run.
 */
void progress_update(struct progress *progress, uint64_t done_bytes, uint64_t count);

/* The same where the share done (0 to 1) is known by something else than the bytes. */
void progress_update_share(struct progress *progress, double share, uint64_t done_bytes,
                           uint64_t count);

/* Takes the line away until the next update, so that a message can be written. */
void progress_hide(struct progress *progress);

#define PROGRESS_LINE_BYTES_MAX 256

/* How far the work has come. */
struct progress_state {
    uint64_t done_bytes;
    uint64_t count;
    int64_t elapsed_us;
    double share;       /* 0 to 1; below 0: unknown */
    double share_begun; /* the part of it that an earlier run did */
};

/* The line without what draws it, at most `width` characters. Returns its length. */
size_t progress_format(const struct progress_options *options, const struct progress_state *state,
                       size_t width, char target[PROGRESS_LINE_BYTES_MAX]);

/* Whether anything is drawn on the stream: it is a terminal that can move its cursor. */
bool progress_is_drawn(FILE *stream);

#endif
