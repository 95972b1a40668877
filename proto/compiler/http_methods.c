#include "routes.h"

#include <string.h>

static const char *const names[HTTP_METHOD_COUNT] = {
    [HTTP_METHOD_GET] = "GET",     [HTTP_METHOD_POST] = "POST",     [HTTP_METHOD_PUT] = "PUT",
    [HTTP_METHOD_PATCH] = "PATCH", [HTTP_METHOD_DELETE] = "DELETE",
};

const char *http_method_name(enum http_method method)
{
    return names[method];
}

enum http_method http_method_find(const char *name)
{
    for (unsigned int i = 0; i < HTTP_METHOD_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum http_method)i;
        }
    }
    return HTTP_METHOD_OTHER;
}
