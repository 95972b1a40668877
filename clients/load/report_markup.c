#include "clients/load/report_markup.h"

#include "ds/utf8.h"

#include <string.h>

#define UTF8_BYTES_MAX 4
#define REPLACEMENT "\xEF\xBF\xBD"

/* The bytes of the character at the front of `text`; 0 where that is none. */
static size_t character_bytes(const char *text)
{
    const size_t left = strnlen(text, UTF8_BYTES_MAX);
    for (size_t bytes = 1; bytes <= left; bytes++) {
        if (ds_utf8_valid(ds_bytes_of(text, bytes))) {
            return bytes;
        }
    }
    return 0;
}

static void write_characters(FILE *stream, const char *text,
                             const char *(*escape)(unsigned char character, char small[8]))
{
    char small[8];
    while (*text != '\0') {
        const size_t bytes = character_bytes(text);
        const char *escaped = bytes == 1 ? escape((unsigned char)*text, small) : NULL;
        if (bytes == 0) {
            fputs(REPLACEMENT, stream);
        } else if (escaped != NULL) {
            fputs(escaped, stream);
        } else {
            fwrite(text, 1, bytes, stream);
        }
        text += bytes == 0 ? 1 : bytes;
    }
}

static const char *escape_json(unsigned char character, char small[8])
{
    if (character == '"' || character == '\\') {
        snprintf(small, 8, "\\%c", character);
        return small;
    }
    if (character < 0x20 || character == 0x7F) {
        snprintf(small, 8, "\\u%04x", character);
        return small;
    }
    return NULL;
}

static const char *escape_html(unsigned char character, char small[8])
{
    (void)small;
    switch (character) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return character < 0x20 || character == 0x7F ? " " : NULL;
    }
}

void report_json_string(FILE *stream, const char *text)
{
    fputc('"', stream);
    write_characters(stream, text, escape_json);
    fputc('"', stream);
}

void report_html_text(FILE *stream, const char *text)
{
    write_characters(stream, text, escape_html);
}
