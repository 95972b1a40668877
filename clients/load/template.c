#include "clients/load/template.h"

#include "clients/load/template_internal.h"
#include "ds/json.h"

static void append_inside(struct ds_bytes value, struct ds_buffer *target)
{
    const size_t begin = target->size;
    ds_json_append_string(target, value);
    if (target->overflow) {
        return;
    }
    /* Without the quotes, which are the constant parts'. */
    memmove(target->data + begin, target->data + begin + 1, target->size - begin - 2);
    target->size -= 2;
}

static bool is_unreserved(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static void append_percent(struct ds_bytes value, struct ds_buffer *target)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < value.size; i++) {
        const uint8_t byte = value.data[i];
        if (is_unreserved(byte)) {
            ds_buffer_append_byte(target, byte);
        } else {
            const uint8_t encoded[] = {'%', (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15]};
            ds_buffer_append(target, encoded, sizeof(encoded));
        }
    }
}

/* A line's end within a value would begin another header. */
static ds_code append_header(struct ds_bytes value, struct ds_buffer *target)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < ' ' || value.data[i] == 0x7F) {
            return DS_INVALID_ARGUMENT;
        }
    }
    ds_buffer_append(target, value.data, value.size);
    return DS_OK;
}

static ds_code append_value(enum template_writing writing, struct ds_bytes value,
                            struct ds_buffer *target)
{
    switch (writing) {
    case WRITE_BARE:
        ds_buffer_append(target, value.data, value.size);
        return DS_OK;
    case WRITE_QUOTED:
        ds_json_append_string(target, value);
        return DS_OK;
    case WRITE_INSIDE:
        append_inside(value, target);
        return DS_OK;
    case WRITE_PERCENT:
        append_percent(value, target);
        return DS_OK;
    case WRITE_HEADER:
        return append_header(value, target);
    }
    return DS_OK;
}

static ds_code append_variable(const struct template_piece *piece, const struct load_draw *draw,
                               struct ds_buffer *target)
{
    const struct ds_bytes value = draw->variables[piece->index];
    return value.data == NULL ? DS_FAILED_PRECONDITION
                              : append_value(piece->writing, value, target);
}

static ds_code append_generated(const struct template_piece *piece, const struct load_draw *draw,
                                uint64_t row, struct ds_buffer *target)
{
    char scratch[LOAD_GENERATOR_TEXT_BYTES_MAX];
    const struct load_moment moment = {
        .seed = draw->seed, .flow = draw->flow, .row = row, .wall_us = draw->wall_us};
    return append_value(piece->writing,
                        load_generator_value(piece->generator, piece->index, &moment, scratch),
                        target);
}

static ds_code append_rows(const struct template_piece *piece, const struct load_draw *draw,
                           struct ds_buffer *target);

static ds_code append_pieces(const struct load_template *template, const struct load_draw *draw,
                             uint64_t row, struct ds_buffer *target)
{
    for (size_t i = 0; i < template->piece_count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        switch (piece->kind) {
        case PIECE_CONSTANT:
            ds_buffer_append(target, piece->text.data, piece->text.size);
            break;
        case PIECE_VARIABLE:
            DS_TRY(append_variable(piece, draw, target));
            break;
        case PIECE_GENERATOR:
            DS_TRY(append_generated(piece, draw, row, target));
            break;
        case PIECE_REPEAT:
            DS_TRY(append_rows(piece, draw, target));
            break;
        }
    }
    return target->overflow ? DS_RESOURCE_EXHAUSTED : DS_OK;
}

static ds_code append_rows(const struct template_piece *piece, const struct load_draw *draw,
                           struct ds_buffer *target)
{
    for (uint64_t row = 0; row < piece->row_count; row++) {
        if (row > 0) {
            ds_buffer_append_byte(target, ',');
        }
        DS_TRY(append_pieces(piece->rows, draw, row, target));
    }
    return DS_OK;
}

ds_code load_template_fill(const struct load_template *template, const struct load_draw *draw,
                           struct ds_buffer *target)
{
    const size_t begin = target->size;
    const ds_code code = append_pieces(template, draw, 0, target);
    if (code != DS_OK) {
        target->size = begin;
        target->overflow = false;
    }
    return code;
}

bool load_template_is_constant(const struct load_template *template)
{
    for (size_t i = 0; i < template->piece_count; i++) {
        if (template->pieces[i].kind != PIECE_CONSTANT) {
            return false;
        }
    }
    return true;
}
