#include "clients/load/client_bound.h"

#define CPU_SHARE_MAX 0.9
#define LATENESS_NS_MAX 1000000
#define LATENESS_PARTS 10 /* of the latency */

const char *load_client_bound(const struct load_client_use *use)
{
    if (use->busiest_share > CPU_SHARE_MAX) {
        return "a thread of the client used more than 90 % of a core: give it more threads";
    }
    if (use->whole_share > CPU_SHARE_MAX) {
        return "the client used more than 90 % of the cores that it may use";
    }
    if (use->lateness_p99_ns > LATENESS_NS_MAX &&
        use->lateness_p99_ns > use->latency_p99_ns / LATENESS_PARTS) {
        return "the client began flows later than planned: more than a hundredth of them by over "
               "1 ms and a tenth of the latency";
    }
    return "";
}
