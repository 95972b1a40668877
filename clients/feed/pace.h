/* When a row is due: by its time and the speed at which the market's time passes, and by a cap on
 * rows a second. */
#ifndef FEED_PACE_H
#define FEED_PACE_H

#include <stdint.h>

struct pace {
    int64_t begun_us;       /* of any monotonic clock */
    int64_t first_row_us;   /* the market's time at that moment */
    double speed;           /* market seconds a second; 0: as fast as it goes */
    uint64_t rows_a_second; /* on the average since it began; 0: no cap */
};

/* On the clock of begun_us; in the past where nothing is to be waited for. `rows_before` is how
 * many rows went out since it began. */
int64_t pace_due_us(const struct pace *pace, int64_t row_us, uint64_t rows_before);

#endif
