#include "openapi.h"

#include <string.h>

/* What profile T leaves out or calls otherwise stands at the top of a reply only. */
static const struct ds_json_style *top_style(enum shape shape)
{
    return shape == SHAPE_REPLY_T_TOP ? &profile_of(ROUTE_PROFILE_T)->style : NULL;
}

const char *openapi_field_name(const struct field *field, enum shape shape)
{
    if (shape == SHAPE_CONNECT) {
        return field->descriptor->json_name;
    }
    const struct ds_json_style *style = top_style(shape);
    const struct ds_json_rename *rename = style == NULL ? NULL : style->rename;
    for (; rename != NULL && rename->name != NULL; rename++) {
        if (strcmp(rename->name, field->descriptor->name) == 0) {
            return rename->as;
        }
    }
    return field->descriptor->name;
}

bool openapi_field_is_shown(const struct field *field, enum shape shape)
{
    const struct ds_json_style *style = top_style(shape);
    const char *const *name = style == NULL ? NULL : style->leave_out;
    for (; name != NULL && *name != NULL; name++) {
        if (strcmp(*name, field->descriptor->name) == 0) {
            return false;
        }
    }
    return true;
}

bool openapi_field_is_required(const struct field *field, enum shape shape)
{
    if (shape == SHAPE_REQUEST) {
        return option_required(field->descriptor->options);
    }
    if (shape == SHAPE_CONNECT || !openapi_field_is_shown(field, shape)) {
        return false;
    }
    if ((field->flags & DS_FIELD_PRESENCE) != 0 || field->oneof >= 0) {
        return false;
    }
    /* A canonical list names the series of its rows once. */
    return (field->flags & DS_FIELD_SERIES) == 0 || shape != SHAPE_REPLY;
}

/* Whether a profile that writes replies so needs a schema of its own. */
static bool is_style_of_t(const struct ds_json_style *style)
{
    return style->time == DS_JSON_TIME_ISOFORMAT;
}

static bool differs_at_top(const struct message *message)
{
    for (size_t i = 0; i < message->field_count; i++) {
        const struct field *field = &message->fields[i];
        if (!openapi_field_is_shown(field, SHAPE_REPLY_T_TOP) ||
            openapi_field_name(field, SHAPE_REPLY_T_TOP) != field->descriptor->name) {
            return true;
        }
    }
    return false;
}

enum shape openapi_reply_shape(uint32_t profile, const struct message *message)
{
    if (!is_style_of_t(&profile_of(profile)->style)) {
        return SHAPE_REPLY;
    }
    return differs_at_top(message) ? SHAPE_REPLY_T_TOP : SHAPE_REPLY_T;
}
