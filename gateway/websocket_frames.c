#include "gateway/websocket_frames.h"

#include "ds/base64.h"
#include "ds/utf8.h"

#include <assert.h>
#include <mbedtls/sha1.h>
#include <stdlib.h>
#include <wslay/wslay.h>

#define KEY_BYTES 16
#define KEY_TEXT_BYTES 24
#define SHA1_BYTES 20
/* What RFC 6455 1.3 has appended to every key. */
#define ACCEPT_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
/* A client with one long message behind it keeps no more than this for the next. */
#define KEPT_BYTES_MAX ((size_t)4 * 1024)

struct websocket_frames {
    struct websocket_frames_events events;
    void *context;
    size_t message_bytes_max;
    wslay_frame_context_ptr wslay;
    struct ds_bytes unread;   /* of the bytes in work */
    struct ds_buffer message; /* the data message under way */
    uint8_t control[WEBSOCKET_CONTROL_BYTES_MAX];
    size_t control_size;
    uint64_t frame_bytes; /* of the frame under way that have come */
    bool in_frame;
    bool in_message; /* fragments have come, and their last has not */
    bool over;       /* nothing more is read */
};

static ssize_t give_bytes(uint8_t *target, size_t size, int flags, void *context)
{
    (void)flags;
    struct websocket_frames *frames = context;
    const size_t count = frames->unread.size < size ? frames->unread.size : size;
    if (count == 0) {
        return -1; /* wslay takes it as "not now". */
    }
    memcpy(target, frames->unread.data, count);
    ds_bytes_skip(&frames->unread, count);
    return (ssize_t)count;
}

struct websocket_frames *websocket_frames_create(const struct websocket_frames_events *events,
                                                 void *context, size_t message_bytes_max)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = give_bytes};
    struct websocket_frames *frames = calloc(1, sizeof *frames);
    if (frames == NULL || wslay_frame_context_init(&frames->wslay, &callbacks, frames) != 0) {
        abort();
    }
    frames->events = *events;
    frames->context = context;
    frames->message_bytes_max = message_bytes_max;
    ds_buffer_init(&frames->message, message_bytes_max);
    return frames;
}

void websocket_frames_destroy(struct websocket_frames *frames)
{
    if (frames != NULL) {
        wslay_frame_context_free(frames->wslay);
        ds_buffer_deinit(&frames->message);
        free(frames);
    }
}

void websocket_frame_write(struct ds_buffer *out, enum websocket_opcode opcode,
                           struct ds_bytes payload)
{
    uint8_t head[10] = {(uint8_t)(0x80 | opcode)};
    size_t size = 2;
    if (payload.size <= 125) {
        head[1] = (uint8_t)payload.size;
    } else {
        const size_t length_bytes = payload.size <= UINT16_MAX ? 2 : 8;
        head[1] = length_bytes == 2 ? 126 : 127;
        for (size_t i = 0; i < length_bytes; i++) {
            head[size++] = (uint8_t)((uint64_t)payload.size >> (8 * (length_bytes - 1 - i)));
        }
    }
    assert(opcode < WEBSOCKET_CLOSE || payload.size <= WEBSOCKET_CONTROL_BYTES_MAX);
    ds_buffer_append(out, head, size);
    ds_buffer_append(out, payload.data, payload.size);
}

void websocket_close_write(struct ds_buffer *out, unsigned int code, const char *reason)
{
    uint8_t payload[WEBSOCKET_CONTROL_BYTES_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    struct ds_bytes text = ds_bytes_of_text(reason);
    if (text.size > WEBSOCKET_REASON_BYTES_MAX) {
        text.size = ds_utf8_whole_bytes(ds_bytes_of(reason, WEBSOCKET_REASON_BYTES_MAX));
    }
    if (text.size > 0) {
        memcpy(payload + 2, text.data, text.size);
    }
    websocket_frame_write(out, WEBSOCKET_CLOSE, ds_bytes_of(payload, 2 + text.size));
}

/* Our verdict: the client is told why, and nothing more of it is read. */
static void fail(struct websocket_frames *frames, struct ds_buffer *out, unsigned int code,
                 const char *reason)
{
    frames->over = true;
    websocket_close_write(out, code, reason);
}

static bool is_control(unsigned int opcode)
{
    return opcode >= WEBSOCKET_CLOSE;
}

/* What may not stand in the head of a frame, beside what wslay refuses: lengths that are not in
 * their shortest form, and control frames that are fragments or too long. NULL: nothing. */
static const char *head_fault(const struct websocket_frames *frames,
                              const struct wslay_frame_iocb *part)
{
    const unsigned int opcode = part->opcode;
    if (part->rsv != 0) {
        return "a frame has reserved bits, and no extension was agreed on";
    }
    if (!part->mask) {
        return "a client's frames must be masked";
    }
    if (opcode > WEBSOCKET_PONG || (opcode > WEBSOCKET_BINARY && opcode < WEBSOCKET_CLOSE)) {
        return "a frame has a reserved opcode";
    }
    if (opcode == WEBSOCKET_CONTINUATION && !frames->in_message) {
        return "a fragment continues no message";
    }
    if (opcode != WEBSOCKET_CONTINUATION && !is_control(opcode) && frames->in_message) {
        return "a message begins before the one before it has ended";
    }
    return NULL;
}

static bool check_head(struct websocket_frames *frames, const struct wslay_frame_iocb *part,
                       struct ds_buffer *out)
{
    const char *fault = head_fault(frames, part);
    if (fault != NULL) {
        fail(frames, out, WEBSOCKET_CLOSE_PROTOCOL_ERROR, fault);
        return false;
    }
    if (part->opcode == WEBSOCKET_BINARY) {
        fail(frames, out, WEBSOCKET_CLOSE_UNSUPPORTED_DATA, "messages are text");
        return false;
    }
    if (!is_control(part->opcode) &&
        part->payload_length > frames->message_bytes_max - frames->message.size) {
        fail(frames, out, WEBSOCKET_CLOSE_TOO_BIG, "the message is too large");
        return false;
    }
    return true;
}

/* Codes that a close frame may carry (RFC 6455 7.4 and IANA's registry). */
static bool is_close_code(unsigned int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void end_close(struct websocket_frames *frames, struct ds_buffer *out)
{
    const struct ds_bytes payload = ds_bytes_of(frames->control, frames->control_size);
    if (payload.size == 0) {
        frames->over = true;
        websocket_frame_write(out, WEBSOCKET_CLOSE, payload);
        return;
    }
    if (payload.size == 1) {
        fail(frames, out, WEBSOCKET_CLOSE_PROTOCOL_ERROR, "a close frame has half a code");
        return;
    }
    const unsigned int code = (unsigned int)payload.data[0] << 8 | payload.data[1];
    const struct ds_bytes reason = ds_bytes_of(payload.data + 2, payload.size - 2);
    if (!is_close_code(code)) {
        fail(frames, out, WEBSOCKET_CLOSE_PROTOCOL_ERROR,
             "a close frame has a code that may not be sent");
    } else if (!ds_utf8_valid(reason)) {
        fail(frames, out, WEBSOCKET_CLOSE_INVALID_TEXT, "the reason of a close is not UTF-8");
    } else {
        frames->over = true;
        websocket_close_write(out, code, "");
    }
}

static void end_control(struct websocket_frames *frames, unsigned int opcode, struct ds_buffer *out)
{
    if (opcode == WEBSOCKET_CLOSE) {
        end_close(frames, out);
    } else if (opcode == WEBSOCKET_PING) {
        websocket_frame_write(out, WEBSOCKET_PONG,
                              ds_bytes_of(frames->control, frames->control_size));
    } else {
        frames->events.pong(frames->context);
    }
    frames->control_size = 0;
}

static void end_message(struct websocket_frames *frames, struct ds_buffer *out)
{
    frames->in_message = false;
    const struct ds_bytes text = ds_buffer_bytes(&frames->message);
    if (!ds_utf8_valid(text)) {
        fail(frames, out, WEBSOCKET_CLOSE_INVALID_TEXT, "a message is not UTF-8");
    } else if (!frames->events.text(frames->context, text)) {
        frames->over = true;
    }
    if (frames->message.capacity > KEPT_BYTES_MAX) {
        ds_buffer_deinit(&frames->message);
    }
    ds_buffer_clear(&frames->message);
}

/* Takes what has come of a frame: all of it, or a part. */
static void take_part(struct websocket_frames *frames, const struct wslay_frame_iocb *part,
                      struct ds_buffer *out)
{
    if (!frames->in_frame) {
        if (!check_head(frames, part, out)) {
            return;
        }
        frames->in_frame = true;
        frames->frame_bytes = 0;
    }
    if (!is_control(part->opcode)) {
        frames->in_message = true;
        ds_buffer_append(&frames->message, part->data, part->data_length);
    } else if (part->data_length > 0) {
        memcpy(frames->control + frames->control_size, part->data, part->data_length);
        frames->control_size += part->data_length;
    }
    frames->frame_bytes += part->data_length;
    if (frames->frame_bytes < part->payload_length) {
        return;
    }
    frames->in_frame = false;
    if (is_control(part->opcode)) {
        end_control(frames, part->opcode, out);
    } else if (part->fin) {
        end_message(frames, out);
    }
}

bool websocket_frames_take(struct websocket_frames *frames, struct ds_bytes bytes,
                           struct ds_buffer *out)
{
    frames->unread = bytes;
    while (!frames->over) {
        struct wslay_frame_iocb part = {0};
        const ssize_t size = wslay_frame_recv(frames->wslay, &part);
        if (size == WSLAY_ERR_WANT_READ) {
            return true;
        }
        if (size < 0) {
            fail(frames, out, WEBSOCKET_CLOSE_PROTOCOL_ERROR,
                 "the length of a frame is not in its shortest form, or a control frame is a "
                 "fragment or too long");
            break;
        }
        take_part(frames, &part, out);
    }
    return false;
}

bool websocket_accept_key(struct ds_bytes key, char ret_accept[WEBSOCKET_ACCEPT_BYTES])
{
    uint8_t bytes[KEY_TEXT_BYTES * 3 / 4];
    size_t size = 0;
    if (key.size != KEY_TEXT_BYTES || memchr(key.data, '-', key.size) != NULL ||
        memchr(key.data, '_', key.size) != NULL || !ds_base64_decode(key, bytes, &size) ||
        size != KEY_BYTES) {
        return false;
    }
    uint8_t text[KEY_TEXT_BYTES + sizeof ACCEPT_SUFFIX - 1];
    uint8_t digest[SHA1_BYTES];
    memcpy(text, key.data, KEY_TEXT_BYTES);
    memcpy(text + KEY_TEXT_BYTES, ACCEPT_SUFFIX, sizeof ACCEPT_SUFFIX - 1);
    if (mbedtls_sha1_ret(text, sizeof text, digest) != 0) {
        abort();
    }
    ds_base64_encode(ds_bytes_of(digest, sizeof digest), ret_accept);
    ret_accept[WEBSOCKET_ACCEPT_BYTES - 1] = '\0';
    return true;
}
