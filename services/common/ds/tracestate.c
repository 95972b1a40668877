#include "ds/trace.h"

#include <string.h>

/* Members above it go first where not all fit. */
#define LARGE_MEMBER_BYTES 128
#define KEY_BYTES_MAX 256
#define TENANT_BYTES_MAX 241
#define SYSTEM_BYTES_MAX 14
#define VALUE_BYTES_MAX 256

static bool is_lower(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_key_byte(uint8_t byte)
{
    return is_lower(byte) || is_digit(byte) || byte == '_' || byte == '-' || byte == '*' ||
           byte == '/';
}

static bool are_key_bytes(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_key_byte(text[i])) {
            return false;
        }
    }
    return true;
}

/* "vendor", or "tenant@system", whose tenant may begin with a digit. */
static bool is_key(const uint8_t *text, size_t size)
{
    const uint8_t *at = size > 0 ? memchr(text, '@', size) : NULL;
    if (at == NULL) {
        return size > 0 && size <= KEY_BYTES_MAX && is_lower(text[0]) && are_key_bytes(text, size);
    }
    const size_t tenant = (size_t)(at - text);
    const size_t system = size - tenant - 1;
    return tenant > 0 && tenant <= TENANT_BYTES_MAX && (is_lower(text[0]) || is_digit(text[0])) &&
           are_key_bytes(text, tenant) && system > 0 && system <= SYSTEM_BYTES_MAX &&
           is_lower(at[1]) && are_key_bytes(at + 1, system);
}

/* Printable ASCII but ',' and '=', no blank at its end. */
static bool is_value(const uint8_t *text, size_t size)
{
    if (size == 0 || size > VALUE_BYTES_MAX || text[size - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < ' ' || text[i] > '~' || text[i] == ',' || text[i] == '=') {
            return false;
        }
    }
    return true;
}

static struct ds_bytes key_of(struct ds_bytes member)
{
    const uint8_t *equals = memchr(member.data, '=', member.size);
    return ds_bytes_of(member.data, (size_t)(equals - member.data));
}

static bool is_member(struct ds_bytes text)
{
    const uint8_t *equals = memchr(text.data, '=', text.size);
    if (equals == NULL) {
        return false;
    }
    const size_t key_bytes = (size_t)(equals - text.data);
    return is_key(text.data, key_bytes) && is_value(equals + 1, text.size - key_bytes - 1);
}

static bool has_key(const struct ds_tracestate *state, struct ds_bytes key)
{
    for (size_t i = 0; i < state->count; i++) {
        if (ds_bytes_equal(key_of(state->members[i]), key)) {
            return true;
        }
    }
    return false;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static struct ds_bytes without_blanks(const uint8_t *text, size_t size)
{
    while (size > 0 && is_blank(text[0])) {
        text++;
        size--;
    }
    while (size > 0 && is_blank(text[size - 1])) {
        size--;
    }
    return ds_bytes_of(text, size);
}

static bool add_member(struct ds_tracestate *state, struct ds_bytes member)
{
    if (member.size == 0) {
        return true; /* Empty members are allowed, and say nothing. */
    }
    if (state->count == DS_TRACESTATE_MEMBERS_MAX || !is_member(member) ||
        has_key(state, key_of(member))) {
        return false;
    }
    state->members[state->count++] = member;
    return true;
}

bool ds_tracestate_add(struct ds_tracestate *state, struct ds_bytes field)
{
    size_t from = 0;
    while (from < field.size) {
        const uint8_t *begin = field.data + from;
        const uint8_t *comma = memchr(begin, ',', field.size - from);
        const size_t size = comma != NULL ? (size_t)(comma - begin) : field.size - from;
        if (!add_member(state, without_blanks(begin, size))) {
            return false;
        }
        from += size + 1;
    }
    return true;
}

static size_t size_of(const struct ds_tracestate *state)
{
    size_t size = 0;
    for (size_t i = 0; i < state->count; i++) {
        size += state->members[i].size + (i > 0 ? 1 : 0);
    }
    return size;
}

static void remove_member(struct ds_tracestate *state, size_t place)
{
    state->count--;
    for (size_t i = place; i < state->count; i++) {
        state->members[i] = state->members[i + 1];
    }
}

/* The member that goes first: the last large one, or the last of all. */
static size_t place_to_drop(const struct ds_tracestate *state)
{
    for (size_t i = state->count; i > 0; i--) {
        if (state->members[i - 1].size > LARGE_MEMBER_BYTES) {
            return i - 1;
        }
    }
    return (size_t)state->count - 1;
}

size_t ds_tracestate_write(const struct ds_tracestate *state,
                           char target[DS_TRACESTATE_BYTES_MAX + 1])
{
    struct ds_tracestate kept = *state;
    size_t size = 0;
    while (size_of(&kept) > DS_TRACESTATE_BYTES_MAX) {
        remove_member(&kept, place_to_drop(&kept));
    }
    for (size_t i = 0; i < kept.count; i++) {
        if (i > 0) {
            target[size++] = ',';
        }
        memcpy(target + size, kept.members[i].data, kept.members[i].size);
        size += kept.members[i].size;
    }
    target[size] = '\0';
    return size;
}
