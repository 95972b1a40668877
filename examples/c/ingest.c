/* ingest URL KEY: stores three ticks, once, however often it has to be tried. */
#include "common.h"

#include <string.h>

#define TICKS 3

int main(int argument_count, char **arguments)
{
    const struct deltastream_retry_policy retry = {.struct_size = sizeof retry, .attempts_max = 5};
    struct deltastream_client *client = client_open(argument_count, arguments, &retry);
    const char *key = argument_count > 2 ? arguments[2] : "example";

    Deltastream__Google__Protobuf__Timestamp times[TICKS];
    Deltastream__Storage__Tick ticks[TICKS];
    Deltastream__Storage__Tick *rows[TICKS];
    for (int i = 0; i < TICKS; i++) {
        deltastream__google__protobuf__timestamp__init(&times[i]);
        times[i].seconds = 1735787045 + i;
        deltastream__storage__tick__init(&ticks[i]);
        ticks[i].product = (char *)"NIFTY";
        ticks[i].timestamp = &times[i];
        deltastream__storage__tick__set_price(&ticks[i], 21500 + i * 0.25);
        deltastream__storage__tick__set_tick_id(&ticks[i], i + 1);
        rows[i] = &ticks[i];
    }
    Deltastream__Storage__IngestTicksRequest request =
        DELTASTREAM__STORAGE__INGEST_TICKS_REQUEST__INIT;
    request.ticks = rows;
    request.n_ticks = TICKS;

    /* With the key, a try whose answer got lost is answered again, and not executed again. */
    const struct deltastream_call_options options = {.struct_size = sizeof options,
                                                     .idempotency_key = key,
                                                     .idempotency_key_bytes = strlen(key)};
    struct deltastream_reply *reply = NULL;
    if (deltastream_storage_ingest_ticks(client, &request, &options, &reply) != DELTASTREAM_OK) {
        const int status = failure_tell(reply);
        deltastream_client_close(client);
        return status;
    }
    const Deltastream__Storage__IngestTicksResponse *response =
        deltastream_storage_ingest_ticks_response(reply);
    printf("accepted %d, duplicate %d\n", response->accepted, response->duplicate);
    deltastream_reply_free(reply);
    deltastream_client_close(client);
    return 0;
}
