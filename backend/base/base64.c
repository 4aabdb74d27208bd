#include "backend/base/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define PAD '='
#define ZERO 'A'

/* Both digits of each 12 bits: half the look-ups, and stores, of one digit at a time. */
#define ROW(d)                                                                                                         \
    d "A" d "B" d "C" d "D" d "E" d "F" d "G" d "H" d "I" d "J" d "K" d "L" d "M" d "N" d "O" d "P" d "Q" d "R" d      \
      "S" d "T" d "U" d "V" d "W" d "X" d "Y" d "Z" d "a" d "b" d "c" d "d" d "e" d "f" d "g" d "h" d "i" d "j" d      \
      "k" d "l" d "m" d "n" d "o" d "p" d "q" d "r" d "s" d "t" d "u" d "v" d "w" d "x" d "y" d "z" d "0" d "1" d      \
      "2" d "3" d "4" d "5" d "6" d "7" d "8" d "9" d "+" d "/"
static const char pairs[64][128] = {
    ROW("A"), ROW("B"), ROW("C"), ROW("D"), ROW("E"), ROW("F"), ROW("G"), ROW("H"), ROW("I"), ROW("J"), ROW("K"),
    ROW("L"), ROW("M"), ROW("N"), ROW("O"), ROW("P"), ROW("Q"), ROW("R"), ROW("S"), ROW("T"), ROW("U"), ROW("V"),
    ROW("W"), ROW("X"), ROW("Y"), ROW("Z"), ROW("a"), ROW("b"), ROW("c"), ROW("d"), ROW("e"), ROW("f"), ROW("g"),
    ROW("h"), ROW("i"), ROW("j"), ROW("k"), ROW("l"), ROW("m"), ROW("n"), ROW("o"), ROW("p"), ROW("q"), ROW("r"),
    ROW("s"), ROW("t"), ROW("u"), ROW("v"), ROW("w"), ROW("x"), ROW("y"), ROW("z"), ROW("0"), ROW("1"), ROW("2"),
    ROW("3"), ROW("4"), ROW("5"), ROW("6"), ROW("7"), ROW("8"), ROW("9"), ROW("+"), ROW("/")};

/* One more than the value of a digit, 0 for what is none. */
static const uint8_t values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

size_t kfs_base64_len(size_t len)
{
    return (len / 3 + (len % 3 != 0 ? 1 : 0)) * 4;
}

static void put_pair(char *text, uint32_t bits)
{
    memcpy(text, &pairs[bits >> 6][(size_t)(bits & 63) * 2], 2);
}

void kfs_base64_encode(const void *data, size_t len, char *text)
{
    const uint8_t *p = data;

    for (; len >= 3; len -= 3, p += 3, text += 4) {
        put_pair(text, (uint32_t)p[0] << 4 | p[1] >> 4);
        put_pair(text + 2, (uint32_t)(p[1] & 15) << 8 | p[2]);
    }
    if (len > 0) {
        put_pair(text, (uint32_t)p[0] << 4 | (len == 2 ? p[1] >> 4 : 0));
        put_pair(text + 2, len == 2 ? (uint32_t)(p[1] & 15) << 8 : 0);
        text[3] = PAD;
        if (len == 1)
            text[2] = PAD;
    }
}

/* The value of a digit; its upper bits are set where it is none. */
static uint32_t value_of(char c)
{
    return (uint32_t)values[(uint8_t)c] - 1;
}

/* The value of four digits; *bad gets upper bits where one is none. */
static uint32_t take_group(const char *text, uint32_t *bad)
{
    uint32_t a = value_of(text[0]);
    uint32_t b = value_of(text[1]);
    uint32_t c = value_of(text[2]);
    uint32_t d = value_of(text[3]);

    *bad |= (a | b | c | d) & ~63U;
    return a << 18 | b << 12 | c << 6 | d;
}

/* Four characters of which the last one or two are pads. */
static size_t take_last(const char *text, size_t pads, uint8_t *out, uint32_t *bad)
{
    const char filled[] = {text[0], text[1], pads == 2 ? ZERO : text[2], ZERO};
    uint32_t group = take_group(filled, bad);

    *bad |= group & (pads == 2 ? 0xffffU : 0xffU); /* bits that no byte holds */
    *out++ = (uint8_t)(group >> 16);
    if (pads == 1)
        *out = (uint8_t)(group >> 8);
    return 3 - pads;
}

ssize_t kfs_base64_decode(const char *text, size_t len, void *data)
{
    uint8_t *out = data;
    uint32_t bad = 0;
    size_t written = 0;

    if (len == 0 || len % 4 != 0)
        return len == 0 ? 0 : -EINVAL;

    size_t pads = text[len - 1] != PAD ? 0 : text[len - 2] != PAD ? 1 : 2;
    size_t whole = pads == 0 ? len : len - 4;
    for (size_t i = 0; i < whole; i += 4, written += 3) {
        uint32_t group = take_group(text + i, &bad);
        out[written] = (uint8_t)(group >> 16);
        out[written + 1] = (uint8_t)(group >> 8);
        out[written + 2] = (uint8_t)group;
    }
    if (pads > 0)
        written += take_last(text + whole, pads, out + written, &bad);
    return bad != 0 ? -EINVAL : (ssize_t)written;
}
