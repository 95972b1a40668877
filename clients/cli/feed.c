/* deltastream feed: a made-up market, or a recorded one, written through the RPCs. */
#include "clients/cli/command.h"
#include "clients/cli/feed_replay.h"
#include "clients/cli/feed_run.h"
#include "ds/exit_code.h"

#include <stdlib.h>

struct work {
    struct feed_run run;
    struct market market;
    struct ds_buffer row;
};

/* Everything that the market shows at one moment. */
static ds_code send_moment(struct work *work, const struct feed_plan *plan, uint64_t moment)
{
    const int64_t now_us = plan->start_us + (int64_t)moment * plan->interval_us;
    const uint64_t chain_every = (uint64_t)(plan->chain_interval_us / plan->interval_us);
    const uint32_t kinds =
        moment % chain_every == 0 ? plan->kinds : plan->kinds & 1U << ROW_KIND_TICKS;
    for (size_t i = 0; i < work->market.options.product_count; i++) {
        DS_TRY(feed_run_wait(&work->run, now_us));
        market_advance(&work->market, i, now_us);
        DS_TRY(market_send(&work->market, i, kinds, &work->row, work->run.sender));
    }
    work->run.moments++;
    return DS_OK;
}

static ds_code send_market(struct work *work, const struct feed_plan *plan)
{
    market_init(&work->market, &plan->market);
    feed_run_set_first(&work->run, plan->start_us);
    for (uint64_t moment = 0; plan->moment_count == 0 || moment < plan->moment_count; moment++) {
        DS_TRY(send_moment(work, plan, moment));
    }
    return DS_OK;
}

static int work_through(const struct connection *connection, const struct feed_settings *settings,
                        const struct feed_plan *plan)
{
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL) {
        abort();
    }
    ds_buffer_init(&work->row, SENDER_ROW_BYTES_MAX);
    feed_run_begin(&work->run, connection, settings, plan->speed);
    const ds_code code = settings->replay.count > 0 ? feed_replay(&work->run, settings, plan->kinds)
                                                    : send_market(work, plan);
    const int exit_code = feed_run_end(&work->run, code);
    ds_buffer_deinit(&work->row);
    free(work);
    return exit_code;
}

static int run(struct ds_config *config, void *context)
{
    struct feed_settings *settings = context;
    struct feed_plan plan;
    struct connection connection;
    int exit_code = feed_plan_make(config, settings, ds_clock_wall_us(ds_clock_system()), &plan);
    if (exit_code != DS_EXIT_OK) {
        return exit_code;
    }
    if (!connection_open(config, &settings->connection, &connection, &exit_code)) {
        return exit_code;
    }
    exit_code = work_through(&connection, settings, &plan);
    connection_close(&connection);
    return exit_code;
}

const struct cli_command command_feed = {
    .program = &feed_plan_program, .options_bytes = sizeof(struct feed_settings), .run = run};
