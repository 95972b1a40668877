#include "ds/rpc_call.h"

bool ds_call_metadata_get(const struct ds_call *call, const char *key, struct ds_bytes *ret_value)
{
    for (size_t i = 0; i < call->request.metadata_count; i++) {
        if (strcmp(call->request.metadata[i].key, key) == 0) {
            *ret_value = call->request.metadata[i].value;
            return true;
        }
    }
    return false;
}

/* The entry of that key, a new one where there is none; NULL where there is no room for one. */
static struct ds_metadata_entry *entry_for(struct ds_call *call, const char *key)
{
    for (size_t i = 0; i < call->answer_metadata_count; i++) {
        if (strcmp(call->answer_metadata[i].key, key) == 0) {
            return &call->answer_metadata[i];
        }
    }
    if (call->answer_metadata == NULL) {
        call->answer_metadata =
            ds_arena_zalloc(call->arena, DS_METADATA_ENTRIES_MAX * sizeof *call->answer_metadata);
    }
    const size_t count = call->answer_metadata_count;
    return call->answer_metadata == NULL || count == DS_METADATA_ENTRIES_MAX
               ? NULL
               : &call->answer_metadata[count];
}

static size_t entry_bytes(const struct ds_metadata_entry *entry)
{
    return entry->key == NULL ? 0 : strlen(entry->key) + entry->value.size;
}

static ds_code fail_for_room(struct ds_call *call)
{
    return ds_fail(call, DS_RESOURCE_EXHAUSTED,
                   "the answer's metadata has more than 64 entries or 8 KiB");
}

ds_code ds_call_set_metadata(struct ds_call *call, const char *key, struct ds_bytes value)
{
    const char *why = ds_metadata_refusal(key, value);
    if (why != NULL) {
        return ds_fail(call, DS_INVALID_ARGUMENT, "%s", why);
    }
    struct ds_metadata_entry *entry = entry_for(call, key);
    const size_t size = strlen(key) + value.size;
    if (entry == NULL || size > DS_METADATA_BYTES_MAX ||
        call->answer_metadata_bytes - entry_bytes(entry) + size > DS_METADATA_BYTES_MAX) {
        return fail_for_room(call);
    }
    const char *key_copy = ds_arena_copy_text(call->arena, key, strlen(key));
    const char *value_copy = ds_arena_copy_text(call->arena, (const char *)value.data, value.size);
    if (key_copy == NULL || value_copy == NULL) {
        return fail_for_room(call);
    }
    call->answer_metadata_bytes += size - entry_bytes(entry);
    call->answer_metadata_count += entry->key == NULL ? 1 : 0;
    *entry =
        (struct ds_metadata_entry){.key = key_copy, .value = ds_bytes_of(value_copy, value.size)};
    return DS_OK;
}
