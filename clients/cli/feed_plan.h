/* What `deltastream feed` was told to do: its settings and what they come to. */
#ifndef CLI_FEED_PLAN_H
#define CLI_FEED_PLAN_H

#include "clients/cli/connection.h"
#include "clients/feed/market_send.h"

struct feed_settings {
    struct connection_options connection;
    struct ds_text_list products;
    struct ds_text_list replay;
    const char *kinds;
    const char *start;
    const char *speed;
    int64_t expiries;
    int64_t interval_ms;
    int64_t chain_interval_ms;
    int64_t duration_ms;
    int64_t rate;
    int64_t seed;
    int64_t batch_rows;
    int64_t retries;
    int shift;
};

/* The command's settings, which fill a struct feed_settings, and its help. */
extern const struct ds_program feed_plan_program;

struct feed_plan {
    struct market_options market;
    uint32_t kinds; /* a bit 1 << kind each */
    double speed;   /* 0: as fast as it goes */
    int64_t start_us;
    int64_t interval_us;
    int64_t chain_interval_us;
    uint64_t moment_count; /* 0: without end */
};

/* DS_EXIT_OK, or what tells about a bad setting returned. */
int feed_plan_make(struct ds_config *config, const struct feed_settings *settings, int64_t now_us,
                   struct feed_plan *ret_plan);

#endif
