#include "store_fixture.h"
#include "support/test.h"

static struct market_store *open_memory(const char *folder,
                                        const struct market_store_options *options)
{
    (void)folder;
    return market_memory_open(options);
}

const struct engine engine_under_test = {
    .name = "memory", .keeps_rows = false, .open = open_memory};
