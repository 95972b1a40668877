#include "clients/load/report_values.h"

#define WARNING_BYTES_MAX 512
/* Then ten of them lie above the p99. */
#define SAMPLES_OF_P99_MIN 1000

typedef void warn(void *context, const char *text);

static void warn_of_end(const struct load_result *result, warn *tell, void *context)
{
    switch (result->end) {
    case LOAD_END_INTERRUPTED:
        tell(context, "The run was interrupted: the figures are those of its part.");
        break;
    case LOAD_END_ABORTED:
        tell(context, "The run was ended early because an objective was missed for good.");
        break;
    case LOAD_END_DONE:
        break;
    }
}

static void warn_of_client(const struct load_result *result, warn *tell, void *context)
{
    char text[WARNING_BYTES_MAX];
    if (result->is_client_bound) {
        snprintf(text, sizeof(text),
                 "The figures are the client's and not the server's: %s. Give it more threads or "
                 "another machine.",
                 result->client_bound_why);
        tell(context, text);
    }
}

static void warn_of_unsent(const struct load_result *result, warn *tell, void *context)
{
    char text[WARNING_BYTES_MAX];
    char count[REPORT_TEXT_BYTES_MAX];
    char share[REPORT_TEXT_BYTES_MAX];
    const struct load_operation_result *total = &result->total;
    if (total->unsent > 0) {
        snprintf(text, sizeof(text),
                 "%s planned calls (%s) were never sent because too many were under way, or the "
                 "run was over: the latencies of the others say too little.",
                 report_whole_text(total->unsent, count),
                 report_share_text((double)total->unsent / (double)total->planned, share));
        tell(context, text);
    }
}

static void warn_of_few(const struct load_result *result, warn *tell, void *context)
{
    char text[WARNING_BYTES_MAX];
    size_t few_count = 0;
    const struct load_operation_result *least = NULL;
    for (size_t i = 0; i < result->plan->operation_count; i++) {
        const struct load_operation_result *operation = &result->operations[i];
        if (operation->ok < SAMPLES_OF_P99_MIN) {
            few_count++;
            least = least == NULL || operation->ok < least->ok ? operation : least;
        }
    }
    if (least == NULL) {
        return;
    }
    /* One line, however many: a short run of a scenario has nothing but such operations. */
    snprintf(text, sizeof(text),
             "%zu of %zu operations were answered fewer than %d times, which leaves their p99 to "
             "chance: %.128s only %llu times.",
             few_count, result->plan->operation_count, SAMPLES_OF_P99_MIN, least->name,
             (unsigned long long)least->ok);
    tell(context, text);
}

static void warn_of_ended_servers(const struct load_result *result, warn *tell, void *context)
{
    char text[WARNING_BYTES_MAX];
    for (size_t i = 0; i < result->plan->watched_count; i++) {
        if (result->watched[i].has_ended) {
            snprintf(text, sizeof(text), "The watched server %.128s ended before the run did.",
                     result->watched[i].name);
            tell(context, text);
        }
    }
}

void report_warnings(const struct load_result *result, warn *tell, void *context)
{
    warn_of_end(result, tell, context);
    warn_of_client(result, tell, context);
    warn_of_unsent(result, tell, context);
    warn_of_few(result, tell, context);
    warn_of_ended_servers(result, tell, context);
}

static void note_warning(void *context, const char *text)
{
    (void)text;
    *(bool *)context = true;
}

bool report_has_warnings(const struct load_result *result)
{
    bool has_any = false;
    report_warnings(result, note_warning, &has_any);
    return has_any;
}
