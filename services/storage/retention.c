#include "storage/retention.h"

#include "ds/exit_code.h"

/* Rules while they are read. */
struct reading {
    struct ds_config *config;
    const void *options;
    struct retention_rule *rules; /* room for all of them */
    size_t count;
};

/* How many rules the text has: those of one variable of the environment stand with commas. */
static size_t count_rules(const char *text)
{
    size_t count = 1;
    for (const char *comma = strchr(text, ','); comma != NULL; comma = strchr(comma + 1, ',')) {
        count++;
    }
    return count;
}

static int read_rule(struct reading *reading, const char *text)
{
    const char *fault = retention_rule_parse(text, &reading->rules[reading->count]);
    if (fault != NULL) {
        return ds_config_refuse(reading->config, reading->options, "retain", "\"%s\": %s", text,
                                fault);
    }
    reading->count++;
    if (retention_rules_repeated(reading->rules, reading->count) < reading->count) {
        return ds_config_refuse(reading->config, reading->options, "retain",
                                "\"%s\": one before it has the same kind and product; name each "
                                "once",
                                text);
    }
    return DS_EXIT_OK;
}

static int read_rules(struct reading *reading, const char *text)
{
    int exit_code = DS_EXIT_OK;
    while (text != NULL && exit_code == DS_EXIT_OK) {
        const size_t bytes = strcspn(text, ",");
        exit_code =
            read_rule(reading, ds_arena_copy_text(ds_config_arena(reading->config), text, bytes));
        text = text[bytes] == ',' ? text + bytes + 1 : NULL;
    }
    return exit_code;
}

int storage_retention_complete(struct ds_config *config, const void *options,
                               const struct storage_retention_settings *settings,
                               struct storage_retention *ret_retention)
{
    const struct ds_text_list *texts = &settings->retain;
    size_t count = 0;
    for (size_t i = 0; i < texts->count; i++) {
        count += count_rules(texts->items[i]);
    }
    if (count > RETENTION_RULES_MAX) {
        return ds_config_refuse(config, options, "retain", "at most %d rules", RETENTION_RULES_MAX);
    }
    struct reading reading = {.config = config, .options = options};
    reading.rules = ds_arena_alloc(ds_config_arena(config), count * sizeof(reading.rules[0]));
    for (size_t i = 0; i < texts->count; i++) {
        const int exit_code = read_rules(&reading, texts->items[i]);
        if (exit_code != DS_EXIT_OK) {
            return exit_code;
        }
    }
    *ret_retention = (struct storage_retention){
        .rules = reading.rules, .rule_count = count, .interval_us = settings->interval_ms * 1000};
    return DS_EXIT_OK;
}
