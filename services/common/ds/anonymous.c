#include "ds/anonymous.h"

const char *const ds_anonymous_choices[] = {"none", "read", "write", NULL};

static const char *const permissions[] = {"market:read", "market:write"};

static const struct ds_principal reader = {
    .subject = "anonymous",
    .authentication_method = "none",
    .permissions = permissions,
    .permission_count = 1,
};

static const struct ds_principal writer = {
    .subject = "anonymous",
    .authentication_method = "none",
    .permissions = permissions,
    .permission_count = 2,
};

const struct ds_principal *ds_anonymous_principal(enum ds_anonymous anonymous)
{
    switch (anonymous) {
    case DS_ANONYMOUS_READ:
        return &reader;
    case DS_ANONYMOUS_WRITE:
        return &writer;
    default:
        return NULL;
    }
}

static ds_code take_for_reader(void *context, struct ds_call *call,
                               struct ds_principal *ret_principal)
{
    (void)context;
    (void)call;
    *ret_principal = reader;
    return DS_OK;
}

static ds_code take_for_writer(void *context, struct ds_call *call,
                               struct ds_principal *ret_principal)
{
    (void)context;
    (void)call;
    *ret_principal = writer;
    return DS_OK;
}

struct ds_authenticator ds_anonymous_authenticator(enum ds_anonymous anonymous)
{
    switch (anonymous) {
    case DS_ANONYMOUS_READ:
        return (struct ds_authenticator){.authenticate = take_for_reader};
    case DS_ANONYMOUS_WRITE:
        return (struct ds_authenticator){.authenticate = take_for_writer};
    default:
        return (struct ds_authenticator){.authenticate = NULL};
    }
}
