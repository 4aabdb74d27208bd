/* Three implementations of one function. The processor's instruction takes
 * three cycles but a new one can start each cycle, so a long input is cut into
 * three lanes that run side by side. A lane is joined to the one behind it by
 * moving its CRC over as many zero bytes as a lane is long; that is linear, so
 * a table per byte of the CRC does it. */
#include "backend/base/crc32c.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "backend/base/crc_table.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HAVE_HARDWARE 1
#define HARDWARE __attribute__((target("sse4.2")))
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define HAVE_HARDWARE 1
#define HARDWARE
#else
#define HAVE_HARDWARE 0
#endif

#define POLYNOMIAL 0x82f63b78U /* bits reflected */

/* Bytes per lane, a multiple of 8: long enough that joining costs little,
 * short enough that records of about 1 KiB have three. */
#define LANE ((size_t)336)

typedef uint32_t (*crc_fn)(uint32_t crc, const void *data, size_t len);

/* Filled under tables_once, read only after it. shift[k][b] moves byte k of a CRC
 * over LANE zero bytes. */
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;
static struct kfs_crc_table table;
#if HAVE_HARDWARE
static uint32_t shift[4][256];
#endif

#if HAVE_HARDWARE

static inline uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#endif

#if HAVE_HARDWARE

static void fill_shift(void)
{
    static const uint8_t zeros[LANE];

    for (unsigned k = 0; k < 4; k++) {
        for (uint32_t b = 0; b < 256; b++)
            shift[k][b] = kfs_crc_update(&table, b << 8 * k, zeros, sizeof zeros);
    }
}

#endif

static void fill_tables(void)
{
    kfs_crc_table_fill(&table, POLYNOMIAL);
#if HAVE_HARDWARE
    fill_shift();
#endif
}

uint32_t kfs_crc32c_portable(uint32_t crc, const void *data, size_t len)
{
    (void)pthread_once(&tables_once, fill_tables);
    return ~kfs_crc_update(&table, ~crc, data, len);
}

#if HAVE_HARDWARE

#if defined(__x86_64__)

static bool have_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

/* The instruction's own type is 64 bits wide; the upper half of it is zero. */
HARDWARE static inline uint64_t step8(uint64_t reg, const uint8_t *p)
{
    return _mm_crc32_u64(reg, kfs_load_le64(p));
}

HARDWARE static inline uint64_t step4(uint64_t reg, const uint8_t *p)
{
    return _mm_crc32_u32((uint32_t)reg, load_le32(p));
}

HARDWARE static inline uint64_t step1(uint64_t reg, uint8_t byte)
{
    return _mm_crc32_u8((uint32_t)reg, byte);
}

#else

static bool have_instruction(void)
{
    return true;
}

static inline uint64_t step8(uint64_t reg, const uint8_t *p)
{
    return __crc32cd((uint32_t)reg, kfs_load_le64(p));
}

static inline uint64_t step4(uint64_t reg, const uint8_t *p)
{
    return __crc32cw((uint32_t)reg, load_le32(p));
}

static inline uint64_t step1(uint64_t reg, uint8_t byte)
{
    return __crc32cb((uint32_t)reg, byte);
}

#endif

static inline uint64_t over_lane(uint64_t reg)
{
    return shift[0][reg & 0xff] ^ shift[1][reg >> 8 & 0xff] ^ shift[2][reg >> 16 & 0xff] ^ shift[3][reg >> 24];
}

/* Called through kfs_crc32c, thus after the tables were filled. */
HARDWARE static uint32_t crc_hardware(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t a = ~crc;

    while (len >= 3 * LANE) {
        uint64_t b = 0;
        uint64_t c = 0;
        for (size_t i = 0; i < LANE; i += 8) {
            a = step8(a, p + i);
            b = step8(b, p + i + LANE);
            c = step8(c, p + i + 2 * LANE);
        }
        a = over_lane(over_lane(a) ^ b) ^ c;
        p += 3 * LANE;
        len -= 3 * LANE;
    }
    for (; len >= 8; len -= 8, p += 8)
        a = step8(a, p);
    if (len >= 4) {
        a = step4(a, p);
        p += 4;
        len -= 4;
    }
    for (; len > 0; len--, p++)
        a = step1(a, *p);
    return ~(uint32_t)a;
}

static crc_fn best(void)
{
    return have_instruction() ? crc_hardware : kfs_crc32c_portable;
}

#else

static crc_fn best(void)
{
    return kfs_crc32c_portable;
}

#endif

static uint32_t choose(uint32_t crc, const void *data, size_t len);

/* Any thread may choose, all choose the same; the release store publishes the tables too. */
static _Atomic(crc_fn) chosen = choose;

static uint32_t choose(uint32_t crc, const void *data, size_t len)
{
    crc_fn fn = best();

    (void)pthread_once(&tables_once, fill_tables);
    atomic_store_explicit(&chosen, fn, memory_order_release);
    return fn(crc, data, len);
}

uint32_t kfs_crc32c(uint32_t crc, const void *data, size_t len)
{
    return atomic_load_explicit(&chosen, memory_order_acquire)(crc, data, len);
}
