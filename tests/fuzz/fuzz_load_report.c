/*
 * A saved run of deltastream-load, as a person hands it over. Whatever is read can be told in every
 * form and be compared, and its JSON reads back as the same.
 */
#include "clients/load/compare.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

struct text {
    char *data;
    size_t size;
};

static struct text text_of(const struct load_result *result,
                           void (*write)(const struct load_result *result, FILE *stream))
{
    struct text text = {0};
    FILE *stream = open_memstream(&text.data, &text.size);
    fuzz_require(stream != NULL, "a stream opens");
    write(result, stream);
    fclose(stream);
    return text;
}

static void write_rest(const struct load_result *result, FILE *stream)
{
    const struct load_report_style style = {.width = 80};
    struct load_comparison *comparison = load_comparison_create(result, result);
    fuzz_require(!comparison->has_worse && !comparison->has_better, "a run is as good as itself");
    load_report_html(result, stream);
    load_report_csv(result, stream);
    load_report_hgrm(&result->total, stream);
    load_report_summary(result, &style, stream);
    load_comparison_html(comparison, stream);
    load_comparison_json(comparison, stream);
    load_comparison_summary(comparison, &style, stream);
    load_comparison_destroy(comparison);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct load_saved *saved = NULL;
    struct load_saved *again = NULL;
    char reason[LOAD_REPORT_REASON_BYTES_MAX] = "";
    if (load_saved_read(ds_bytes_of(data, size), &saved, reason) != DS_OK) {
        fuzz_require(reason[0] != '\0', "a refusal says why");
        return 0;
    }
    struct text first = text_of(load_saved_result(saved), load_report_json);
    fuzz_require(load_saved_read(ds_bytes_of(first.data, first.size), &again, reason) == DS_OK,
                 "what is written is read");
    struct text second = text_of(load_saved_result(again), load_report_json);
    fuzz_require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0,
                 "what is read is written the same");
    struct text rest = text_of(load_saved_result(saved), write_rest);
    free(first.data);
    free(second.data);
    free(rest.data);
    load_saved_close(saved);
    load_saved_close(again);
    return 0;
}
