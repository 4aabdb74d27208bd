/* The note of a cursor, which may be anything a file system leaves: what is taken is in order and prints as something
 * that is taken as the same; a note that we print is taken whole. */
#include <string.h>

#include "fs/place.h"
#include "tests/fuzz/fuzz.h"

static void check_order(const struct kfs_places *places)
{
    for (size_t i = 0; i < places->n; i++) {
        const struct kfs_place *place = &places->list[i];
        REQUIRE(place->shard <= KFS_SHARD_INDEX_MAX);
        REQUIRE(i == 0 || places->list[i - 1].shard < place->shard);
        REQUIRE(kfs_places_find(places, place->shard) == place);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kfs_places places = {0};
    struct kfs_places again = {0};
    struct kfs_places copy = {0};
    struct kfs_buf text;

    if (kfs_places_parse((struct kfs_bytes){data, size}, &places) != 0)
        return 0;
    check_order(&places);
    REQUIRE(kfs_places_copy(&places, &copy) == 0);
    kfs_buf_init(&text, size + 1000);
    REQUIRE(kfs_places_print(&copy, &text) == 0 && text.len <= size); /* zeros in front are not printed */
    REQUIRE(kfs_places_parse((struct kfs_bytes){text.data, text.len}, &again) == 0);
    REQUIRE(again.n == places.n);
    for (size_t i = 0; i < again.n; i++)
        REQUIRE(kfs_place_equal(&again.list[i], &places.list[i]) && again.list[i].offset == places.list[i].offset);
    kfs_buf_release(&text);
    kfs_places_release(&again);
    kfs_places_release(&copy);
    kfs_places_release(&places);
    return 0;
}
