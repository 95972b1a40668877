#include "storage/core/product.h"

#include "storage/store/market_store.h"

#define TEXT_OF(number) #number
#define TEXT_OF_VALUE(number) TEXT_OF(number)

/* U+0000 to U+001F, U+007F, and U+0080 to U+009F as UTF-8 writes them. */
static bool is_control(const unsigned char *text)
{
    return text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
}

const char *product_fault(const char *product)
{
    const unsigned char *text = (const unsigned char *)product;
    if (text[0] == '\0') {
        return "product must not be empty";
    }
    size_t size = 0;
    for (; text[size] != '\0'; size++) {
        if (size == MARKET_PRODUCT_BYTES_MAX) {
            return "product must have at most " TEXT_OF_VALUE(MARKET_PRODUCT_BYTES_MAX) " bytes";
        }
        if (is_control(text + size)) {
            return "product must not have control characters";
        }
        if (text[size] == '/') {
            return "product must not have a '/'";
        }
    }
    return NULL;
}
