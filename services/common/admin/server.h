/*
 * An HTTP listener for a program's operator: pages by a table, on a thread of its own, so that it
 * answers whatever the program is busy with. Loopback only, GET and HEAD only; whoever may log in
 * on the machine may look.
 */
#ifndef ADMIN_SERVER_H
#define ADMIN_SERVER_H

#include "ds/buffer.h"
#include "ds/code.h"

#define DS_ADMIN_ADDRESS_BYTES_MAX 256
#define DS_ADMIN_PAGES_MAX 24
#define DS_ADMIN_PAGE_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct ds_admin_page {
    const char *path;         /* "/metrics" */
    const char *content_type; /* "application/json" */
    const char *summary;      /* what it shows, for the list of pages */
    /*
     * Appends the page and returns its HTTP status. Called on threads that serve pages only, a few
     * at a time, until ds_admin_stop(); it may wait for a second or two.
     */
    unsigned int (*write)(void *context, struct ds_buffer *body);
    void *context;
};

struct ds_admin_options {
    const char *address;               /* HOST:PORT; port 0 picks one */
    const struct ds_admin_page *pages; /* copied; their texts and contexts outlive the listener */
    size_t page_count;                 /* fewer than DS_ADMIN_PAGES_MAX */
};

struct ds_admin;

/* What is wrong with an address for an admin listener; NULL where it is usable. */
const char *ds_admin_address_refusal(const char *address);

/* Why ds_admin_start() failed, for a person. */
const char *ds_admin_failure(ds_code code);

/*
 * Opens the listener and serves the pages, and at / a list of them. The address in use goes to
 * ret_address. DS_INVALID_ARGUMENT: an address that ds_admin_address_refusal() refuses; the other
 * codes are those of http_server_listen().
 */
DS_MUST_USE ds_code ds_admin_start(const struct ds_admin_options *options,
                                   struct ds_admin **ret_admin,
                                   char ret_address[DS_ADMIN_ADDRESS_BYTES_MAX]);

/* Closes the connections and waits for pages that are being written. Takes NULL. */
void ds_admin_stop(struct ds_admin *admin);

#endif
