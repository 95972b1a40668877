/* What a caller without credentials may do: the setting --anonymous of every program. */
#ifndef DS_ANONYMOUS_H
#define DS_ANONYMOUS_H

#include "ds/rpc_server.h"

enum ds_anonymous {
    DS_ANONYMOUS_NONE = 0,
    DS_ANONYMOUS_READ = 1,
    DS_ANONYMOUS_WRITE = 2,
};

/* The names in the order of the numbers, NULL at the end. */
extern const char *const ds_anonymous_choices[];

/* Static storage; NULL for DS_ANONYMOUS_NONE. */
const struct ds_principal *ds_anonymous_principal(enum ds_anonymous anonymous);

/* An authenticator that takes everybody for anonymous; for DS_ANONYMOUS_NONE there is none. */
struct ds_authenticator ds_anonymous_authenticator(enum ds_anonymous anonymous);

#endif
