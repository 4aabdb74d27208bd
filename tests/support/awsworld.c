#include "tests/support/awsworld.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *get(void *ctx, const char *name)
{
    const struct aws_world *w = ctx;

    for (size_t i = 0; i < w->n_variables; i++)
        if (strcmp(w->variables[i].name, name) == 0)
            return w->variables[i].value;
    return NULL;
}

static uint64_t wall(void *ctx)
{
    return ((struct aws_world *)ctx)->wall_ms;
}

static uint64_t mono(void *ctx)
{
    return ((struct aws_world *)ctx)->mono_ahead_ms + kfs_system_clock.mono_ms(NULL);
}

int aws_world_setup(void **state)
{
    struct aws_world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    assert_int_equal(kfs_transfer_global(), 0);
    tempdir_make(w->home);
    stand_start(&w->stand);
    w->wall_ms = AWS_WORLD_MS;
    w->env = (struct kfs_env){w, get};
    w->clock = (struct kfs_clock){w, wall, mono};
    w->config = (struct kfs_chain_config){.env = &w->env, .clock = &w->clock};
    aws_set(w, "HOME", "%s", w->home);
    aws_set(w, "AWS_EC2_METADATA_DISABLED", "true");
    *state = w;
    return 0;
}

int aws_world_teardown(void **state)
{
    struct aws_world *w = *state;

    kfs_credentials_release(&w->keys);
    stand_stop(&w->stand);
    tempdir_remove(w->home);
    free(w);
    return 0;
}

void aws_set(struct aws_world *w, const char *name, const char *format, ...)
{
    struct aws_variable *v = w->variables;
    va_list args;

    while (v < w->variables + w->n_variables && strcmp(v->name, name) != 0)
        v++;
    if (v == w->variables + w->n_variables) {
        assert_true(w->n_variables < AWS_VARIABLES_MAX);
        w->n_variables++;
    }
    assert_true(snprintf(v->name, sizeof v->name, "%s", name) < AWS_NAME_SIZE);
    va_start(args, format);
    assert_true(vsnprintf(v->value, sizeof v->value, format, args) < AWS_VALUE_SIZE);
    va_end(args);
}

void aws_write(struct aws_world *w, const char *path, const char *format, ...)
{
    char full[2 * TEMPDIR_PATH_SIZE];
    va_list args;

    assert_true(snprintf(full, sizeof full, "%s/%s", w->home, path) < (int)sizeof full);
    for (char *slash = strchr(full + strlen(w->home) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(full, "we");
    if (file == NULL)
        abort();
    va_start(args, format);
    assert_true(vfprintf(file, format, args) >= 0);
    va_end(args);
    assert_int_equal(fclose(file), 0);
}

void aws_expect(struct aws_world *w, const char *id, const char *source)
{
    int rc = kfs_chain_load(&w->config, &w->keys, &w->error);

    if (rc != 0)
        print_error("%s\n", w->error.text);
    assert_int_equal(rc, 0);
    assert_string_equal(w->keys.id, id);
    assert_string_equal(w->keys.source, source);
}

void aws_expect_error(struct aws_world *w, const char *text)
{
    int rc = kfs_chain_load(&w->config, &w->keys, &w->error);

    assert_int_equal(rc, -EACCES);
    assert_int_equal(w->error.code, EACCES);
    if (strstr(w->error.text, text) == NULL)
        print_error("no '%s' in: %s\n", text, w->error.text);
    assert_non_null(strstr(w->error.text, text));
}
