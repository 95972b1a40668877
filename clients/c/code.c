#include "clients/c/client.h"
#include "ds/event_follower.h"

#include <assert.h>
#include <stdlib.h>

/* By the same numbers, so that codes pass through as they are. */
static_assert((int)DELTASTREAM_CANCELLED == (int)DS_CANCELLED, "codes");
static_assert((int)DELTASTREAM_UNAUTHENTICATED == (int)DS_UNAUTHENTICATED, "codes");
static_assert((int)DELTASTREAM_UNAUTHENTICATED + 1 == DS_CODE_COUNT, "codes");
static_assert((int)DELTASTREAM_SHUTTING_DOWN == (int)DS_CHANNEL_SHUTDOWN, "states");
static_assert((int)DELTASTREAM_OUT_OF_REACH == (int)DS_CHANNEL_TRANSIENT_FAILURE, "states");
static_assert((int)DELTASTREAM_READY == (int)DS_CHANNEL_READY, "states");
static_assert((int)DELTASTREAM_ROUND_ROBIN == (int)DS_ROUND_ROBIN, "balancing");
static_assert((int)DELTASTREAM_COMPRESSION_ON == (int)DS_COMPRESSION_ON, "compression");
static_assert((int)DELTASTREAM_EVENT_GAP == (int)DS_EVENT_GAP, "events");
static_assert((int)DELTASTREAM_IDEMPOTENT == (int)DS_IDEMPOTENT, "idempotency");

const char *deltastream_version(void)
{
    return DS_VERSION;
}

const char *deltastream_code_name(enum deltastream_code code)
{
    return ds_code_name((ds_code)code);
}

void deltastream_free(void *memory)
{
    free(memory);
}
