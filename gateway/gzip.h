/* The content coding gzip (RFC 1952), both ways. gzip.c is the only file that knows zlib. */
#ifndef GATEWAY_GZIP_H
#define GATEWAY_GZIP_H

#include "ds/buffer.h"

/* Members that one body may be made of; each costs a beginning. */
#define GZIP_MEMBERS_MAX 16

/* The memory of both directions, kept from one use to the next: some 300 KiB once both have been
 * used. One thread at a time. */
struct gzip;

struct gzip *gzip_create(void);
void gzip_destroy(struct gzip *gzip); /* takes NULL */

/* Appends `bytes` as one member; `target` has no limit in the way. */
void gzip_compress(struct gzip *gzip, struct ds_bytes bytes, struct ds_buffer *target);

enum gzip_result {
    GZIP_OK,
    GZIP_MALFORMED, /* no member begins there, or one is damaged */
    GZIP_TRUNCATED,
    GZIP_TRAILING,  /* bytes behind the last member */
    GZIP_TOO_MANY,  /* members */
    GZIP_TOO_LARGE, /* more than bytes_max unpacked: found out without unpacking the rest */
};

/* Appends what `bytes`, one member or several in a row, unpack to: at most bytes_max bytes. */
enum gzip_result gzip_decompress(struct gzip *gzip, struct ds_bytes bytes, size_t bytes_max,
                                 struct ds_buffer *target);

#endif
