#include "tests/support/hex.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t hex_decode(const char *hex, void *bytes)
{
    uint8_t *to = bytes;
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        to[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}
