/* What is found by its name. */
#include "backend/base/names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MANY 1000
#define STEP 7 /* has no factor in common with MANY */

static void all_are_found_in_order(void **state)
{
    static char texts[MANY][16];
    struct kfs_names names = {0};

    (void)state;
    for (int i = 0; i < MANY; i++)
        (void)snprintf(texts[i], sizeof texts[i], "%03d", i);
    for (int i = 0; i < MANY; i++) {
        char *text = texts[i * STEP % MANY];
        assert_null(kfs_names_find(&names, text));
        assert_int_equal(kfs_names_add(&names, text, text), 0);
    }
    assert_int_equal(names.n, MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_ptr_equal(names.entries[i].item, texts[i]);
        assert_ptr_equal(kfs_names_find(&names, texts[i]), texts[i]);
    }
    kfs_names_release(&names);
    assert_null(kfs_names_find(&names, texts[0]));
}

static void a_name_stands_for_one_item(void **state)
{
    struct kfs_names names = {0};
    int one = 1;
    int other = 2;

    (void)state;
    assert_int_equal(kfs_names_add(&names, "b", &one), 0);
    assert_int_equal(kfs_names_add(&names, "b", &other), -EEXIST);
    assert_ptr_equal(kfs_names_find(&names, "b"), &one);
    assert_null(kfs_names_find(&names, "a"));
    assert_null(kfs_names_find(&names, "c"));
    assert_null(kfs_names_find(&names, ""));
    kfs_names_release(&names);
}

static void only_its_own_item_is_removed(void **state)
{
    struct kfs_names names = {0};
    int one = 1;
    int other = 2;

    (void)state;
    assert_false(kfs_names_remove(&names, "a", &one));
    assert_int_equal(kfs_names_add(&names, "a", &one), 0);
    assert_int_equal(kfs_names_add(&names, "b", &other), 0);
    assert_false(kfs_names_remove(&names, "a", &other));
    assert_true(kfs_names_remove(&names, "a", &one));
    assert_false(kfs_names_remove(&names, "a", &one));
    assert_null(kfs_names_find(&names, "a"));
    assert_ptr_equal(kfs_names_find(&names, "b"), &other);
    kfs_names_release(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_found_in_order),
        cmocka_unit_test(a_name_stands_for_one_item),
        cmocka_unit_test(only_its_own_item_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
