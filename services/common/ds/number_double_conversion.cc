#include "ds/number_double_conversion.h"

#include <double-conversion/double-conversion.h>

using double_conversion::DoubleToStringConverter;
using double_conversion::StringBuilder;
using double_conversion::StringToDoubleConverter;

/* The library counts lengths in int; payloads are bounded far below that. */
static const size_t text_bytes_max = 1U << 30;
static const int format_bytes_max = 32;

static size_t finish(StringBuilder &builder)
{
    const size_t length = static_cast<size_t>(builder.position());
    /* The builder writes a terminator when it goes; it fits because no number takes 32 bytes. */
    builder.Finalize();
    return length;
}

size_t ds_double_conversion_format(double value, char *target)
{
    StringBuilder builder(target, format_bytes_max);
    DoubleToStringConverter::EcmaScriptConverter().ToShortest(value, &builder);
    return finish(builder);
}

size_t ds_double_conversion_format_float(float value, char *target)
{
    StringBuilder builder(target, format_bytes_max);
    DoubleToStringConverter::EcmaScriptConverter().ToShortestSingle(value, &builder);
    return finish(builder);
}

static const StringToDoubleConverter &parser()
{
    static const StringToDoubleConverter converter(StringToDoubleConverter::NO_FLAGS, 0.0, 0.0,
                                                   nullptr, nullptr);
    return converter;
}

double ds_double_conversion_parse(const char *text, size_t size)
{
    int used = 0;
    const size_t bounded = size < text_bytes_max ? size : text_bytes_max;
    return parser().StringToDouble(text, static_cast<int>(bounded), &used);
}

float ds_double_conversion_parse_float(const char *text, size_t size)
{
    int used = 0;
    const size_t bounded = size < text_bytes_max ? size : text_bytes_max;
    return parser().StringToFloat(text, static_cast<int>(bounded), &used);
}
