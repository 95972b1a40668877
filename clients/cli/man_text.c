#include "clients/cli/man_text.h"

#include <stdbool.h>
#include <string.h>

#define MAN_LINE_BYTES_MAX 76

static void write_character(char character, FILE *stream)
{
    if (character == '\\') {
        fputs("\\e", stream);
    } else if (character == '-') {
        fputs("\\-", stream);
    } else if (character == '~') {
        fputs("\\(ti", stream);
    } else if (character == '^') {
        fputs("\\(ha", stream);
    } else if (character == '`') {
        fputs("\\(ga", stream);
    } else if (character == '\'') {
        fputs("\\(aq", stream);
    } else {
        fputc(character, stream);
    }
}

static void write_word(const char *word, size_t bytes, bool begins_line, FILE *stream)
{
    if (begins_line && (word[0] == '.' || word[0] == '\'')) {
        fputs("\\&", stream);
    }
    for (size_t i = 0; i < bytes; i++) {
        write_character(word[i], stream);
    }
}

static bool ends_sentence(const char *word, size_t bytes)
{
    return strchr(".!?", word[bytes - 1]) != NULL;
}

void man_text_write(const char *text, FILE *stream)
{
    size_t column = 0;
    bool begins_line = true;
    while (*text != '\0') {
        const size_t bytes = strcspn(text, " ");
        if (!begins_line && column + 1 + bytes > MAN_LINE_BYTES_MAX) {
            fputc('\n', stream);
            begins_line = true;
        }
        if (!begins_line) {
            fputc(' ', stream);
        }
        write_word(text, bytes, begins_line, stream);
        column = begins_line ? bytes : column + 1 + bytes;
        begins_line = false;
        if (bytes > 0 && ends_sentence(text, bytes) && text[bytes] != '\0') {
            fputc('\n', stream);
            begins_line = true;
        }
        text += bytes;
        text += strspn(text, " ");
    }
    fputc('\n', stream);
}

void man_argument_write(const char *text, FILE *stream)
{
    fputs(" \"", stream);
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            fputs("\\(dq", stream);
        } else {
            write_character(*text, stream);
        }
    }
    fputc('"', stream);
}

void man_literal_write(const char *lines, FILE *stream)
{
    fputs(".Bd -literal\n", stream);
    while (*lines != '\0') {
        const size_t bytes = strcspn(lines, "\n");
        const size_t blanks = strspn(lines, " ");
        write_word(lines + blanks, bytes - blanks, true, stream);
        fputc('\n', stream);
        lines += bytes + (lines[bytes] == '\n');
    }
    fputs(".Ed\n", stream);
}
