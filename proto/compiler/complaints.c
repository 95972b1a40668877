#include "complaints.h"

#include <stdio.h>

void complain(struct complaints *complaints, const char *file, const char *subject,
              const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain_with(complaints, file, subject, format, arguments);
    va_end(arguments);
}

void complain_with(struct complaints *complaints, const char *file, const char *subject,
                   const char *format, va_list arguments)
{
    fprintf(stderr, "%s: ", file);
    if (subject[0] != '\0') {
        fprintf(stderr, "%s: ", subject);
    }
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    complaints->count++;
}
