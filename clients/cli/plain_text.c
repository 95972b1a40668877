#include "clients/cli/plain_text.h"

void plain_text_write(FILE *stream, struct ds_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        fputc(plain_text_byte(text.data[i]), stream);
    }
}
