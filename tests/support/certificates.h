/* Certificates for a test: see make_certificates.sh. */
#ifndef TESTS_SUPPORT_CERTIFICATES_H
#define TESTS_SUPPORT_CERTIFICATES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATES_PATH_BYTES_MAX 128

struct certificates {
    char folder[64];
};

static inline void certificates_make(struct certificates *certificates)
{
    char command[512];
    strcpy(certificates->folder, "/tmp/ds-tls-XXXXXX");
    if (mkdtemp(certificates->folder) == NULL) {
        abort();
    }
    snprintf(command, sizeof command, "%s/make_certificates.sh %s", DS_TESTS_SUPPORT_DIR,
             certificates->folder);
    if (system(command) != 0) {
        abort(); /* openssl.log in the folder says why. */
    }
}

static inline void certificates_remove(const struct certificates *certificates)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", certificates->folder);
    if (system(command) != 0) {
        abort();
    }
}

static inline const char *certificates_path(const struct certificates *certificates,
                                            const char *name,
                                            char target[CERTIFICATES_PATH_BYTES_MAX])
{
    snprintf(target, CERTIFICATES_PATH_BYTES_MAX, "%s/%s", certificates->folder, name);
    return target;
}

#endif
