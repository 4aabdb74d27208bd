/* Notes of gauges: bytes as they are, with whatever checksum, and as fields that are printed (the first byte says
 * which). What is taken is in order, and comes back. */
#include <string.h>

#include "fs/gauge_note.h"
#include "tests/fuzz/fuzz.h"

static void check_sound(const struct kfs_gauge_note *note)
{
    REQUIRE(note->n > 0 && note->n <= KFS_GAUGE_STRETCHES_MAX);
    for (size_t i = 0; i < note->n; i++) {
        REQUIRE(note->stretches[i].first < note->stretches[i].upto);
        REQUIRE(i == 0 || note->stretches[i - 1].upto <= note->stretches[i].first);
    }
    REQUIRE(note->end.offset < note->stretches[note->n - 1].upto);
}

static void check_fields(const uint8_t *data, size_t size)
{
    static struct kfs_gauge_note back;
    static struct kfs_stretch stretches[KFS_GAUGE_STRETCHES_MAX + 1];
    struct kfs_gauge_end end = {.offset = 0};
    size_t n = size / sizeof stretches[0];
    struct kfs_buf text;

    if (size < sizeof end)
        return;
    memcpy(&end, data, sizeof end);
    if (n > KFS_GAUGE_STRETCHES_MAX + 1)
        n = KFS_GAUGE_STRETCHES_MAX + 1;
    memcpy(stretches, data, n * sizeof stretches[0]);
    kfs_buf_init(&text, KFS_NOTE_BYTES_MAX);
    REQUIRE(kfs_gauge_note_print(&end, stretches, n, &text) == 0);
    if (kfs_gauge_note_parse((struct kfs_bytes){text.data, text.len}, &back)) {
        check_sound(&back);
        REQUIRE(back.n == n && memcmp(back.stretches, stretches, n * sizeof stretches[0]) == 0);
        REQUIRE(kfs_seq_cmp(&back.end.seq, &end.seq) == 0 && back.end.offset == end.offset &&
                back.end.size == end.size);
        text.data[size % text.len] ^= 1;
        REQUIRE(!kfs_gauge_note_parse((struct kfs_bytes){text.data, text.len}, &back));
        text.data[size % text.len] ^= 1;
        REQUIRE(!kfs_gauge_note_parse((struct kfs_bytes){text.data, text.len - 1}, &back));
    }
    kfs_buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kfs_gauge_note note;

    if (size == 0)
        return 0;
    if (data[0] % 2 != 0)
        check_fields(data + 1, size - 1);
    else if (kfs_gauge_note_parse((struct kfs_bytes){data + 1, size - 1}, &note))
        check_sound(&note);
    return 0;
}
