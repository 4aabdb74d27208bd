#include "backend/base/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MS_PER_S UINT64_C(1000)
#define S_PER_DAY UINT64_C(86400)
#define MS_PER_DAY (S_PER_DAY * MS_PER_S)
#define FRACTION_DIGITS_MAX 9

/* The calendar is counted from 0000-03-01, so that a leap day ends its year;
 * 400 years are always 146097 days. */
#define DAYS_PER_ERA 146097U
#define DAYS_BEFORE_1970 719468U

struct unit {
    const char *name;
    uint64_t factor;
};

struct civil {
    uint32_t year;  /* 0 to 9999 */
    uint32_t month; /* 1 to 12 */
    uint32_t day;   /* 1 to 31 */
};

static struct civil civil_of_days(uint32_t since_1970)
{
    uint32_t days = since_1970 + DAYS_BEFORE_1970;
    uint32_t era = days / DAYS_PER_ERA;
    uint32_t of_era = days % DAYS_PER_ERA;
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (year * 365 + year / 4 - year / 100);
    uint32_t march_month = (of_year * 5 + 2) / 153; /* 0 is March */
    struct civil date = {
        .year = era * 400 + year + (march_month >= 10 ? 1 : 0),
        .month = march_month < 10 ? march_month + 3 : march_month - 9,
        .day = of_year - (march_month * 153 + 2) / 5 + 1,
    };

    return date;
}

/* Negative before 1970. The date must be one of the calendar. */
static int64_t days_of_civil(const struct civil *date)
{
    uint32_t year = date->month > 2 ? date->year + 400 : date->year + 399; /* an era more: no negative year */
    uint32_t march_month = date->month > 2 ? date->month - 3 : date->month + 9;
    uint32_t of_year = (march_month * 153 + 2) / 5 + date->day - 1;
    uint32_t days = year * 365 + year / 4 - year / 100 + year / 400 + of_year;

    return (int64_t)days - DAYS_PER_ERA - DAYS_BEFORE_1970;
}

static bool is_date(const struct civil *date)
{
    static const uint8_t month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);

    if (date->month < 1 || date->month > 12 || date->day < 1)
        return false;
    return date->day <= month_days[date->month - 1] && (date->month != 2 || date->day < 29 || leap);
}

static char *put(char *to, size_t width, uint32_t value, char after)
{
    for (size_t i = width; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    to[width] = after;
    return to + width + 1;
}

int kfs_time_print(uint64_t ms, char text[KFS_TIME_DIGITS + 1])
{
    if (ms > KFS_TIME_MAX_MS)
        return -EINVAL;

    struct civil date = civil_of_days((uint32_t)(ms / MS_PER_DAY));
    uint32_t of_day = (uint32_t)(ms % MS_PER_DAY);
    char *to = put(text, 4, date.year, '-');
    to = put(to, 2, date.month, '-');
    to = put(to, 2, date.day, 'T');
    to = put(to, 2, of_day / 3600000, ':');
    to = put(to, 2, of_day / 60000 % 60, ':');
    to = put(to, 2, of_day / 1000 % 60, '.');
    to = put(to, 3, of_day % 1000, 'Z');
    *to = '\0';
    return KFS_TIME_DIGITS;
}

/* Reads exactly `width` digits and moves *text behind them. A NUL is no digit, so it is not passed. */
static bool take(const char **text, int width, uint32_t *value)
{
    uint32_t sum = 0;

    for (int i = 0; i < width; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        sum = sum * 10 + (uint32_t)(c - '0');
    }
    *text += width;
    *value = sum;
    return true;
}

static bool take_one_of(const char **text, const char *set)
{
    if (**text == '\0' || strchr(set, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

static bool take_fraction(const char **text, uint32_t *ms)
{
    uint32_t scale = 100;
    uint32_t sum = 0;
    uint32_t digit;
    int digits = 0;

    *ms = 0;
    if (!take_one_of(text, "."))
        return true;
    for (; take(text, 1, &digit); digits++) {
        sum += digit * scale;
        scale /= 10;
    }
    *ms = sum;
    return digits >= 1 && digits <= FRACTION_DIGITS_MAX;
}

/* Minutes that the local time is ahead of UTC. */
static bool take_offset(const char **text, int32_t *minutes)
{
    bool west = **text == '-';
    uint32_t hour;
    uint32_t minute;

    *minutes = 0;
    if (take_one_of(text, "Zz"))
        return true;
    if (!take_one_of(text, "+-") || !take(text, 2, &hour) || !take_one_of(text, ":") || !take(text, 2, &minute))
        return false;
    *minutes = (int32_t)(hour * 60 + minute) * (west ? -1 : 1);
    return hour <= 23 && minute <= 59;
}

/* A date-time in its parts. */
struct instant {
    struct civil date;
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    uint32_t fraction; /* ms */
    int32_t ahead;     /* of UTC, minutes */
};

static bool take_date(const char **text, struct civil *date)
{
    return take(text, 4, &date->year) && take_one_of(text, "-") && take(text, 2, &date->month) &&
           take_one_of(text, "-") && take(text, 2, &date->day) && is_date(date);
}

static bool take_time(const char **text, struct instant *t)
{
    return take(text, 2, &t->hour) && take_one_of(text, ":") && take(text, 2, &t->minute) && take_one_of(text, ":") &&
           take(text, 2, &t->second) && t->hour <= 23 && t->minute <= 59 && t->second <= 60;
}

int kfs_time_parse(const char *text, uint64_t *ms)
{
    struct instant t;

    if (!take_date(&text, &t.date) || !take_one_of(&text, "Tt ") || !take_time(&text, &t) ||
        !take_fraction(&text, &t.fraction) || !take_offset(&text, &t.ahead) || *text != '\0')
        return -EINVAL;

    int64_t minutes = (days_of_civil(&t.date) * 24 + t.hour) * 60 + t.minute - t.ahead;
    int64_t seconds = minutes * 60 + t.second;
    /* A leap second is the last one of a day in UTC. */
    if (seconds < 0 || (t.second == 60 && seconds % (int64_t)S_PER_DAY != 0))
        return -EINVAL;
    uint64_t result = (uint64_t)seconds * MS_PER_S + t.fraction;
    if (result > KFS_TIME_MAX_MS)
        return -EINVAL;
    *ms = result;
    return 0;
}

/* Digits, then the name of one of n units. */
static int parse_scaled(const char *text, const struct unit *units, size_t n, uint64_t *value)
{
    uint64_t sum = 0;
    const char *p = text;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(sum, UINT64_C(10), &sum) || __builtin_add_overflow(sum, (uint64_t)(*p - '0'), &sum))
            return -EINVAL;
    }
    if (p == text)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(p, units[i].name) == 0)
            return __builtin_mul_overflow(sum, units[i].factor, value) ? -EINVAL : 0;
    }
    return -EINVAL;
}

int kfs_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *bytes)
{
    static const struct unit units[] = {
        {"", 1},
        {"K", UINT64_C(1) << 10},
        {"k", UINT64_C(1) << 10},
        {"M", UINT64_C(1) << 20},
        {"m", UINT64_C(1) << 20},
        {"G", UINT64_C(1) << 30},
        {"g", UINT64_C(1) << 30},
        {"T", UINT64_C(1) << 40},
        {"t", UINT64_C(1) << 40},
    };
    uint64_t value;
    int rc = parse_scaled(text, units, sizeof units / sizeof units[0], &value);

    if (rc != 0)
        return rc;
    if (value < min || value > max)
        return -EINVAL;
    *bytes = value;
    return 0;
}

int kfs_parse_duration_ms(const char *text, uint64_t min, uint64_t max, uint64_t *ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", MS_PER_S}, {"m", 60 * MS_PER_S}, {"h", 3600 * MS_PER_S}, {"d", MS_PER_DAY},
    };
    uint64_t value = 0;
    int rc = strcmp(text, "0") == 0 ? 0 : parse_scaled(text, units, sizeof units / sizeof units[0], &value);

    if (rc != 0)
        return rc;
    if (value < min || value > max)
        return -EINVAL;
    *ms = value;
    return 0;
}
