/* Looks at what a power cut left, with the real store, in a process of its own. */
#ifndef TESTS_CRASH_IMAGE_CHECK_H
#define TESTS_CRASH_IMAGE_CHECK_H

#include "disk_image.h"
#include "image_recording.h"

enum image_verdict {
    IMAGE_GOOD,
    IMAGE_MADE_ANEW, /* good too: refused with a reason before anything was promised */
    IMAGE_REFUSED,   /* it can't be opened, or not made anew */
    IMAGE_UNSOUND,   /* rows and indexes disagree, or can't be read */
    IMAGE_OLD,       /* an earlier state: what was acknowledged later is missing */
    IMAGE_WRONG,     /* no state that there ever was */
    IMAGE_STUCK,     /* it takes no row, or loses that */
    IMAGE_CRASHED,   /* the process that looked */
    IMAGE_VERDICT_COUNT,
};

extern const char *const image_verdict_names[IMAGE_VERDICT_COUNT];

struct image_report {
    enum image_verdict verdict;
    char text[PROBLEM_BYTES_MAX];
};

/* The image lies in a folder of its own while it is looked at. */
struct image_report image_check(const struct recording *recording, const struct disk_cut *cut);

#endif
