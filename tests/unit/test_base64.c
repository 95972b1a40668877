#include "ds/base64.h"
#include "support/test.h"

static void encoded(const char *bytes, const char *standard, const char *url)
{
    char text[64];
    const struct ds_bytes content = ds_bytes_of_text(bytes);
    memset(text, '#', sizeof text);
    ds_base64_encode(content, text);
    assert_int_equal(ds_base64_text_size(content.size), strlen(standard));
    assert_memory_equal(text, standard, strlen(standard));
    assert_int_equal(text[strlen(standard)], '#');
    memset(text, '#', sizeof text);
    assert_int_equal(ds_base64_url_encode(content, text), strlen(url));
    assert_memory_equal(text, url, strlen(url));
    assert_int_equal(text[strlen(url)], '#');
}

/* RFC 4648, section 10, and the two digits in which the alphabets differ. */
static void the_examples_of_the_rfc_come_out(void **state)
{
    (void)state;
    encoded("", "", "");
    encoded("f", "Zg==", "Zg");
    encoded("fo", "Zm8=", "Zm8");
    encoded("foo", "Zm9v", "Zm9v");
    encoded("foob", "Zm9vYg==", "Zm9vYg");
    encoded("fooba", "Zm9vYmE=", "Zm9vYmE");
    encoded("foobar", "Zm9vYmFy", "Zm9vYmFy");
    encoded("\xfb\xff\xfe", "+//+", "-__-");
}

static void both_alphabets_read_back(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0xfb, 0xff, 0xfe, 0x00, 0x3f};
    for (size_t size = 0; size <= sizeof bytes; size++) {
        char text[16];
        uint8_t target[16];
        size_t read = 99;
        const struct ds_bytes content = ds_bytes_of(bytes, size);
        const size_t url_size = ds_base64_url_encode(content, text);
        assert_true(ds_base64_decode(ds_bytes_of(text, url_size), target, &read));
        assert_int_equal(read, size);
        assert_memory_equal(target, bytes, size);
        ds_base64_encode(content, text);
        assert_true(ds_base64_decode(ds_bytes_of(text, ds_base64_text_size(size)), target, &read));
        assert_int_equal(read, size);
        assert_memory_equal(target, bytes, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_come_out),
        cmocka_unit_test(both_alphabets_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
