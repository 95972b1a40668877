#include "ds/schema.h"

#include <string.h>

/* The lists are in the order of their names, as strcmp has it. `name` need not be terminated. */
static int name_compare(const char *name, size_t name_bytes, const char *entry)
{
    const size_t entry_bytes = strlen(entry);
    const size_t shared = name_bytes < entry_bytes ? name_bytes : entry_bytes;
    const int order = shared == 0 ? 0 : memcmp(name, entry, shared);
    if (order != 0) {
        return order;
    }
    return (name_bytes > entry_bytes) - (name_bytes < entry_bytes);
}

static const struct ds_service *service_find(const char *name, size_t name_bytes)
{
    size_t low = 0;
    size_t high = ds_service_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = name_compare(name, name_bytes, ds_services[middle]->full_name);
        if (order == 0) {
            return ds_services[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static const struct ds_method *method_find(const struct ds_service *service, const char *name,
                                           size_t name_bytes)
{
    for (size_t i = 0; i < service->method_count; i++) {
        if (name_compare(name, name_bytes, service->methods[i].name) == 0) {
            return &service->methods[i];
        }
    }
    return NULL;
}

const struct ds_method *ds_service_method_find(const struct ds_service *service,
                                               const char *full_name, size_t full_name_bytes)
{
    const size_t service_bytes = strlen(service->full_name);
    if (full_name_bytes <= service_bytes || full_name[service_bytes] != '/' ||
        memcmp(full_name, service->full_name, service_bytes) != 0) {
        return NULL;
    }
    const char *name = full_name + service_bytes + 1;
    return method_find(service, name, full_name_bytes - service_bytes - 1);
}

const struct ds_method *ds_method_find(const char *full_name, size_t full_name_bytes)
{
    const char *slash = memchr(full_name, '/', full_name_bytes);
    if (slash == NULL) {
        return NULL;
    }
    const size_t service_bytes = (size_t)(slash - full_name);
    const struct ds_service *service = service_find(full_name, service_bytes);
    if (service == NULL) {
        return NULL;
    }
    return method_find(service, slash + 1, full_name_bytes - service_bytes - 1);
}

const struct ds_message *ds_message_find(const char *full_name)
{
    return ds_message_find_among(ds_messages, ds_message_count, full_name, strlen(full_name));
}

const struct ds_message *ds_message_find_among(const struct ds_message *const *messages,
                                               size_t count, const char *full_name,
                                               size_t full_name_bytes)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = name_compare(full_name, full_name_bytes, messages[middle]->full_name);
        if (order == 0) {
            return messages[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const struct ds_field *ds_field_by_number(const struct ds_message *message, uint32_t number)
{
    /* Most messages number their fields from 1 without gaps. */
    if (number - 1 < message->field_count && message->fields[number - 1].number == number) {
        return &message->fields[number - 1];
    }
    size_t low = 0;
    size_t high = message->field_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct ds_field *field = &message->fields[middle];
        if (field->number == number) {
            return field;
        }
        if (number < field->number) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const struct ds_field *ds_field_by_name(const struct ds_message *message, const char *name,
                                        size_t name_bytes)
{
    for (size_t i = 0; i < message->field_count; i++) {
        const struct ds_field *field = &message->fields[i];
        if (field->name_bytes == name_bytes && memcmp(field->name, name, name_bytes) == 0) {
            return field;
        }
        if (field->json_name_bytes == name_bytes &&
            memcmp(field->json_name, name, name_bytes) == 0) {
            return field;
        }
    }
    return NULL;
}

const struct ds_enum_value *ds_enum_by_name(const struct ds_enum *enumeration, const char *name,
                                            size_t name_bytes)
{
    for (size_t i = 0; i < enumeration->value_count; i++) {
        if (name_compare(name, name_bytes, enumeration->values[i].name) == 0) {
            return &enumeration->values[i];
        }
    }
    return NULL;
}

const struct ds_enum_value *ds_enum_by_number(const struct ds_enum *enumeration, int32_t number)
{
    for (size_t i = 0; i < enumeration->value_count; i++) {
        if (enumeration->values[i].number == number) {
            return &enumeration->values[i];
        }
    }
    return NULL;
}
