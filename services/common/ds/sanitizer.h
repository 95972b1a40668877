/* Whether the build has AddressSanitizer, and its marks on memory. Private to ds_common. */
#ifndef DS_SANITIZER_H
#define DS_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define DS_HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DS_HAS_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef DS_HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define DS_HAS_ADDRESS_SANITIZER 0
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#endif
