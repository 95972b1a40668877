#include "template.h"

#include <ctype.h>
#include <string.h>

struct parser {
    struct memory *memory;
    struct path_template *template;
    const char *at;
    const char *problem; /* NULL until something is wrong */
    bool is_in_variable;
};

static bool fail(struct parser *parser, const char *problem)
{
    parser->problem = problem;
    return false;
}

static bool is_literal_character(char character)
{
    const unsigned char byte = (unsigned char)character;
    return isalnum(byte) || (byte != '\0' && strchr("-._~!$&'()+,;@", byte) != NULL);
}

static int hexadecimal_value(char character)
{
    static const char digits[] = "0123456789abcdef";
    const int lowered = tolower((unsigned char)character);
    const char *digit = lowered == '\0' ? NULL : strchr(digits, lowered);
    return digit == NULL ? -1 : (int)(digit - digits);
}

/* Reads "%2F" and the like; returns the byte, -1 where it is none. */
static int escape_read(struct parser *parser)
{
    const int high = hexadecimal_value(parser->at[1]);
    const int low = high < 0 ? -1 : hexadecimal_value(parser->at[2]);
    if (low < 0 || (high == 0 && low == 0)) {
        return -1;
    }
    parser->at += 3;
    return high << 4 | low;
}

/* A literal may be empty here: what that means depends on what follows. */
static bool literal_parse(struct parser *parser, const char **ret_literal)
{
    char *literal = memory_alloc(parser->memory, strlen(parser->at) + 1);
    size_t length = 0;
    while (is_literal_character(*parser->at) || *parser->at == '%') {
        if (*parser->at != '%') {
            literal[length++] = *parser->at++;
            continue;
        }
        const int byte = escape_read(parser);
        if (byte < 0) {
            return fail(parser, "has a '%' without two hexadecimal digits (or %00); write %25 "
                                "for the character itself");
        }
        literal[length++] = (char)byte;
    }
    *ret_literal = literal;
    return true;
}

static bool segment_add(struct parser *parser, enum segment_kind kind, const char *literal)
{
    struct path_template *template = parser->template;
    if (template->segment_count == ROUTE_SEGMENTS_MAX) {
        return fail(parser, "has too many segments (ROUTE_SEGMENTS_MAX in gateway/routes.h); "
                            "shorten it");
    }
    if (template->segment_count > 0 &&
        template->segments[template->segment_count - 1].kind == SEGMENT_REST) {
        return fail(parser, "has something behind **; ** takes the rest of the path and stands "
                            "last");
    }
    template->segments[template->segment_count++] =
        (struct template_segment){.kind = kind, .literal = literal};
    return true;
}

/* What can't stand where a segment ends. */
static bool segment_end_check(struct parser *parser)
{
    const char next = *parser->at;
    if (next == '/' || next == '\0' || (next == ':' && !parser->is_in_variable) ||
        (next == '}' && parser->is_in_variable)) {
        return true;
    }
    if (next == '}') {
        return fail(parser, "has a } without a {; remove it");
    }
    if (next == ':') {
        return fail(parser, "has a verb inside of a variable; put it behind the last segment");
    }
    if (next == '*') {
        return fail(parser, "has a wildcard beside other characters; * and ** are segments of "
                            "their own");
    }
    if (next == '{') {
        return fail(parser, "has a variable beside other characters; a variable is a segment of "
                            "its own");
    }
    return fail(parser, "has a character that no path has as it is; percent-encode it");
}

static bool literal_segment_parse(struct parser *parser)
{
    const char *literal = NULL;
    if (!literal_parse(parser, &literal) || !segment_end_check(parser)) {
        return false;
    }
    if (literal[0] == '\0') {
        return fail(parser, "has an empty segment; remove the extra '/'");
    }
    if (strcmp(literal, ".") == 0 || strcmp(literal, "..") == 0) {
        return fail(parser, "has the segment . or .., which clients take out of a path; remove it");
    }
    return segment_add(parser, SEGMENT_LITERAL, literal);
}

static bool wildcard_parse(struct parser *parser)
{
    const enum segment_kind kind = parser->at[1] == '*' ? SEGMENT_REST : SEGMENT_STAR;
    parser->at += kind == SEGMENT_REST ? 2 : 1;
    return segment_end_check(parser) && segment_add(parser, kind, NULL);
}

static bool segments_parse(struct parser *parser);

/* "name", "a.b" */
static bool field_path_parse(struct parser *parser, const char **ret_path)
{
    const char *start = parser->at;
    while (isalnum((unsigned char)*parser->at) || *parser->at == '_' || *parser->at == '.') {
        parser->at++;
    }
    const size_t length = (size_t)(parser->at - start);
    if (length == 0) {
        return fail(parser, "has a variable without a name; write {field} or {field=pattern}");
    }
    *ret_path = memory_copy_text(parser->memory, start, length);
    return true;
}

/* What stands between "{field" and "}". */
static bool pattern_parse(struct parser *parser)
{
    if (*parser->at == '}') {
        return segment_add(parser, SEGMENT_STAR, NULL);
    }
    if (*parser->at != '=') {
        return fail(parser, "has a { that is not closed; write {field} or {field=pattern}");
    }
    parser->at++;
    parser->is_in_variable = true;
    const bool is_parsed = segments_parse(parser);
    parser->is_in_variable = false;
    if (is_parsed && *parser->at != '}') {
        return fail(parser, "has a { that is not closed; write {field} or {field=pattern}");
    }
    return is_parsed;
}

static bool variable_parse(struct parser *parser)
{
    struct path_template *template = parser->template;
    if (parser->is_in_variable) {
        return fail(parser, "has a variable within a variable; name one field in each segment");
    }
    if (template->variable_count == ROUTE_VARIABLES_MAX) {
        return fail(parser, "has too many variables (ROUTE_VARIABLES_MAX in gateway/routes.h); "
                            "take the rest as query parameters");
    }
    struct template_variable variable = {.segment_first = template->segment_count};
    parser->at++;
    if (!field_path_parse(parser, &variable.field_path) || !pattern_parse(parser)) {
        return false;
    }
    parser->at++;
    variable.segment_count = template->segment_count - variable.segment_first;
    variable.has_rest = template->segments[template->segment_count - 1].kind == SEGMENT_REST;
    template->variables[template->variable_count++] = variable;
    return segment_end_check(parser);
}

/* Segments with '/' between them, up to what can't belong to them. */
static bool segments_parse(struct parser *parser)
{
    for (;;) {
        bool is_parsed = false;
        if (*parser->at == '*') {
            is_parsed = wildcard_parse(parser);
        } else if (*parser->at == '{') {
            is_parsed = variable_parse(parser);
        } else {
            is_parsed = literal_segment_parse(parser);
        }
        if (!is_parsed || *parser->at != '/') {
            return is_parsed;
        }
        parser->at++;
    }
}

static bool verb_parse(struct parser *parser)
{
    parser->template->verb = "";
    if (*parser->at != ':') {
        return true;
    }
    parser->at++;
    if (!literal_parse(parser, &parser->template->verb)) {
        return false;
    }
    if (parser->template->verb[0] == '\0' || *parser->at != '\0') {
        return fail(parser, "has a ':' without a plain verb behind it; end it with :verb or "
                            "remove the ':'");
    }
    return true;
}

const char *template_parse(struct memory *memory, const char *text,
                           struct path_template *ret_template)
{
    *ret_template = (struct path_template){.verb = ""};
    struct parser parser = {.memory = memory, .template = ret_template, .at = text};
    if (*parser.at != '/') {
        return "does not begin with '/'; write an absolute path";
    }
    parser.at++;
    if (segments_parse(&parser)) {
        verb_parse(&parser);
    }
    return parser.problem;
}

bool template_takes(const struct path_template *template, const char *path)
{
    if (template->verb[0] != '\0') {
        return false;
    }
    const char *at = path;
    for (size_t i = 0; i < template->segment_count; i++) {
        const struct template_segment *segment = &template->segments[i];
        if (segment->kind == SEGMENT_REST) {
            return true;
        }
        if (*at != '/') {
            return false;
        }
        at++;
        const size_t length = strcspn(at, "/");
        if (length == 0) {
            return false;
        }
        if (segment->kind == SEGMENT_LITERAL &&
            (strlen(segment->literal) != length || memcmp(segment->literal, at, length) != 0)) {
            return false;
        }
        at += length;
    }
    return *at == '\0';
}

static bool segment_covers(const struct template_segment *wide,
                           const struct template_segment *narrow)
{
    if (wide->kind == SEGMENT_STAR) {
        return narrow->kind != SEGMENT_REST;
    }
    return narrow->kind == SEGMENT_LITERAL && strcmp(wide->literal, narrow->literal) == 0;
}

bool template_covers(const struct path_template *wide, const struct path_template *narrow)
{
    if (strcmp(wide->verb, narrow->verb) != 0) {
        return false;
    }
    for (size_t i = 0; i < wide->segment_count; i++) {
        if (wide->segments[i].kind == SEGMENT_REST) {
            return true;
        }
        if (i == narrow->segment_count ||
            !segment_covers(&wide->segments[i], &narrow->segments[i])) {
            return false;
        }
    }
    return wide->segment_count == narrow->segment_count;
}

bool template_precedes(const struct path_template *a, const struct path_template *b)
{
    for (size_t i = 0; i < a->segment_count && i < b->segment_count; i++) {
        if (a->segments[i].kind != b->segments[i].kind) {
            return a->segments[i].kind < b->segments[i].kind;
        }
    }
    return a->segment_count < b->segment_count;
}
