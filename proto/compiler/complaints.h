/* What is wrong with the .proto files. All of it is told before the build fails. */
#ifndef COMPILER_COMPLAINTS_H
#define COMPILER_COMPLAINTS_H

#include <stdarg.h>

struct complaints {
    unsigned int count;
};

/*
 * Prints "FILE: SUBJECT: …" on stderr and counts it. The text says what is wrong and what would do.
 * `subject` is the method, message or field at fault; "" where it is the file itself.
 */
void complain(struct complaints *complaints, const char *file, const char *subject,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

void complain_with(struct complaints *complaints, const char *file, const char *subject,
                   const char *format, va_list arguments) __attribute__((format(printf, 4, 0)));

#endif
