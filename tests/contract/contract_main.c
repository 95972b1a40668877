/* The contract of the market store, run on the engine that the program is linked with. */
#include "ds/log.h"
#include "store_fixture.h"
#include "support/test.h"

#include <stdlib.h>

int main(void)
{
    ds_log_set_level(DS_LOG_WARNING);
    printf("engine: %s\n", engine_under_test.name);
    const int failed = run_put_tests() + run_scan_tests() + run_grouped_tests() +
                       run_delete_tests() + run_series_tests() + run_event_tests() +
                       run_thread_tests();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
