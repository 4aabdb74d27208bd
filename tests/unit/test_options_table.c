#include "fs/options_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_table_is_sound(void **state)
{
    char allowed[KFS_OPTION_ALLOWED_MAX];

    (void)state;
    for (size_t i = 0; i < kfs_option_count; i++) {
        const struct kfs_option *row = &kfs_option_rows[i];
        struct kfs_options out = {0};
        struct kfs_error err = {0};
        assert_true(strlen(row->name) <= KFS_OPTION_NAME_MAX);
        assert_null(strchr(row->name, '-'));
        assert_ptr_equal(kfs_option_find(row->name), row); /* no name twice */
        assert_non_null(row->help);
        assert_true(strlen(kfs_option_allowed(row, allowed)) < KFS_OPTION_ALLOWED_MAX - 1);
        assert_int_equal(kfs_option_has_value(row), row->metavar != NULL);
        if (row->type == KFS_OPTION_ACTION)
            continue;
        assert_true((row->value != NULL) != (row->derived != NULL));
        const char *const valid[] = {row->value, row->min, row->max, row->bare};
        for (size_t j = 0; j < sizeof valid / sizeof valid[0]; j++) {
            if (valid[j] != NULL && kfs_option_set(row, valid[j], &out, &err) != 0)
                fail_msg("%s", err.text);
        }
        for (size_t j = 0; row->choices != NULL && row->choices[j] != NULL; j++)
            assert_int_equal(kfs_option_set(row, row->choices[j], &out, &err), 0);
        kfs_options_release(&out);
    }
}

static void help_and_markdown_name_every_option(void **state)
{
    (void)state;
    for (int markdown = 0; markdown < 2; markdown++) {
        char *text = NULL;
        size_t len = 0;
        FILE *to = open_memstream(&text, &len);
        assert_non_null(to);
        if (markdown)
            kfs_options_print_markdown(to);
        else
            kfs_options_print_help(to);
        (void)fclose(to);
        for (size_t i = 0; i < kfs_option_count; i++) {
            char name[KFS_OPTION_NAME_MAX + 8];
            (void)snprintf(name, sizeof name, "--%s", kfs_option_rows[i].name);
            for (char *c = name; *c != '\0'; c++)
                *c = (char)(*c == '_' ? '-' : *c);
            if (strstr(text, name) == NULL || strstr(text, kfs_kernel_words[0].word) == NULL)
                fail_msg("%s is missing", name);
        }
        for (char *line = text, *end; !markdown && (end = strchr(line, '\n')) != NULL; line = end + 1)
            assert_true(end - line <= 80);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(help_and_markdown_name_every_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
