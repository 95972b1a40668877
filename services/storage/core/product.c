#include "storage/core/product.h"

#define TEXT_OF(number) #number
#define TEXT_OF_VALUE(number) TEXT_OF(number)

struct name_faults {
    const char *empty;
    const char *too_long;
    const char *control;
    const char *slash;
};

#define NAME_FAULTS(field)                                                                         \
    {                                                                                              \
        .empty = field " must not be empty",                                                       \
        .too_long = field " must have at most " TEXT_OF_VALUE(MARKET_PRODUCT_BYTES_MAX) " bytes",  \
        .control = field " must not have control characters",                                      \
        .slash = field " must not have a '/'",                                                     \
    }

/* As UTF-8 writes them: U+0080 to U+009F have two bytes. */
static bool is_control(const unsigned char *text)
{
    return text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
}

static const char *name_fault(const char *name, const struct name_faults *faults)
{
    const unsigned char *text = (const unsigned char *)name;
    if (text[0] == '\0') {
        return faults->empty;
    }
    for (size_t size = 0; text[size] != '\0'; size++) {
        if (size == MARKET_PRODUCT_BYTES_MAX) {
            return faults->too_long;
        }
        if (is_control(text + size)) {
            return faults->control;
        }
        if (text[size] == '/') {
            return faults->slash;
        }
    }
    return NULL;
}

const char *product_fault(const char *product)
{
    static const struct name_faults faults = NAME_FAULTS("product");
    return name_fault(product, &faults);
}

const char *symbol_fault(const char *symbol)
{
    static const struct name_faults faults = NAME_FAULTS("symbol");
    return name_fault(symbol, &faults);
}

bool text_has_controls(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (is_control(at)) {
            return true;
        }
    }
    return false;
}
