#include "storage/core/symbol.h"

#include "ds/number.h"
#include "storage/core/expiry.h"

#include <math.h>
#include <string.h>

#define DATE_DIGITS 8
/* What comes before the strike, behind the product. */
#define MIDDLE_BYTES (DATE_DIGITS + 1)

static char type_letter(Storage__OptionType option_type)
{
    return option_type == STORAGE__OPTION_TYPE__CALL ? 'C' : 'P';
}

/* "20250125C" */
static void middle_of(const struct option_terms *terms, char ret_text[MIDDLE_BYTES + 1])
{
    size_t size = 0;
    for (const char *at = terms->expiry; *at != '\0' && size < DATE_DIGITS; at++) {
        if (*at != '-') {
            ret_text[size++] = *at;
        }
    }
    ret_text[size++] = type_letter(terms->option_type);
    ret_text[size] = '\0';
}

/* A date that there is and C or P. */
static bool is_middle(const char *text)
{
    if (strspn(text, "0123456789") != DATE_DIGITS ||
        (text[DATE_DIGITS] != 'C' && text[DATE_DIGITS] != 'P')) {
        return false;
    }
    const char expiry[EXPIRY_BYTES + 1] = {text[0], text[1], text[2], text[3], '-', text[4],
                                           text[5], '-',     text[6], text[7], '\0'};
    return expiry_fault(expiry) == NULL;
}

/* A number as the canonical form has it: without an exponent and without zeros in front, which
 * other forms pad theirs with. */
static bool read_strike(const char *text, double *ret_strike)
{
    return strspn(text, "0123456789.") == strlen(text) &&
           ds_double_parse(ds_bytes_of_text(text), ret_strike);
}

bool symbol_contradicts(const char *symbol, const struct option_terms *terms, double strike)
{
    const size_t product_bytes = strlen(terms->product);
    if (strncmp(symbol, terms->product, product_bytes) != 0) {
        return false;
    }
    const char *middle = symbol + product_bytes;
    char expected[MIDDLE_BYTES + 1];
    middle_of(terms, expected);
    const bool same = strncmp(middle, expected, MIDDLE_BYTES) == 0;
    double said_strike;
    if ((!same && !is_middle(middle)) || !read_strike(middle + MIDDLE_BYTES, &said_strike)) {
        return false;
    }
    return !same || (said_strike != strike && said_strike != trunc(strike));
}

const char *symbol_of(struct ds_arena *arena, const struct option_terms *terms, double strike)
{
    char middle[MIDDLE_BYTES + 1];
    char number[DS_DOUBLE_TEXT_MAX];
    middle_of(terms, middle);
    const size_t number_bytes = ds_double_format(strike, number);
    return ds_arena_printf(arena, "%s%s%.*s", terms->product, middle, (int)number_bytes, number);
}
