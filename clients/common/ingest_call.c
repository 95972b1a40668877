#include "clients/common/ingest_call.h"

#include "clients/common/reply.h"

_Static_assert(sizeof(Storage__IngestQuotesResponse) == sizeof(Storage__IngestTicksResponse) &&
                   sizeof(Storage__IngestChainsResponse) == sizeof(Storage__IngestTicksResponse),
               "one reader serves all three");

#define RETRY_MS_FIRST 100
#define RETRY_DOUBLINGS_MAX 8

ds_code ingest_call_read(struct answer *answer, struct ds_arena *arena,
                         const Storage__IngestTicksResponse **ret_reply)
{
    const ProtobufCMessage *reply = NULL;
    DS_TRY(reply_unpack(answer, arena, &reply));
    /* What protobuf-c makes of the three replies has the same layout too. */
    *ret_reply = (const Storage__IngestTicksResponse *)reply;
    return DS_OK;
}

bool ingest_call_may_retry(const struct answer *answer)
{
    /* A service that asks for a negative wait never wants to see the call again. */
    if (answer->retry_after_ms < 0) {
        return false;
    }
    switch (answer->code) {
    case DS_UNAVAILABLE:
    case DS_DEADLINE_EXCEEDED:
        return true;
    case DS_RESOURCE_EXHAUSTED:
        /* A request that is too large stays so. */
        return answer->reason != DS_REASON(REQUEST_TOO_LARGE);
    default:
        return false;
    }
}

uint32_t ingest_call_retry_ms(const struct answer *answer, uint32_t attempt)
{
    const uint32_t doublings = attempt < RETRY_DOUBLINGS_MAX ? attempt : RETRY_DOUBLINGS_MAX;
    const uint32_t own_ms = (uint32_t)RETRY_MS_FIRST << doublings;
    const uint32_t asked_ms = answer->retry_after_ms > 0 ? (uint32_t)answer->retry_after_ms : 0;
    const uint32_t wait_ms = own_ms > asked_ms ? own_ms : asked_ms;
    return wait_ms < INGEST_CALL_RETRY_MS_MAX ? wait_ms : INGEST_CALL_RETRY_MS_MAX;
}
