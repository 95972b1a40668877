/* A recorded market, sent again at the pace of its rows' times. */
#ifndef CLI_FEED_REPLAY_H
#define CLI_FEED_REPLAY_H

#include "clients/cli/feed_run.h"

/*
 * Sends the rows of all files of settings->replay, merged by their times: of the rows that come
 * next in their files the oldest goes first. `kinds` has a bit 1 << kind for each kind that is
 * wanted. A row that can't be read is told and passed over. A failure has been told.
 */
DS_MUST_USE ds_code feed_replay(struct feed_run *run, const struct feed_settings *settings,
                                uint32_t kinds);

#endif
