/* The admin pages that programs have in common. */
#ifndef ADMIN_PAGES_H
#define ADMIN_PAGES_H

#include "admin/server.h"
#include "admin/settings.h"
#include "ds/introspection.h"

/* What a program tells its operator of. Constant while the pages are served; what the functions
 * look at may be used by any thread. */
struct ds_admin_program {
    const char *name;             /* "deltastream-storaged" */
    const char *const *listeners; /* addresses in use */
    size_t listener_count;
    struct ds_rpc_server *server; /* NULL: the program serves no calls of its own */
    struct ds_admin_settings *settings;
    void (*write_metrics)(void *context, struct ds_buffer *text);
    bool (*is_ready)(void *context); /* may ask others and wait for them */
    bool (*is_draining)(void *context);
    void *context; /* of the three */
};

/* Fills the table for ds_admin_start() and returns its length; `program` outlives the listener. */
size_t ds_admin_pages(const struct ds_admin_program *program,
                      struct ds_admin_page ret_pages[DS_ADMIN_PAGES_MAX]);

#endif
