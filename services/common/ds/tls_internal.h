/* What of mbedTLS the files tls_*.c share. */
#ifndef DS_TLS_INTERNAL_H
#define DS_TLS_INTERNAL_H

#include "ds/tls.h"

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#define DS_TLS_HOST_BYTES_MAX 256

struct ds_tls_identity {
    atomic_int reference_count;
    mbedtls_x509_crt certificates;
    mbedtls_pk_context key;
    mbedtls_ssl_config config; /* of the server's side */
    pthread_mutex_t mutex;     /* one handshake at a time */
};

struct ds_tls_trust {
    mbedtls_x509_crt authorities;
    char server_name[DS_TLS_HOST_BYTES_MAX];
    char host[DS_TLS_HOST_BYTES_MAX]; /* of the URL */
    char port[8];
};

/* The system's random bytes, for mbedTLS. */
int ds_tls_random(void *context, unsigned char *target, size_t size);

/* The whole file with a NUL behind it, from malloc; NULL with errno where it can't be had. */
char *ds_tls_file_read(const char *path, size_t bytes_max);

/* DS_OK, or the code after filling *ret_refusal. */
__attribute__((format(printf, 4, 5))) ds_code ds_tls_refuse(struct ds_tls_refusal *ret_refusal,
                                                            ds_code code, const char *setting,
                                                            const char *format, ...);

#endif
