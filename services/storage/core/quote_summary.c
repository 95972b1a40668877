#include "storage/core/quote_summary.h"

#include "storage/core/quote.h"
#include "storage/core/row_reader.h"

static void field_take(struct quote_summary *summary, const struct row_field *field)
{
    int64_t number;
    switch (field->number) {
    case QUOTE_FIELD_STRIKE:
        summary->has_strike = row_field_double(field, &summary->strike);
        break;
    case QUOTE_FIELD_EXPIRY:
        summary->expiry = field->type == DS_WIRE_BYTES ? field->bytes : summary->expiry;
        break;
    case QUOTE_FIELD_OPTION_TYPE:
        summary->option_type = row_field_integer(field, &number)
                                   ? (Storage__OptionType)number
                                   : STORAGE__OPTION_TYPE__OPTION_TYPE_UNSPECIFIED;
        break;
    case QUOTE_FIELD_OPEN_INTEREST:
        (void)row_field_integer(field, &summary->open_interest);
        break;
    case QUOTE_FIELD_IV:
        summary->has_iv = row_field_double(field, &summary->iv);
        break;
    default:
        break;
    }
}

bool quote_summary_read(struct ds_bytes value, struct quote_summary *ret_summary)
{
    struct ds_wire_reader reader = ds_wire_reader_of(value);
    struct quote_summary summary = {.option_type = STORAGE__OPTION_TYPE__OPTION_TYPE_UNSPECIFIED};
    struct row_field field;
    while (row_field_next(&reader, &field)) {
        field_take(&summary, &field);
    }
    *ret_summary = summary;
    return ds_wire_at_end(&reader);
}
