#include "storage/core/chain_summary.h"

#include "storage/core/chain.h"
#include "storage/core/row_reader.h"

static void field_take(struct chain_summary *summary, const struct row_field *field)
{
    switch (field->number) {
    case CHAIN_FIELD_EXPIRY:
        summary->expiry = field->type == DS_WIRE_BYTES ? field->bytes : summary->expiry;
        break;
    case CHAIN_FIELD_SPOT_PRICE:
        summary->has_spot_price = row_field_double(field, &summary->spot_price);
        break;
    case CHAIN_FIELD_PCR_OI:
        (void)row_field_double(field, &summary->pcr_oi);
        break;
    case CHAIN_FIELD_PCR_VOLUME:
        (void)row_field_double(field, &summary->pcr_volume);
        break;
    case CHAIN_FIELD_MAX_PAIN_STRIKE:
        summary->has_max_pain_strike = row_field_double(field, &summary->max_pain_strike);
        break;
    case CHAIN_FIELD_TOTAL_CALL_OI:
        (void)row_field_integer(field, &summary->total_call_oi);
        break;
    case CHAIN_FIELD_TOTAL_PUT_OI:
        (void)row_field_integer(field, &summary->total_put_oi);
        break;
    default:
        break;
    }
}

bool chain_summary_read(struct ds_bytes value, struct chain_summary *ret_summary)
{
    struct ds_wire_reader reader = ds_wire_reader_of(value);
    struct chain_summary summary = {.has_spot_price = false};
    struct row_field field;
    while (row_field_next(&reader, &field)) {
        field_take(&summary, &field);
    }
    *ret_summary = summary;
    return ds_wire_at_end(&reader);
}
