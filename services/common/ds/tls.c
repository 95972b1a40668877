#include "ds/tls_internal.h"

#include <errno.h>
#include <mbedtls/entropy.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

bool ds_url_is_tls(const char *url)
{
    return strncmp(url, DS_TLS_SCHEME, strlen(DS_TLS_SCHEME)) == 0;
}

int ds_tls_random(void *context, unsigned char *target, size_t size)
{
    (void)context;
    while (size > 0) {
        const ssize_t got = getrandom(target, size, 0);
        if (got < 0 && errno != EINTR) {
            return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
        }
        if (got > 0) {
            target += got;
            size -= (size_t)got;
        }
    }
    return 0;
}

char *ds_tls_file_read(const char *path, size_t bytes_max)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    char *text = malloc(bytes_max + 2);
    if (text == NULL) {
        abort();
    }
    const size_t size = fread(text, 1, bytes_max + 1, file);
    const int failure = ferror(file) != 0 ? EIO : size > bytes_max ? EFBIG : 0;
    fclose(file);
    if (failure != 0) {
        explicit_bzero(text, bytes_max);
        free(text);
        errno = failure;
        return NULL;
    }
    text[size] = '\0';
    return text;
}

ds_code ds_tls_refuse(struct ds_tls_refusal *ret_refusal, ds_code code, const char *setting,
                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ret_refusal->setting = setting;
    vsnprintf(ret_refusal->reason, sizeof ret_refusal->reason, format, arguments);
    va_end(arguments);
    return code;
}
