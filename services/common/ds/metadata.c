#include "ds/metadata.h"

#include "ds/wire.h"

static const char *const reserved_prefixes[] = {"grpc-", "ds-"};

/* A second way to say these would leave two of them that may differ. */
static const char *const reserved_keys[] = {
    "authorization",
    "idempotency-key",
    "traceparent",
    "tracestate",
};

static bool key_is_well_formed(const char *key)
{
    const size_t size = strspn(key, "0123456789abcdefghijklmnopqrstuvwxyz_.-");
    return size > 0 && key[size] == '\0';
}

static bool key_is_reserved(const char *key)
{
    for (size_t i = 0; i < sizeof reserved_prefixes / sizeof *reserved_prefixes; i++) {
        if (strncmp(key, reserved_prefixes[i], strlen(reserved_prefixes[i])) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof reserved_keys / sizeof *reserved_keys; i++) {
        if (strcmp(key, reserved_keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool key_is_binary(const char *key)
{
    const size_t size = strlen(key);
    return size > strlen("-bin") && strcmp(key + size - strlen("-bin"), "-bin") == 0;
}

static bool value_is_text(struct ds_bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

const char *ds_metadata_refusal(const char *key, struct ds_bytes value)
{
    if (!key_is_well_formed(key)) {
        return "a metadata key has other characters than 0-9, a-z, _, . and -";
    }
    if (key_is_reserved(key)) {
        return "a metadata key is reserved";
    }
    if (!key_is_binary(key) && !value_is_text(value)) {
        return "a metadata value has other characters than printable ASCII; the keys of such "
               "values end in -bin";
    }
    return NULL;
}

void ds_metadata_write_field(struct ds_buffer *header, uint32_t number,
                             const struct ds_metadata_entry *entry)
{
    const struct ds_bytes key = ds_bytes_of_text(entry->key);
    ds_wire_write_tag(header, number, DS_WIRE_BYTES);
    ds_wire_write_varint(header, 2 + ds_varint_size(key.size) + key.size +
                                     ds_varint_size(entry->value.size) + entry->value.size);
    ds_wire_write_bytes_field(header, 1, key);
    ds_wire_write_bytes_field(header, 2, entry->value);
}
