/* What a call's `done` hands over to the loop's thread, whichever thread it comes on. */
#ifndef GATEWAY_COMPLETION_H
#define GATEWAY_COMPLETION_H

struct completion {
    struct completion *next;
    void (*finish)(struct completion *completion); /* runs on the loop's thread */
};

#endif
