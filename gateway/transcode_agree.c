#include "ds/wire.h"
#include "gateway/transcode_parameters.h"

#include <stdio.h>

/* A field in the wire. */
struct piece {
    size_t tag_at;
    size_t length_at;  /* of a message or text */
    size_t content_at; /* likewise */
    size_t end;
};

/* What the body has on the way to a field that the path binds. Reading JSON writes a field once. */
struct finding {
    struct piece pieces[ROUTE_FIELD_DEPTH_MAX];
    uint8_t depth;                /* of the way, that is there: the number of pieces */
    const struct ds_field *rival; /* what else it gives of a oneof on the way; NULL: nothing */
    uint8_t rival_level;
};

/* Looks for the field path[level] in the message that `within` is, a part of `wire`. */
static bool find_in(const struct ds_message *message, struct ds_bytes wire, struct ds_bytes within,
                    const struct transcode_parameter *parameter, uint8_t level,
                    struct finding *finding)
{
    const struct ds_field *wanted = parameter->path[level];
    struct ds_wire_reader reader = ds_wire_reader_of(within);
    bool found = false;
    while (!ds_wire_at_end(&reader)) {
        const uint8_t *tag = reader.next;
        uint32_t number = 0;
        enum ds_wire_type type = DS_WIRE_VARINT;
        if (!ds_wire_read_tag(&reader, &number, &type)) {
            return false;
        }
        struct ds_wire_reader value = reader;
        struct ds_bytes content = {0};
        if (!ds_wire_skip(&reader, type) ||
            (type == DS_WIRE_BYTES && !ds_wire_read_bytes(&value, &content))) {
            return false;
        }
        if (number == wanted->number) {
            struct piece *piece = &finding->pieces[level];
            piece->tag_at = (size_t)(tag - wire.data);
            piece->end = (size_t)(reader.next - wire.data);
            piece->content_at = piece->end - content.size;
            piece->length_at = piece->content_at - ds_varint_size(content.size);
            found = true;
        } else if (wanted->oneof >= 0) {
            const struct ds_field *other = ds_field_by_number(message, number);
            if (other != NULL && other->oneof == wanted->oneof) {
                finding->rival = other;
                finding->rival_level = level;
            }
        }
    }
    return found;
}

static struct finding find(const struct ds_message *request, struct ds_bytes wire,
                           const struct transcode_parameter *parameter)
{
    struct finding finding;
    finding.rival = NULL;
    finding.depth = 0;
    const struct ds_message *message = request;
    struct ds_bytes within = wire;
    while (finding.depth < parameter->depth &&
           find_in(message, wire, within, parameter, finding.depth, &finding)) {
        const struct piece *piece = &finding.pieces[finding.depth];
        message = parameter->path[finding.depth]->message;
        within = ds_bytes_of(wire.data + piece->content_at, piece->end - piece->content_at);
        finding.depth++;
    }
    return finding;
}

/* Where the field is in the body: its names in the .proto as a JSON pointer. */
static void write_pointer(const struct route_binding *binding, const struct ds_field *const *path,
                          uint8_t depth, char pointer[TRANSCODE_NAME_BYTES])
{
    const uint8_t first = binding->body == ROUTE_BODY_FIELD ? 1 : 0;
    pointer[0] = '\0';
    if (first == depth) {
        return;
    }
    char name[TRANSCODE_NAME_BYTES];
    transcode_name_write(path + first, (uint8_t)(depth - first), name);
    for (char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot, '.')) {
        *dot = '/';
    }
    (void)snprintf(pointer, TRANSCODE_NAME_BYTES, "/%.*s", TRANSCODE_NAME_BYTES - 2, name);
}

/* Names both places: that of the parameter and that in the body, `depth` names of `path`. */
static bool refuse(const struct route_binding *binding, const struct transcode_parameter *parameter,
                   const struct ds_field *const *path, uint8_t depth, const char *detail,
                   struct problem *ret_problem)
{
    char name[TRANSCODE_NAME_BYTES];
    char pointer[TRANSCODE_NAME_BYTES];
    transcode_name_write(parameter->path, parameter->depth, name);
    write_pointer(binding, path, depth, pointer);
    problem_set(ret_problem, DS_REASON(INVALID_REQUEST), "%s and %s%s: %s", name,
                pointer[0] == '\0' ? "the body" : pointer, pointer[0] == '\0' ? "" : " of the body",
                detail);
    (void)problem_add(ret_problem, PROBLEM_AT_PARAMETER, ds_bytes_of_text(name), detail);
    (void)problem_add(ret_problem, PROBLEM_AT_POINTER, ds_bytes_of_text(pointer), detail);
    return false;
}

static bool refuse_rival(const struct route_binding *binding,
                         const struct transcode_parameter *parameter, const struct ds_field *rival,
                         uint8_t level, struct problem *ret_problem)
{
    const struct ds_field *path[ROUTE_FIELD_DEPTH_MAX];
    memcpy(path, parameter->path, level * sizeof *path);
    path[level] = rival;
    return refuse(binding, parameter, path, (uint8_t)(level + 1),
                  "only one member of a choice may be given", ret_problem);
}

/* Puts `added` bytes of room in front of what stands at `at`. */
static bool make_room(struct ds_buffer *wire, size_t at, size_t added)
{
    if (ds_buffer_reserve(wire, added) == NULL) {
        return false;
    }
    memmove(wire->data + at + added, wire->data + at, wire->size - at);
    ds_buffer_commit(wire, added);
    return true;
}

/* Puts the value at the end of the innermost message that was found, and mends the lengths of those
 * around it. */
static void insert(const struct finding *finding, struct ds_bytes value, struct ds_buffer *wire)
{
    size_t added = value.size;
    const size_t at = finding->pieces[finding->depth - 1].end;
    if (!make_room(wire, at, added)) {
        return;
    }
    memcpy(wire->data + at, value.data, value.size);
    for (uint8_t level = finding->depth; level-- > 0;) {
        const struct piece *piece = &finding->pieces[level];
        const size_t size = piece->end - piece->content_at + added;
        const size_t longer = ds_varint_size(size) - (piece->content_at - piece->length_at);
        if (longer > 0 && !make_room(wire, piece->length_at, longer)) {
            return;
        }
        ds_varint_put(wire->data + piece->length_at, size);
        added += longer;
    }
}

/*
 * Whether the value is the one that the body gives; it is put into the body's message where that
 * gives none. A message in two pieces would be as good by protobuf's rules, but protobuf-c 1.4.1
 * can't merge the pieces of one with a oneof.
 */
static bool join(const struct finding *finding, const struct transcode_parameter *parameter,
                 struct ds_bytes value, struct ds_buffer *wire)
{
    if (finding->depth < parameter->depth) {
        insert(finding, value, wire);
        return true;
    }
    /* Both were written by one writer: the same value is the same bytes. */
    const struct piece *said = &finding->pieces[finding->depth - 1];
    return ds_bytes_equal(ds_bytes_of(wire->data + said->tag_at, said->end - said->tag_at), value);
}

/* A value of the path beside the body. ret_joined: the body's wire has it now. */
static bool join_path(const struct route_binding *binding,
                      const struct transcode_parameter *parameter, struct ds_buffer *wire,
                      bool *ret_joined, struct problem *ret_problem)
{
    const struct finding finding = find(binding->method->request, ds_buffer_bytes(wire), parameter);
    *ret_joined = false;
    if (finding.rival != NULL) {
        return refuse_rival(binding, parameter, finding.rival, finding.rival_level, ret_problem);
    }
    if (finding.depth == 0) {
        return true;
    }
    struct ds_buffer value;
    ds_buffer_init(&value, wire->limit);
    bool taken = transcode_parameter_write(parameter, &value, ret_problem);
    if (taken) {
        for (uint8_t level = (uint8_t)(parameter->depth - 1); level > finding.depth; level--) {
            transcode_wrap(&value, 0, parameter->path[level - 1]->number);
        }
        *ret_joined = join(&finding, parameter, ds_buffer_bytes(&value), wire);
        taken = *ret_joined ||
                refuse(binding, parameter, parameter->path, parameter->depth,
                       "the path and the body give different values; leave it out of the body",
                       ret_problem);
    }
    ds_buffer_deinit(&value);
    return taken;
}

/* There is a query beside a body only where that fills one field. */
static bool check_query(const struct route_binding *binding,
                        const struct transcode_parameter *parameter, struct ds_bytes wire,
                        struct problem *ret_problem)
{
    const struct ds_field *field = binding->body_field;
    const bool rivals =
        wire.size > 0 && field->oneof >= 0 && parameter->path[0]->oneof == field->oneof;
    return !rivals || refuse_rival(binding, parameter, field, 0, ret_problem);
}

bool transcode_agree(const struct transcode_input *input, struct transcode_parameters *parameters,
                     struct ds_buffer *wire, struct problem *ret_problem)
{
    size_t kept = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        const struct transcode_parameter *parameter = &parameters->list[i];
        bool joined = false;
        if (!(i < parameters->path_count
                  ? join_path(input->binding, parameter, wire, &joined, ret_problem)
                  : check_query(input->binding, parameter, ds_buffer_bytes(wire), ret_problem))) {
            return false;
        }
        if (!joined) {
            if (kept < i) {
                parameters->list[kept] = *parameter;
            }
            kept++;
        }
    }
    parameters->count = kept;
    return true;
}
