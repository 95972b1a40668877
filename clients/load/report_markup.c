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

static const char *escape(char character)
{
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
        return (unsigned char)character < 0x20 || character == 0x7F ? " " : NULL;
    }
}

void report_html_text(FILE *stream, const char *text)
{
    while (*text != '\0') {
        const size_t bytes = character_bytes(text);
        const char *escaped = bytes == 1 ? escape(*text) : NULL;
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
