#include "fs/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int count_lines(void *arg, size_t line, const char *name, const char *value)
{
    char *to = arg;
    size_t len = strlen(to);

    (void)snprintf(to + len, 1024 - len, "%zu:%.40s=%.40s;", line, name != NULL ? name : "(none)",
                   value != NULL ? value : "(alone)");
    return name != NULL && strcmp(name, "stop") == 0 ? 42 : 0;
}

static void lines_are_names_and_values(void **state)
{
    static const char text[] = "a=1\r\n  b \t=\t2 3 # 4  \n#c=1\n \t \nd\ne=\n=5\n\0=6\nlast==x";
    char seen[1024] = "";
    char *line = malloc(KFS_CONFIG_LINE_MAX + 2);

    (void)state;
    assert_int_equal(kfs_config_each((struct kfs_bytes){text, sizeof text - 1}, count_lines, seen), 0);
    assert_string_equal(seen, "1:a=1;2:b=2 3 # 4;5:d=(alone);6:e=;7:(none)=there is no name before the =;"
                              "8:(none)=a NUL byte;9:last==x;");
    seen[0] = '\0';
    assert_int_equal(kfs_config_each((struct kfs_bytes){"stop\na", 6}, count_lines, seen), 42);
    assert_string_equal(seen, "1:stop=(alone);");
    assert_int_equal(kfs_config_each((struct kfs_bytes){NULL, 0}, count_lines, seen), 0);

    assert_non_null(line);
    memset(line, 'x', KFS_CONFIG_LINE_MAX + 1);
    seen[0] = '\0';
    assert_int_equal(kfs_config_each((struct kfs_bytes){line, KFS_CONFIG_LINE_MAX}, count_lines, seen), 0);
    assert_null(strstr(seen, "too long"));
    assert_int_equal(kfs_config_each((struct kfs_bytes){line, KFS_CONFIG_LINE_MAX + 1}, count_lines, seen), 0);
    assert_non_null(strstr(seen, "too long"));
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_names_and_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
