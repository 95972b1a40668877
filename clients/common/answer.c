#include "clients/common/answer.h"

void answer_release(struct answer *answer)
{
    if (answer->release != NULL) {
        answer->release(answer->owner);
        answer->release = NULL;
    }
}
