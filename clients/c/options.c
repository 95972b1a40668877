#include "clients/c/client.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

bool struct_take(void *known, size_t known_bytes, size_t first_release_bytes, const void *given)
{
    size_t given_bytes = 0;
    memcpy(&given_bytes, given, sizeof given_bytes);
    if (given_bytes < first_release_bytes || given_bytes > known_bytes) {
        return false;
    }
    memset(known, 0, known_bytes);
    memcpy(known, given, given_bytes);
    return true;
}

bool struct_give(void *given, const void *known, size_t known_bytes, size_t first_release_bytes)
{
    size_t given_bytes = 0;
    memcpy(&given_bytes, given, sizeof given_bytes);
    if (given_bytes < first_release_bytes || given_bytes > known_bytes) {
        return false;
    }
    memcpy((char *)given + sizeof given_bytes, (const char *)known + sizeof given_bytes,
           given_bytes - sizeof given_bytes);
    return true;
}

void message_write(char *message, size_t message_bytes, const char *format, ...)
{
    if (message == NULL || message_bytes == 0) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, message_bytes, format, arguments);
    va_end(arguments);
}
