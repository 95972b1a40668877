#include "clients/cli/csv.h"
#include "clients/load/generator_internal.h"
#include "clients/load/generator_read.h"
#include "clients/load/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The fields of the file, row by row; the first row has the names. */
struct csv_fields {
    struct ds_bytes *items;
    size_t count;
    size_t capacity;
    size_t column_count;
};

static void field_add(struct csv_fields *fields, struct ds_bytes field)
{
    if (fields->count == fields->capacity) {
        fields->capacity = fields->capacity == 0 ? 1024 : fields->capacity * 2;
        fields->items = load_reallocate(fields->items, fields->capacity * sizeof(*fields->items));
    }
    fields->items[fields->count++] = field;
}

/* Copies the fields one behind the other: a record takes one piece of the arena. */
static void record_copy(struct member_reader *reader, const struct csv_record *record,
                        struct csv_fields *fields)
{
    size_t bytes = 1;
    for (size_t i = 0; i < record->field_count; i++) {
        bytes += record->fields[i].size;
    }
    char *next = reader_memory(reader, bytes, 1);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ds_bytes field = record->fields[i];
        if (field.size > 0) {
            memcpy(next, field.data, field.size);
        }
        field_add(fields, ds_bytes_of(next, field.size));
        next += field.size;
    }
}

static bool record_add(struct member_reader *reader, const struct member_place *place,
                       const struct csv_record *record, struct csv_fields *fields)
{
    if (fields->column_count == 0) {
        fields->column_count = record->field_count;
    }
    if (record->field_count != fields->column_count) {
        return place_fail(reader, place, "line %llu has %zu fields, the first one %zu",
                          (unsigned long long)record->line, record->field_count,
                          fields->column_count);
    }
    if (fields->count / fields->column_count > LOAD_GENERATOR_VALUES_MAX) {
        return place_fail(reader, place, "has more than %d rows", LOAD_GENERATOR_VALUES_MAX);
    }
    record_copy(reader, record, fields);
    return true;
}

static bool records_read(struct member_reader *reader, const struct member_place *place,
                         struct csv_reader *csv, struct csv_fields *fields)
{
    struct csv_record record;
    const char *reason = NULL;
    for (;;) {
        switch (csv_reader_next(csv, &record, &reason)) {
        case CSV_RECORD:
            if (!record_add(reader, place, &record, fields)) {
                return false;
            }
            break;
        case CSV_END:
            return fields->count > fields->column_count ||
                   place_fail(reader, place,
                              "takes a line with the names of the columns and at least one row");
        case CSV_DAMAGED:
            return place_fail(reader, place, "line %llu: %s", (unsigned long long)record.line,
                              reason);
        case CSV_UNREADABLE:
            return place_fail(reader, place, "can't be read");
        }
    }
}

static void fields_take(struct member_reader *reader, const struct csv_fields *fields,
                        struct load_generator *generator)
{
    struct ds_bytes *copy = reader_memory(reader, fields->count, sizeof(*copy));
    memcpy(copy, fields->items, fields->count * sizeof(*copy));
    generator->columns = copy;
    generator->column_count = fields->column_count;
    generator->values = copy + fields->column_count;
    generator->value_count = fields->count / fields->column_count - 1;
}

static bool stream_read(struct member_reader *reader, const struct member_place *place,
                        FILE *stream, struct load_generator *generator)
{
    struct stat about;
    if (fstat(fileno(stream), &about) != 0 || !S_ISREG(about.st_mode) ||
        about.st_size > LOAD_GENERATOR_FILE_BYTES_MAX) {
        return place_fail(reader, place, "is no file of at most %d MiB",
                          LOAD_GENERATOR_FILE_BYTES_MAX / 1024 / 1024);
    }
    struct csv_fields fields = {0};
    struct csv_reader *csv = csv_reader_create(stream, ',');
    const bool is_read = records_read(reader, place, csv, &fields);
    if (is_read) {
        fields_take(reader, &fields, generator);
    }
    csv_reader_destroy(csv);
    free(fields.items);
    return is_read;
}

bool load_generator_csv_read(struct member_reader *reader, const struct member_place *place,
                             const char *path, struct load_generator *generator)
{
    const bool is_absolute = path[0] == '/' || reader->folder == NULL;
    const char *found =
        is_absolute ? path : ds_arena_printf(reader->arena, "%s/%s", reader->folder, path);
    FILE *stream = fopen(found, "re");
    if (stream == NULL) {
        return place_fail(reader, place, "\"%s\": %s", found, strerror(errno));
    }
    const bool is_read = stream_read(reader, place, stream, generator);
    fclose(stream);
    return is_read;
}
