/* Bytes written in hex. */
#ifndef TESTS_SUPPORT_HEX_H
#define TESTS_SUPPORT_HEX_H

#include <stddef.h>

/* Writes strlen(hex) / 2 bytes, which may take the place of the text, and returns how many. */
size_t hex_decode(const char *hex, void *bytes);

#endif
