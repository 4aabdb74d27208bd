#include "backend/endpoint/token.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/base/base64.h"

#define BLOCK KFS_AES_BLOCK_BYTES
#define IV_BYTES BLOCK
#define MAC_BYTES BLOCK
#define PLAIN_LEAST ((size_t)7 * BLOCK)
#define PLAIN_MOST ((size_t)21 * BLOCK)

static const uint8_t prefix[] = {0, 0, 0, 0, 0, 0, 0, 1};

#define OVERHEAD (sizeof prefix + IV_BYTES + MAC_BYTES)
#define TOKEN_MOST (OVERHEAD + PLAIN_MOST)

_Static_assert(OVERHEAD + PLAIN_LEAST == 152, "Amazon's are so long, or longer by blocks");
_Static_assert((TOKEN_MOST + 2) / 3 * 4 <= KFS_TOKEN_CHARS_MAX, "the longest is accepted by the model");

/* What a token is; its first byte. Those of lists follow. */
enum { KIND_ITERATOR = 1, KIND_PAGE = 2 };

/* Writing and reading what is encrypted: numbers are big-endian, names have their length before them. */
struct packer {
    uint8_t bytes[PLAIN_MOST];
    size_t at;
    bool bad; /* read: it does not fit what was expected */
};

static void put_number(struct packer *p, uint64_t value, size_t bytes)
{
    assert(p->at + bytes <= sizeof p->bytes);
    while (bytes > 0)
        p->bytes[p->at++] = (uint8_t)(value >> 8 * --bytes);
}

static void put_name(struct packer *p, const char *name)
{
    size_t len = strlen(name);

    assert(len <= KFS_STREAM_NAME_MAX && p->at + 1 + len <= sizeof p->bytes);
    p->bytes[p->at++] = (uint8_t)len;
    memcpy(p->bytes + p->at, name, len);
    p->at += len;
}

static uint64_t get_number(struct packer *p, size_t bytes)
{
    uint64_t value = 0;

    if (bytes > sizeof p->bytes - p->at) {
        p->bad = true;
        return 0;
    }
    for (; bytes > 0; bytes--)
        value = value << 8 | p->bytes[p->at++];
    return value;
}

static void get_name(struct packer *p, char name[KFS_STREAM_NAME_MAX + 1])
{
    size_t len = (size_t)get_number(p, 1);

    if (len > KFS_STREAM_NAME_MAX || len > sizeof p->bytes - p->at) {
        p->bad = true;
        return;
    }
    memcpy(name, p->bytes + p->at, len);
    name[len] = '\0';
    p->at += len;
}

/* ---- sealing ---- */

void kfs_token_keys_init(struct kfs_token_keys *keys, const uint8_t key[KFS_TOKEN_KEY_BYTES])
{
    const struct kfs_bytes encryption = {"token encryption", 16};
    const struct kfs_bytes authentication = {"token authentication", 20};

    kfs_hmac_sha256((struct kfs_bytes){key, KFS_TOKEN_KEY_BYTES}, &encryption, 1, keys->encryption);
    kfs_hmac_sha256((struct kfs_bytes){key, KFS_TOKEN_KEY_BYTES}, &authentication, 1, keys->authentication);
}

static void authenticate(const struct kfs_token_keys *keys, const uint8_t *token, size_t len,
                         uint8_t mac[KFS_SHA256_BYTES])
{
    const struct kfs_bytes piece = {token, len};

    kfs_hmac_sha256((struct kfs_bytes){keys->authentication, sizeof keys->authentication}, &piece, 1, mac);
}

/* What was put into p becomes text; at least so many bytes are encrypted. */
static void seal(const struct kfs_token_keys *keys, const struct packer *p, size_t least,
                 char text[KFS_TOKEN_CHARS_MAX + 1])
{
    size_t plain = p->at < least ? least : (p->at + BLOCK - 1) / BLOCK * BLOCK;
    uint8_t token[TOKEN_MOST];
    uint8_t mac[KFS_SHA256_BYTES];
    uint8_t *iv = token + sizeof prefix;
    size_t len = sizeof prefix + IV_BYTES + plain;

    memcpy(token, prefix, sizeof prefix);
    kfs_random(iv, IV_BYTES);
    kfs_aes256_cbc(true, keys->encryption, iv, (struct kfs_bytes){p->bytes, plain}, iv + IV_BYTES);
    authenticate(keys, token, len, mac);
    memcpy(token + len, mac, MAC_BYTES);
    kfs_base64_encode(token, len + MAC_BYTES, text);
    text[kfs_base64_len(len + MAC_BYTES)] = '\0';
}

static struct kfs_bytes without_quotes(struct kfs_bytes text)
{
    const char *p = text.data;

    if (text.len > 0 && p[text.len - 1] == '"')
        text.len--;
    if (text.len > 0 && p[0] == '"')
        text = (struct kfs_bytes){p + 1, text.len - 1};
    return text;
}

/* The reverse of seal. -EINVAL. */
static int unseal(const struct kfs_token_keys *keys, struct kfs_bytes text, struct packer *p)
{
    uint8_t token[KFS_TOKEN_CHARS_MAX / 4 * 3];
    uint8_t mac[KFS_SHA256_BYTES];
    const uint8_t *iv = token + sizeof prefix;
    ssize_t len;
    size_t plain;

    text = without_quotes(text);
    if (text.len > KFS_TOKEN_CHARS_MAX)
        return -EINVAL;
    len = kfs_base64_decode(text.data, text.len, token);
    if (len < (ssize_t)(OVERHEAD + PLAIN_LEAST) || len > (ssize_t)TOKEN_MOST)
        return -EINVAL;
    plain = (size_t)len - OVERHEAD;
    if (plain % BLOCK != 0 || memcmp(token, prefix, sizeof prefix) != 0)
        return -EINVAL;
    authenticate(keys, token, (size_t)len - MAC_BYTES, mac);
    if (!kfs_secret_equal(mac, token + len - MAC_BYTES, MAC_BYTES))
        return -EINVAL;
    *p = (struct packer){0};
    kfs_aes256_cbc(false, keys->encryption, iv, (struct kfs_bytes){iv + IV_BYTES, plain}, p->bytes);
    return 0;
}

/* One that was made in what is now the future has not expired: the clock was set back. */
static int check_age(uint64_t created_ms, uint64_t now_ms)
{
    return now_ms > created_ms && now_ms - created_ms > KFS_TOKEN_LIFE_MS ? -ETIME : 0;
}

/* ---- iterators ---- */

void kfs_iterator_print(const struct kfs_token_keys *keys, const struct kfs_iterator *iterator,
                        char text[KFS_TOKEN_CHARS_MAX + 1])
{
    struct packer p = {0};

    put_number(&p, KIND_ITERATOR, 1);
    put_number(&p, iterator->created_ms, 8);
    put_number(&p, iterator->generation, 8);
    put_number(&p, iterator->shard, 4);
    put_number(&p, (uint64_t)iterator->position.type, 1);
    put_number(&p, iterator->position.time_ms, 8);
    put_number(&p, iterator->position.offset, 8);
    for (size_t i = 0; i < KFS_SEQ_BYTES; i++)
        put_number(&p, iterator->position.seq.b[i], 1);
    put_name(&p, iterator->stream);
    seal(keys, &p, PLAIN_LEAST + (strlen(iterator->stream) + 2) / BLOCK * BLOCK, text);
}

int kfs_iterator_parse(const struct kfs_token_keys *keys, struct kfs_bytes text, uint64_t now_ms,
                       struct kfs_iterator *iterator)
{
    struct kfs_iterator made = {0};
    struct packer p;
    uint64_t type;
    int rc = unseal(keys, text, &p);

    if (rc != 0)
        return rc;
    if (get_number(&p, 1) != KIND_ITERATOR)
        return -EINVAL;
    made.created_ms = get_number(&p, 8);
    made.generation = get_number(&p, 8);
    made.shard = (uint32_t)get_number(&p, 4);
    type = get_number(&p, 1);
    made.position.type = (enum kfs_position_type)type;
    made.position.time_ms = get_number(&p, 8);
    made.position.offset = get_number(&p, 8);
    for (size_t i = 0; i < KFS_SEQ_BYTES; i++)
        made.position.seq.b[i] = (uint8_t)get_number(&p, 1);
    get_name(&p, made.stream);
    if (p.bad || type > KFS_LAST_RECORDS)
        return -EINVAL;
    *iterator = made;
    return check_age(made.created_ms, now_ms);
}

/* ---- pages ---- */

void kfs_page_print(const struct kfs_token_keys *keys, const struct kfs_page *page, char text[KFS_TOKEN_CHARS_MAX + 1])
{
    struct packer p = {0};

    put_number(&p, KIND_PAGE + (uint64_t)page->list, 1);
    put_number(&p, page->created_ms, 8);
    put_number(&p, page->generation, 8);
    put_number(&p, page->after_shard, 4);
    put_number(&p, page->filter, 1);
    put_number(&p, page->filter_shard, 4);
    put_number(&p, page->filter_time_ms, 8);
    put_name(&p, page->stream);
    put_name(&p, page->after);
    seal(keys, &p, PLAIN_LEAST, text);
}

int kfs_page_parse(const struct kfs_token_keys *keys, struct kfs_bytes text, enum kfs_page_list list, uint64_t now_ms,
                   struct kfs_page *page)
{
    struct kfs_page made = {.list = list};
    struct packer p;
    int rc = unseal(keys, text, &p);

    if (rc != 0)
        return rc;
    if (get_number(&p, 1) != KIND_PAGE + (uint64_t)list)
        return -EINVAL;
    made.created_ms = get_number(&p, 8);
    made.generation = get_number(&p, 8);
    made.after_shard = (uint32_t)get_number(&p, 4);
    made.filter = (uint8_t)get_number(&p, 1);
    made.filter_shard = (uint32_t)get_number(&p, 4);
    made.filter_time_ms = get_number(&p, 8);
    get_name(&p, made.stream);
    get_name(&p, made.after);
    if (p.bad)
        return -EINVAL;
    *page = made;
    return check_age(made.created_ms, now_ms);
}

/* ---- expiry ---- */

/* Thu Jan 22 01:22:02 UTC 2015; the day has two digits. */
static void print_date(uint64_t ms, char text[40])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};

    (void)gmtime_r(&seconds, &tm);
    (void)snprintf(text, 40, "%.3s %.3s %02d %02d:%02d:%02d UTC %d", days + (size_t)tm.tm_wday % 7 * 3,
                   months + (size_t)tm.tm_mon % 12 * 3, tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100,
                   tm.tm_sec % 100, (tm.tm_year + 1900) % 10000);
}

int kfs_iterator_expired_text(uint64_t created_ms, uint64_t now_ms, struct kfs_buf *text)
{
    char created[40];
    char now[40];

    print_date(created_ms, created);
    print_date(now_ms, now);
    return kfs_buf_printf(text,
                          "Iterator expired. The iterator was created at time %s while right now it is %s which is "
                          "further in the future than the tolerated delay of %" PRIu64 " milliseconds.",
                          created, now, KFS_TOKEN_LIFE_MS);
}
