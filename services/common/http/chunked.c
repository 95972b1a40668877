#include "http/chunked.h"

/* What the next byte may be. BWS is RFC 9110's "bad" blanks: a recipient takes them. */
enum step {
    STEP_SIZE, /* 0: where a body begins */
    STEP_SIZE_BWS,
    STEP_EXTENSION_BWS, /* behind ';' */
    STEP_EXTENSION_NAME,
    STEP_EXTENSION_NAME_BWS,
    STEP_EXTENSION_EQUALS_BWS,
    STEP_EXTENSION_TOKEN,
    STEP_EXTENSION_QUOTED,
    STEP_EXTENSION_ESCAPED, /* behind '\' in quotes */
    STEP_EXTENSION_END,     /* behind the closing quote, or blanks behind a value */
    STEP_SIZE_LF,
    STEP_DATA,
    STEP_DATA_CR,
    STEP_DATA_LF,
    STEP_TRAILER_START,
    STEP_TRAILER_NAME,
    STEP_TRAILER_VALUE,
    STEP_TRAILER_LF,
    STEP_END_LF,
    STEP_COMPLETE,
};

struct take {
    struct http_chunked *chunked;
    const struct http_chunked_limits *limits;
    struct http_refusal *ret_refusal;
};

static const char bad_size[] = "the size of a chunk must be hexadecimal digits";
static const char bad_size_line[] = "the line of a chunk's size is malformed";
static const char bad_line_end[] = "a line of the chunked body does not end with CR LF";

static bool refuse(const struct take *take, ds_reason reason, const char *detail)
{
    *take->ret_refusal = (struct http_refusal){.reason = reason, .detail = detail};
    return false;
}

static bool refuse_bytes(const struct take *take, const char *detail)
{
    return refuse(take, DS_REASON(INVALID_REQUEST), detail);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* What may stand within quotes, and behind a backslash there; also in the value of a field. */
static bool is_text(uint8_t byte)
{
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static bool go(const struct take *take, enum step step)
{
    take->chunked->step = (uint8_t)step;
    return true;
}

/* The LF of a size's line: the chunk begins, or behind the last one the trailer section. */
static bool begin_chunk(const struct take *take)
{
    struct http_chunked *chunked = take->chunked;
    if (chunked->chunk_bytes_left == 0) {
        return go(take, STEP_TRAILER_START);
    }
    if (chunked->chunk_bytes_left > take->limits->body_bytes_max - chunked->body_bytes) {
        return refuse(take, DS_REASON(REQUEST_TOO_LARGE),
                      "the body is larger than this request may have");
    }
    return go(take, STEP_DATA);
}

/* What may follow a size, a name or a value: blanks, the next extension, the end of the line. */
static bool take_behind(const struct take *take, uint8_t byte, enum step blanks)
{
    if (is_blank(byte)) {
        return go(take, blanks);
    }
    if (byte == ';') {
        return go(take, STEP_EXTENSION_BWS);
    }
    /* Blanks are only taken in front of what the grammar has behind them. */
    if (byte == '\r' && take->chunked->step != (uint8_t)blanks) {
        return go(take, STEP_SIZE_LF);
    }
    return refuse_bytes(take, byte == '\n' ? bad_line_end : bad_size_line);
}

static bool take_size(const struct take *take, uint8_t byte)
{
    struct http_chunked *chunked = take->chunked;
    const uint8_t lowered = byte | 0x20;
    const bool is_digit = byte >= '0' && byte <= '9';
    if (!is_digit && (lowered < 'a' || lowered > 'f')) {
        return chunked->has_size ? take_behind(take, byte, STEP_SIZE_BWS)
                                 : refuse_bytes(take, bad_size);
    }
    if (chunked->chunk_bytes_left > UINT64_MAX >> 4) {
        return refuse_bytes(take, "the size of a chunk is beyond 64 bits");
    }
    chunked->has_size = true;
    chunked->chunk_bytes_left =
        chunked->chunk_bytes_left << 4 | (uint64_t)(is_digit ? byte - '0' : lowered - 'a' + 10);
    return true;
}

/* From ';' to the end of an extension's name. */
static bool take_extension_name(const struct take *take, uint8_t byte)
{
    const bool begins = take->chunked->step == STEP_EXTENSION_BWS;
    if (begins && is_blank(byte)) {
        return true;
    }
    if (take->chunked->step != STEP_EXTENSION_NAME_BWS && http_is_token_byte(byte)) {
        return go(take, STEP_EXTENSION_NAME);
    }
    if (begins) {
        return refuse_bytes(take, byte == '\n' ? bad_line_end : bad_size_line);
    }
    return byte == '=' ? go(take, STEP_EXTENSION_EQUALS_BWS)
                       : take_behind(take, byte, STEP_EXTENSION_NAME_BWS);
}

/* From '=' to the end of an extension's value. */
static bool take_extension_value(const struct take *take, uint8_t byte)
{
    switch (take->chunked->step) {
    case STEP_EXTENSION_EQUALS_BWS:
        if (is_blank(byte)) {
            return true;
        }
        if (byte == '"') {
            return go(take, STEP_EXTENSION_QUOTED);
        }
        return http_is_token_byte(byte)
                   ? go(take, STEP_EXTENSION_TOKEN)
                   : refuse_bytes(take, byte == '\n' ? bad_line_end : bad_size_line);
    case STEP_EXTENSION_TOKEN:
        return http_is_token_byte(byte) || take_behind(take, byte, STEP_SIZE_BWS);
    case STEP_EXTENSION_QUOTED:
        if (byte == '"') {
            return go(take, STEP_EXTENSION_END);
        }
        if (byte == '\\') {
            return go(take, STEP_EXTENSION_ESCAPED);
        }
        return is_text(byte) || refuse_bytes(take, bad_size_line);
    default:
        return is_text(byte) ? go(take, STEP_EXTENSION_QUOTED) : refuse_bytes(take, bad_size_line);
    }
}

static bool take_trailer_start(const struct take *take, uint8_t byte)
{
    struct http_chunked *chunked = take->chunked;
    if (byte == '\r') {
        return go(take, STEP_END_LF);
    }
    if (is_blank(byte)) {
        return refuse_bytes(take, "a trailer field begins with a blank: fields may not be folded");
    }
    if (!http_is_token_byte(byte)) {
        return refuse_bytes(take, byte == '\n' ? bad_line_end : "a trailer field has no name");
    }
    chunked->trailers_bytes++;
    if (++chunked->trailer_count > take->limits->trailer_count_max) {
        return refuse(take, DS_REASON(HEADERS_TOO_LARGE), "there are too many trailer fields");
    }
    return go(take, STEP_TRAILER_NAME);
}

/* A field of the trailer section, by the rules of the head's fields. */
static bool take_trailer(const struct take *take, uint8_t byte)
{
    struct http_chunked *chunked = take->chunked;
    if (++chunked->trailers_bytes > take->limits->trailers_bytes_max) {
        return refuse(take, DS_REASON(HEADERS_TOO_LARGE),
                      "the trailer fields are too large together");
    }
    if (chunked->step == STEP_TRAILER_NAME) {
        if (byte == ':') {
            return go(take, STEP_TRAILER_VALUE);
        }
        return http_is_token_byte(byte) ||
               refuse_bytes(take, byte == '\n'
                                      ? bad_line_end
                                      : "the name of a trailer field has characters that it may "
                                        "not have, such as a blank in front of the colon");
    }
    if (byte == '\r') {
        return go(take, STEP_TRAILER_LF);
    }
    return is_text(byte) ||
           refuse_bytes(take, byte == '\n' ? bad_line_end
                                           : "the value of a trailer field has control characters");
}

static bool take_exactly(const struct take *take, uint8_t byte, uint8_t expected, enum step next)
{
    return byte == expected ? go(take, next) : refuse_bytes(take, bad_line_end);
}

static bool take_data_end(const struct take *take, uint8_t byte)
{
    if (byte != '\r') {
        return refuse_bytes(take, "a chunk is not as long as its size says");
    }
    return go(take, STEP_DATA_LF);
}

/* The LF behind a chunk: the next size begins. */
static bool end_chunk(const struct take *take, uint8_t byte)
{
    take->chunked->has_size = false;
    return take_exactly(take, byte, '\n', STEP_SIZE);
}

static bool take_framing(const struct take *take, uint8_t byte)
{
    switch ((enum step)take->chunked->step) {
    case STEP_SIZE:
        return take_size(take, byte);
    case STEP_SIZE_BWS:
    case STEP_EXTENSION_END:
        return take_behind(take, byte, STEP_SIZE_BWS);
    case STEP_EXTENSION_BWS:
    case STEP_EXTENSION_NAME:
    case STEP_EXTENSION_NAME_BWS:
        return take_extension_name(take, byte);
    case STEP_EXTENSION_EQUALS_BWS:
    case STEP_EXTENSION_TOKEN:
    case STEP_EXTENSION_QUOTED:
    case STEP_EXTENSION_ESCAPED:
        return take_extension_value(take, byte);
    case STEP_SIZE_LF:
        return byte == '\n' ? begin_chunk(take) : refuse_bytes(take, bad_line_end);
    case STEP_DATA_CR:
        return take_data_end(take, byte);
    case STEP_DATA_LF:
        return end_chunk(take, byte);
    case STEP_TRAILER_START:
        return take_trailer_start(take, byte);
    case STEP_TRAILER_NAME:
    case STEP_TRAILER_VALUE:
        return take_trailer(take, byte);
    case STEP_TRAILER_LF:
        return take_exactly(take, byte, '\n', STEP_TRAILER_START);
    case STEP_END_LF:
        return take_exactly(take, byte, '\n', STEP_COMPLETE);
    default:
        return true;
    }
}

static bool framing_is_bounded(const struct http_chunked *chunked)
{
    /* A body that is passed over has no limit: the product must not wrap. */
    return chunked->framing_bytes <= HTTP_CHUNKED_FRAMING_BYTES_MAX ||
           (chunked->framing_bytes - HTTP_CHUNKED_FRAMING_BYTES_MAX) /
                   HTTP_CHUNKED_FRAMING_PER_BYTE <
               chunked->body_bytes;
}

/* Takes of `bytes` what belongs to the chunk under way. */
static size_t take_data(struct http_chunked *chunked, struct ds_bytes bytes, struct ds_buffer *body)
{
    const size_t size =
        bytes.size < chunked->chunk_bytes_left ? bytes.size : (size_t)chunked->chunk_bytes_left;
    if (body != NULL) {
        ds_buffer_append(body, bytes.data, size);
    }
    chunked->body_bytes += size;
    chunked->chunk_bytes_left -= size;
    if (chunked->chunk_bytes_left == 0) {
        chunked->step = STEP_DATA_CR;
    }
    return size;
}

enum http_chunked_state http_chunked_take(struct http_chunked *chunked,
                                          const struct http_chunked_limits *limits,
                                          struct ds_bytes bytes, struct ds_buffer *body,
                                          size_t *ret_used, struct http_refusal *ret_refusal)
{
    const struct take take = {chunked, limits, ret_refusal};
    size_t used = 0;
    bool taken = true;
    while (taken && used < bytes.size && chunked->step != STEP_COMPLETE) {
        if (chunked->step == STEP_DATA) {
            used += take_data(chunked, ds_bytes_of(bytes.data + used, bytes.size - used), body);
            continue;
        }
        chunked->framing_bytes++;
        taken = take_framing(&take, bytes.data[used++]);
        if (taken && !framing_is_bounded(chunked)) {
            taken = refuse_bytes(&take, "the chunks of the body carry too much beside the body");
        }
    }
    *ret_used = used;
    if (!taken) {
        return HTTP_CHUNKED_REFUSED;
    }
    return chunked->step == STEP_COMPLETE ? HTTP_CHUNKED_COMPLETE : HTTP_CHUNKED_PART;
}
