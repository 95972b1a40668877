/*
 * Chunked bodies: the bytes whole and in pieces, and beside llhttp as a second reader. Where our
 * decoder finds an end, llhttp must find the same one and the same body. Where it refuses what
 * llhttp takes, that must be one of the differences that we want, listed below by name. The first
 * byte is the limit of the body.
 */
#include "fuzz/fuzz.h"
#include "http/chunked.h"

#include <llhttp.h>

/* Each input is read once for each of its cuts. */
#define INPUT_BYTES_MAX 2048
/* Up to this size an input is cut at each of its places, above at this many. */
#define CUTS_MAX 128

static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

/* Our refusals of bodies that llhttp may take. */
static const char *const stricter_than_llhttp[] = {
    /* It ends the trailer section at a bare LF, and lines in it too. */
    "a line of the chunked body does not end with CR LF",
    /* It takes a field that begins with its colon. */
    "a trailer field has no name",
    /* It unfolds them. */
    "a trailer field begins with a blank: fields may not be folded",
    /* It has no limits. */
    "there are too many trailer fields",
    "the trailer fields are too large together",
    "the body is larger than this request may have",
    "the chunks of the body carry too much beside the body",
    /* It looks for the line's end only where extensions are. */
    "the line of a chunk's size is malformed",
};

struct reading {
    enum http_chunked_state state;
    struct http_refusal refusal;
    size_t used;
    struct ds_buffer body;
};

static void read_ours(struct reading *reading, const struct http_chunked_limits *limits,
                      struct ds_bytes bytes, size_t cut, size_t piece)
{
    struct http_chunked chunked = {0};
    ds_buffer_clear(&reading->body);
    *reading = (struct reading){.body = reading->body};
    while (reading->state == HTTP_CHUNKED_PART && reading->used < bytes.size) {
        const size_t left = bytes.size - reading->used;
        const size_t wanted = reading->used < cut ? cut - reading->used : piece;
        const struct ds_bytes part =
            ds_bytes_of(bytes.data + reading->used, left < wanted ? left : wanted);
        size_t used = 0;
        reading->state =
            http_chunked_take(&chunked, limits, part, &reading->body, &used, &reading->refusal);
        fuzz_require(used <= part.size, "no more bytes are taken than there are");
        fuzz_require(reading->state != HTTP_CHUNKED_PART || used == part.size,
                     "a body that goes on takes all bytes");
        reading->used += used;
    }
    fuzz_require(reading->body.size <= limits->body_bytes_max, "a body is within its limit");
    fuzz_require(reading->state != HTTP_CHUNKED_REFUSED || reading->refusal.detail != NULL,
                 "a refusal says what is wrong");
}

static void require_same(const struct reading *whole, const struct reading *pieces)
{
    fuzz_require(whole->state == pieces->state && whole->used == pieces->used &&
                     whole->refusal.reason == pieces->refusal.reason &&
                     whole->refusal.detail == pieces->refusal.detail &&
                     ds_bytes_equal(ds_buffer_bytes(&whole->body), ds_buffer_bytes(&pieces->body)),
                 "bytes in pieces are read as they are whole");
}

struct second_opinion {
    bool complete;
    size_t used;
    struct ds_buffer body;
};

static int on_body(llhttp_t *state, const char *at, size_t length)
{
    struct second_opinion *opinion = state->data;
    ds_buffer_append(&opinion->body, at, length);
    return 0;
}

static int on_message_complete(llhttp_t *state)
{
    struct second_opinion *opinion = state->data;
    opinion->complete = true;
    return HPE_PAUSED;
}

/* Whether llhttp has no objection; opinion->complete tells whether it has found an end. */
static bool read_theirs(struct second_opinion *opinion, struct ds_bytes bytes)
{
    llhttp_settings_t settings;
    llhttp_t state;
    llhttp_settings_init(&settings);
    settings.on_body = on_body;
    settings.on_message_complete = on_message_complete;
    llhttp_init(&state, HTTP_REQUEST, &settings);
    state.data = opinion;
    fuzz_require(llhttp_execute(&state, head, sizeof head - 1) == HPE_OK, "the head is one");
    const llhttp_errno_t code = llhttp_execute(&state, (const char *)bytes.data, bytes.size);
    if (opinion->complete) {
        opinion->used = (size_t)(llhttp_get_error_pos(&state) - (const char *)bytes.data);
    }
    return code == HPE_OK || opinion->complete;
}

/* What llhttp refuses where we need not: blanks and some quotes of extensions; fields that are
 * about framing in the trailer section, where we drop all. */
static bool is_beyond_llhttp(struct ds_bytes bytes)
{
    return memchr(bytes.data, ';', bytes.size) != NULL ||
           memmem(bytes.data, bytes.size, "\r\nC", 3) != NULL ||
           memmem(bytes.data, bytes.size, "\r\nc", 3) != NULL ||
           memmem(bytes.data, bytes.size, "\r\nT", 3) != NULL ||
           memmem(bytes.data, bytes.size, "\r\nt", 3) != NULL;
}

static bool is_wanted(const char *detail)
{
    for (size_t i = 0; i < sizeof stricter_than_llhttp / sizeof stricter_than_llhttp[0]; i++) {
        if (strcmp(stricter_than_llhttp[i], detail) == 0) {
            return true;
        }
    }
    return false;
}

static void check_second_opinion(const struct reading *ours, struct ds_bytes bytes)
{
    struct second_opinion theirs = {.complete = false};
    ds_buffer_init(&theirs.body, FUZZ_BYTES_MAX);
    const bool taken = read_theirs(&theirs, bytes);
    switch (ours->state) {
    case HTTP_CHUNKED_COMPLETE:
        fuzz_require(taken || is_beyond_llhttp(ds_bytes_of(bytes.data, ours->used)),
                     "llhttp takes what we take");
        fuzz_require(
            !taken || (theirs.complete && theirs.used == ours->used &&
                       ds_bytes_equal(ds_buffer_bytes(&theirs.body), ds_buffer_bytes(&ours->body))),
            "llhttp ends a body where we end it");
        break;
    case HTTP_CHUNKED_PART:
        fuzz_require(!theirs.complete, "llhttp ends no body that goes on for us");
        break;
    case HTTP_CHUNKED_REFUSED:
        fuzz_require(!taken || is_wanted(ours->refusal.detail),
                     "we refuse what llhttp takes for a known reason only");
        break;
    }
    ds_buffer_deinit(&theirs.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_BYTES_MAX) {
        return 0;
    }
    const struct http_chunked_limits limits = {
        .body_bytes_max = data[0], .trailers_bytes_max = 128, .trailer_count_max = 4};
    const struct ds_bytes bytes = ds_bytes_of(data + 1, size - 1);
    struct reading whole = {.state = HTTP_CHUNKED_PART};
    struct reading pieces = {.state = HTTP_CHUNKED_PART};
    ds_buffer_init(&whole.body, FUZZ_BYTES_MAX);
    ds_buffer_init(&pieces.body, FUZZ_BYTES_MAX);
    read_ours(&whole, &limits, bytes, 0, SIZE_MAX);
    check_second_opinion(&whole, bytes);

    read_ours(&pieces, &limits, bytes, 0, 1);
    require_same(&whole, &pieces);
    const size_t step = bytes.size / CUTS_MAX + 1;
    for (size_t cut = 1; cut < bytes.size; cut += step) {
        read_ours(&pieces, &limits, bytes, cut, SIZE_MAX);
        require_same(&whole, &pieces);
    }
    ds_buffer_deinit(&whole.body);
    ds_buffer_deinit(&pieces.body);
    return 0;
}
