#include "clients/cli/method_find.h"

#include "ds/suggest.h"

#include <stdio.h>
#include <string.h>

typedef void (*method_fn)(void *context, const struct ds_method *method);

static void each_method(method_fn take, void *context)
{
    for (size_t i = 0; i < ds_service_count; i++) {
        for (size_t k = 0; k < ds_services[i]->method_count; k++) {
            take(context, &ds_services[i]->methods[k]);
        }
    }
}

struct search {
    const char *name;
    const struct ds_method *found;
    size_t count;
    struct ds_suggestion suggestion;
};

static void look_at(void *context, const struct ds_method *method)
{
    struct search *search = context;
    if (strcmp(method->name, search->name) == 0) {
        search->found = method;
        search->count++;
    }
    ds_suggest_offer(&search->suggestion, method->name);
}

static void print_method(void *context, const struct ds_method *method)
{
    (void)context;
    fprintf(stderr, "  %s\n", method->full_name);
}

static void print_namesake(void *context, const struct ds_method *method)
{
    const struct search *search = context;
    if (strcmp(method->name, search->name) == 0) {
        print_method(NULL, method);
    }
}

static struct search search_for(const char *name)
{
    const char *slash = strrchr(name, '/');
    struct search search = {.name = name};
    ds_suggest_begin(&search.suggestion, slash == NULL ? name : slash + 1);
    each_method(look_at, &search);
    return search;
}

const struct ds_method *method_find_quietly(const char *name, const char **ret_nearest)
{
    const struct ds_method *method = ds_method_find(name, strlen(name));
    if (method != NULL) {
        return method;
    }
    const struct search search = search_for(name);
    if (ret_nearest != NULL) {
        *ret_nearest = search.suggestion.best;
    }
    return search.count == 1 ? search.found : NULL;
}

const struct ds_method *method_find(const char *name)
{
    const struct ds_method *method = method_find_quietly(name, NULL);
    if (method != NULL) {
        return method;
    }
    struct search search = search_for(name);
    if (search.count > 1) {
        fprintf(stderr, "deltastream: there are several methods \"%s\":\n", name);
        each_method(print_namesake, &search);
    } else if (search.suggestion.best != NULL) {
        fprintf(stderr, "deltastream: there is no method \"%s\"; did you mean \"%s\"?\n", name,
                search.suggestion.best);
    } else {
        fprintf(stderr, "deltastream: there is no method \"%s\"; there are:\n", name);
        each_method(print_method, NULL);
    }
    return NULL;
}
