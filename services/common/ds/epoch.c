#include "ds/epoch.h"

#include <stdlib.h>
#include <sys/random.h>

uint64_t ds_epoch_draw(void)
{
    uint64_t epoch = 0;
    if (getrandom(&epoch, sizeof epoch, 0) != (ssize_t)sizeof epoch) {
        abort();
    }
    return epoch | 1;
}
