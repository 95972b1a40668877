#include "admin/daemon.h"

#include "ds/exit_code.h"

#include <stdio.h>
#include <stdlib.h>

struct ds_admin_daemon {
    struct ds_admin_daemon_options options;
    struct ds_admin *admin;
};

static bool is_wanted(const char *address)
{
    return address != NULL && address[0] != '\0';
}

int ds_admin_setting_check(const struct ds_config *config, const void *settings,
                           const char *address)
{
    const char *refusal = is_wanted(address) ? ds_admin_address_refusal(address) : NULL;
    return refusal == NULL ? DS_EXIT_OK
                           : ds_config_refuse(config, settings, "admin", "%s", refusal);
}

static struct ds_admin_daemon *create(const struct ds_admin_daemon_options *options)
{
    struct ds_admin_daemon *daemon = calloc(1, sizeof *daemon);
    if (daemon == NULL) {
        abort();
    }
    daemon->options = *options;
    daemon->options.program.settings = ds_admin_settings_create();
    ds_admin_daemon_update(daemon);
    return daemon;
}

static void destroy(struct ds_admin_daemon *daemon)
{
    ds_admin_settings_destroy(daemon->options.program.settings);
    free(daemon);
}

ds_code ds_admin_daemon_start(const struct ds_admin_daemon_options *options,
                              struct ds_admin_daemon **ret_daemon,
                              char ret_reason[DS_ADMIN_REASON_BYTES_MAX])
{
    if (!is_wanted(options->address)) {
        *ret_daemon = NULL;
        return DS_OK;
    }
    struct ds_admin_daemon *daemon = create(options);
    struct ds_admin_page pages[DS_ADMIN_PAGES_MAX];
    char address[DS_ADMIN_ADDRESS_BYTES_MAX];
    const struct ds_admin_options admin_options = {
        .address = options->address,
        .pages = pages,
        .page_count = ds_admin_pages(&daemon->options.program, pages)};
    const ds_code code = ds_admin_start(&admin_options, &daemon->admin, address);
    if (code != DS_OK) {
        (void)snprintf(ret_reason, DS_ADMIN_REASON_BYTES_MAX,
                       "can't serve the admin pages at %s: %s", options->address,
                       ds_admin_failure(code));
        destroy(daemon);
        return code;
    }
    printf("admin http://%s\n", address);
    *ret_daemon = daemon;
    return DS_OK;
}

void ds_admin_daemon_update(struct ds_admin_daemon *daemon)
{
    if (daemon != NULL) {
        ds_admin_settings_set(daemon->options.program.settings, daemon->options.config,
                              daemon->options.settings);
    }
}

void ds_admin_daemon_stop(struct ds_admin_daemon *daemon)
{
    if (daemon != NULL) {
        ds_admin_stop(daemon->admin);
        destroy(daemon);
    }
}
