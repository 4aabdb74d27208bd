#include "fs/service_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/units.h"

#define WORD_MAX 32
#define DIGITS_MAX 10
#define SLOW_MAX_MS 3600000

static bool is_numeric(const char *address)
{
    struct in6_addr parsed; /* room for either */

    return inet_pton(AF_INET, address, &parsed) == 1 || inet_pton(AF_INET6, address, &parsed) == 1;
}

int kfs_listen_parse(const char *text, char address[KFS_ADDRESS_MAX], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    char copy[KFS_ADDRESS_MAX];

    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) > 5 ||
        colon[1 + strspn(colon + 1, "0123456789")] != '\0')
        return -EINVAL;
    unsigned long number = strtoul(colon + 1, NULL, 10);
    size_t len = (size_t)(colon - text);
    bool bracketed = len >= 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed) {
        text++;
        len -= 2;
    }
    if (number > UINT16_MAX || len >= sizeof copy)
        return -EINVAL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (!is_numeric(copy) || bracketed != (strchr(copy, ':') != NULL))
        return -EINVAL;
    memcpy(address, copy, len + 1);
    *port = (uint16_t)number;
    return 0;
}

bool kfs_listen_valid(const char *text)
{
    char address[KFS_ADDRESS_MAX];
    uint16_t port;

    return kfs_listen_parse(text, address, &port) == 0;
}

bool kfs_address_is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* 0, 1, or 0 and a fraction; no locale. */
static int parse_probability(const char *text, double *value)
{
    size_t digits;
    double scale = 1;
    double sum = 0;

    if (strcmp(text, "1") == 0 || strcmp(text, "0") == 0) {
        *value = text[0] - '0';
        return 0;
    }
    if (strncmp(text, "0.", 2) != 0)
        return -EINVAL;
    digits = strspn(text + 2, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX || text[2 + digits] != '\0')
        return -EINVAL;
    for (size_t i = 0; i < digits; i++) {
        scale /= 10;
        sum += (text[2 + i] - '0') * scale;
    }
    *value = sum;
    return 0;
}

static int parse_fault(const char *word, struct kfs_faults *faults)
{
    const char *value = strchr(word, ':');

    if (value == NULL)
        return -EINVAL;
    size_t len = (size_t)(value++ - word);
    if (len == 8 && strncmp(word, "throttle", len) == 0)
        return parse_probability(value, &faults->throttle);
    if (len == 5 && strncmp(word, "error", len) == 0)
        return parse_probability(value, &faults->error);
    if (len == 3 && strncmp(word, "cut", len) == 0)
        return parse_probability(value, &faults->cut);
    if (len == 4 && strncmp(word, "slow", len) == 0)
        return kfs_parse_duration_ms(value, 0, SLOW_MAX_MS, &faults->slow_ms);
    return -EINVAL;
}

int kfs_faults_parse(const char *text, struct kfs_faults *faults)
{
    struct kfs_faults parsed = {0};
    char word[WORD_MAX];

    for (;;) {
        size_t len = strcspn(text, ",");
        if (len >= sizeof word)
            return -EINVAL;
        memcpy(word, text, len);
        word[len] = '\0';
        if (parse_fault(word, &parsed) != 0)
            return -EINVAL;
        if (text[len] == '\0')
            break;
        text += len + 1;
    }
    *faults = parsed;
    return 0;
}

bool kfs_faults_valid(const char *text)
{
    struct kfs_faults faults;

    return kfs_faults_parse(text, &faults) == 0;
}
