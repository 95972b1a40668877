#include "clients/cli/values.h"

#include "clients/cli/csv_write.h"
#include "clients/cli/fields.h"
#include "clients/cli/plain_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_JSON_BYTES_MAX (64 * 1024 * 1024)

struct values {
    FILE *stream;
    enum rows_format format;
    const char *heading;
    size_t count;
    struct ds_buffer json;
    uint32_t number; /* of the field in the making */
};

struct values *values_create(FILE *stream, enum rows_format format, const char *heading)
{
    struct values *values = calloc(1, sizeof(*values));
    if (values == NULL) {
        abort();
    }
    values->stream = stream;
    values->format = format;
    values->heading = heading;
    ds_buffer_init(&values->json, VALUES_JSON_BYTES_MAX);
    if (format == ROWS_CSV) {
        fprintf(stream, "%s\n", heading);
    }
    return values;
}

/* `json` is the value as JSON writes it. */
static void write_value(struct values *values, struct ds_bytes text, struct ds_bytes json)
{
    switch (values->format) {
    case ROWS_JSON:
        fputs(values->count == 0 ? "[\n " : ",\n ", values->stream);
        fwrite(json.data, 1, json.size, values->stream);
        break;
    case ROWS_NDJSON:
        fwrite(json.data, 1, json.size, values->stream);
        fputc('\n', values->stream);
        break;
    case ROWS_CSV:
        csv_write_value(values->stream, text);
        fputc('\n', values->stream);
        break;
    default:
        plain_text_write(values->stream, text);
        fputc('\n', values->stream);
        break;
    }
    values->count++;
}

static void add_text(struct values *values, struct ds_bytes text)
{
    ds_buffer_clear(&values->json);
    ds_json_append_string(&values->json, text);
    write_value(values, text, ds_buffer_bytes(&values->json));
}

static ds_code take_text(void *context, uint32_t number, struct ds_bytes value)
{
    struct values *values = context;
    if (number == values->number) {
        add_text(values, value);
    }
    return DS_OK;
}

/* Numbers are written by the JSON writer as {...,"strikes":[1,2.5]}, and taken from there. */
static ds_code add_numbers(struct values *values, const struct ds_message *type,
                           const struct ds_field *field, struct ds_bytes message)
{
    ds_buffer_clear(&values->json);
    DS_TRY(ds_wire_to_json(type, message, &rows_json_style, &values->json));
    ds_buffer_append_byte(&values->json, '\0');
    char key[UINT8_MAX + 8];
    snprintf(key, sizeof(key), "\"%s\":[", field->name);
    const char *next = strstr((const char *)values->json.data, key);
    if (next == NULL) {
        return DS_OK;
    }
    next += strlen(key);
    while (next[0] != ']' && next[0] != '\0') {
        const size_t bytes = strcspn(next, ",]");
        write_value(values, ds_bytes_of(next, bytes), ds_bytes_of(next, bytes));
        next += bytes + (next[bytes] == ',');
    }
    return DS_OK;
}

ds_code values_add(struct values *values, const struct ds_message *type,
                   const struct ds_field *field, struct ds_bytes message)
{
    assert((field->flags & DS_FIELD_REPEATED) != 0 && field->kind != DS_KIND_MESSAGE);
    if (field->kind != DS_KIND_STRING) {
        return add_numbers(values, type, field, message);
    }
    values->number = field->number;
    return fields_each(message, take_text, values);
}

void values_destroy(struct values *values)
{
    if (values == NULL) {
        return;
    }
    if (values->format == ROWS_JSON) {
        fputs(values->count == 0 ? "[]\n" : "\n]\n", values->stream);
    }
    ds_buffer_deinit(&values->json);
    free(values);
}
