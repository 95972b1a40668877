/* The backtrace before a request: what is taken is a whole number of words, of which the last alone
 * has its highest bit set, and what is left is the rest. */
#include "ds/sp_backtrace.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>

#define WORD_BYTES 4

static bool ends(const uint8_t *word)
{
    return (word[0] & 0x80) != 0;
}

static void require_routed(struct ds_bytes request, struct ds_bytes rest, struct ds_bytes backtrace)
{
    fuzz_require(backtrace.size > 0 && backtrace.size % WORD_BYTES == 0, "words are whole");
    fuzz_require(backtrace.size <= DS_SP_HOPS_MAX * WORD_BYTES, "words are limited");
    fuzz_require(backtrace.data == request.data, "it is the front of the request");
    fuzz_require(rest.data == request.data + backtrace.size &&
                     rest.size == request.size - backtrace.size,
                 "the rest is what is behind it");
    for (size_t at = 0; at < backtrace.size; at += WORD_BYTES) {
        fuzz_require(ends(backtrace.data + at) == (at + WORD_BYTES == backtrace.size),
                     "the last word alone ends it");
    }
}

static void require_refused(struct ds_bytes request, enum ds_sp_route route)
{
    const size_t words = request.size / WORD_BYTES;
    fuzz_require(words >= DS_SP_HOPS_MAX || route == DS_SP_UNROUTED, "nothing is too far so near");
    fuzz_require(words < DS_SP_HOPS_MAX || route == DS_SP_TOO_FAR, "eight words are looked at");
    for (size_t i = 0; i < words && i < DS_SP_HOPS_MAX; i++) {
        fuzz_require(!ends(request.data + i * WORD_BYTES), "no word ended it");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1); /* Of its own, so that a read past its end is seen. */
    fuzz_require(copy != NULL, "there is memory");
    memcpy(copy + 1, data, size);
    const struct ds_bytes request = ds_bytes_of(copy + 1, size);
    struct ds_bytes rest = request;
    struct ds_bytes backtrace = {0};
    const enum ds_sp_route route = ds_sp_backtrace_take(&rest, &backtrace);
    if (route == DS_SP_ROUTED) {
        require_routed(request, rest, backtrace);
    } else {
        fuzz_require(ds_bytes_equal(rest, request) && backtrace.size == 0, "nothing is taken");
        require_refused(request, route);
    }
    free(copy);
    return 0;
}
