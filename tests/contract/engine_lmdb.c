#include "store_fixture.h"
#include "support/test.h"

static struct market_store *open_lmdb(const char *folder,
                                      const struct market_store_options *options)
{
    struct market_store *store = NULL;
    char reason[256] = "";
    const ds_code code = market_lmdb_open(folder, options, &store, reason, sizeof(reason));
    if (code != DS_OK) {
        fail_msg("%s: %s", ds_code_name(code), reason);
    }
    return store;
}

const struct engine engine_under_test = {.name = "lmdb", .keeps_rows = true, .open = open_lmdb};
