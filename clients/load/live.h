/*
 * What a person sees while a run goes on: on a terminal a few lines on stderr that are drawn anew
 * in place each second, elsewhere a line every ten seconds where it was asked for. The cursor
 * always rests below the lines and is never hidden, so that there is nothing to restore however the
 * program ends. One thread.
 */
#ifndef LOAD_LIVE_H
#define LOAD_LIVE_H

#include "clients/load/result.h"

#include <stdbool.h>
#include <stdio.h>

struct load_live_options {
    FILE *stream; /* stderr */
    const struct load_plan *plan;
    bool is_off;            /* --quiet: nothing is ever written */
    bool tells_all;         /* --progress: lines where the stream is no terminal */
    bool is_terminal_known; /* tests: is_terminal, width and is_bold say what the stream is */
    bool is_terminal;
    bool is_bold;
    size_t width;
};

struct load_live;

/* Never NULL. The options' texts, stream and plan outlive it. */
struct load_live *load_live_create(const struct load_live_options *options);
void load_live_destroy(struct load_live *live); /* takes NULL; takes the lines away */

/* Whether an update at that time shows anything: at most once a second. */
bool load_live_is_due(const struct load_live *live, int64_t elapsed_ns);

/* Shows where the run stands, `elapsed_ns` since its start (warm-up included), where that is due.
 */
void load_live_update(struct load_live *live, const struct load_result *result, int64_t elapsed_ns);

/* Takes the lines away until the next update, so that a message can be written. */
void load_live_hide(struct load_live *live);

#endif
