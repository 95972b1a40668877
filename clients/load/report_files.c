#include "clients/load/report.h"
#include "clients/load/report_file.h"

struct source {
    const struct load_result *result;
    const struct load_operation_result *operation;
};

static void write_json(const void *context, FILE *stream)
{
    load_report_json(((const struct source *)context)->result, stream);
}

static void write_csv(const void *context, FILE *stream)
{
    load_report_csv(((const struct source *)context)->result, stream);
}

static void write_hgrm(const void *context, FILE *stream)
{
    load_report_hgrm(((const struct source *)context)->operation, stream);
}

static void write_html(const void *context, FILE *stream)
{
    load_report_html(((const struct source *)context)->result, stream);
}

static ds_code find_operation(const struct load_result *result, const char *name,
                              struct source *ret_source,
                              char ret_reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    const struct load_operation_result *operation = load_report_operation(result, name);
    if (operation == NULL) {
        size_t size = (size_t)snprintf(ret_reason, LOAD_REPORT_REASON_BYTES_MAX,
                                       "the run has no operation %.128s; it has", name);
        for (size_t i = 0; i < result->plan->operation_count && size < 400; i++) {
            size += (size_t)snprintf(ret_reason + size, LOAD_REPORT_REASON_BYTES_MAX - size,
                                     "%s %.64s", i == 0 ? "" : ",", result->operations[i].name);
        }
        return DS_NOT_FOUND;
    }
    *ret_source = (struct source){.result = result, .operation = operation};
    return DS_OK;
}

ds_code load_report_files_write(const struct load_report_files *files,
                                const struct load_result *result,
                                char ret_reason[LOAD_REPORT_REASON_BYTES_MAX])
{
    struct source source;
    DS_TRY(find_operation(result, files->operation, &source, ret_reason));
    const struct {
        const char *path;
        void (*write)(const void *context, FILE *stream);
    } wanted[] = {{files->json, write_json},
                  {files->csv, write_csv},
                  {files->hgrm, write_hgrm},
                  {files->html, write_html}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (wanted[i].path != NULL) {
            DS_TRY(report_file_write(wanted[i].path, wanted[i].write, &source, ret_reason));
        }
    }
    return DS_OK;
}
