/* Base64 (RFC 4648). Not for secrets: how long it takes goes by the bytes. */
#ifndef DS_BASE64_H
#define DS_BASE64_H

#include "ds/bytes.h"

/* The length of the text with its padding. */
static inline size_t ds_base64_text_size(size_t bytes)
{
    return (bytes + 2) / 3 * 4;
}

/* Writes the standard alphabet with padding; `target` takes ds_base64_text_size() characters. */
void ds_base64_encode(struct ds_bytes bytes, char *target);

/* Writes the URL alphabet without padding and returns the length; `target` takes
 * ds_base64_text_size() characters. */
size_t ds_base64_url_encode(struct ds_bytes bytes, char *target);

/*
 * Reads the standard or the URL alphabet, with or without padding. `target` takes text.size * 3 / 4
 * bytes and may be where `text` is. False where the text is something else.
 */
bool ds_base64_decode(struct ds_bytes text, uint8_t *target, size_t *ret_size);

#endif
