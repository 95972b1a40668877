#include "names.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    const size_t text_length = strlen(text);
    const size_t end_length = strlen(end);
    return text_length > end_length && strcmp(text + text_length - end_length, end) == 0;
}

const char *name_c_package(struct memory *memory, const char *package)
{
    static const char project[] = "deltastream.";
    static const char version[] = ".v1";

    if (strncmp(package, project, strlen(project)) != 0) {
        return package;
    }
    const char *name = package + strlen(project);
    const size_t version_length = ends_with(name, version) ? strlen(version) : 0;
    return memory_copy_text(memory, name, strlen(name) - version_length);
}

const char *name_snake(struct memory *memory, const char *name)
{
    char *snake = memory_alloc(memory, 2 * strlen(name) + 1);
    char *end = snake;
    bool after_capital = true;
    for (const char *at = name; *at != '\0'; at++) {
        const bool is_capital = isupper((unsigned char)*at) != 0;
        if (is_capital && !after_capital) {
            *end++ = '_';
        }
        *end++ = (char)tolower((unsigned char)*at);
        after_capital = is_capital;
    }
    return snake;
}

/* protoc-c's rule: the first letter and every letter after an underscore become capitals. */
static const char *camel(struct memory *memory, const char *name)
{
    char *result = memory_alloc(memory, strlen(name) + 1);
    char *end = result;
    bool next_is_capital = true;
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '_') {
            next_is_capital = true;
            continue;
        }
        *end++ = next_is_capital ? (char)toupper((unsigned char)*at) : *at;
        next_is_capital = false;
    }
    return result;
}

/* Converts each piece of the dotted names in turn and joins them all. */
static const char *join(struct memory *memory, const char *package, const char *path,
                        const char *(*convert)(struct memory *, const char *),
                        const char *separator)
{
    const char *c_package = name_c_package(memory, package);
    char *rest = c_package[0] == '\0' ? memory_copy_text(memory, path, strlen(path))
                                      : memory_printf(memory, "%s.%s", c_package, path);
    const char *joined = "";
    char *state = NULL;
    for (char *piece = strtok_r(rest, ".", &state); piece != NULL;
         piece = strtok_r(NULL, ".", &state)) {
        const char *between = joined[0] == '\0' ? "" : separator;
        joined = memory_printf(memory, "%s%s%s", joined, between, convert(memory, piece));
    }
    return joined;
}

const char *name_c_type(struct memory *memory, const char *package, const char *path)
{
    return join(memory, package, path, camel, "__");
}

const char *name_c_lower(struct memory *memory, const char *package, const char *path)
{
    return join(memory, package, path, name_snake, "__");
}

const char *name_symbol(struct memory *memory, const char *package, const char *path)
{
    return join(memory, package, path, name_snake, "_");
}

const char *name_enum_short(struct memory *memory, const char *enumeration, const char *value)
{
    const char *prefix = memory_printf(memory, "%s_", name_snake(memory, enumeration));
    char *lowered = memory_copy_text(memory, value, strlen(value));
    for (char *at = lowered; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    const size_t prefix_length = strlen(prefix);
    const bool has_prefix = strncmp(lowered, prefix, prefix_length) == 0;
    return has_prefix && lowered[prefix_length] != '\0' ? lowered + prefix_length : lowered;
}
