/* Prints the service model's tables as JSON, for tests/compat/model_botocore.py. */
#include <stdio.h>

#include "backend/base/out.h"
#include "backend/endpoint/model.h"

#define TEXT_MAX ((size_t)4 << 20)

static const char *const type_names[] = {
    [KFS_SHAPE_STRING] = "string", [KFS_SHAPE_INTEGER] = "integer",     [KFS_SHAPE_BOOLEAN] = "boolean",
    [KFS_SHAPE_BLOB] = "blob",     [KFS_SHAPE_TIMESTAMP] = "timestamp", [KFS_SHAPE_LIST] = "list",
    [KFS_SHAPE_MAP] = "map",       [KFS_SHAPE_STRUCTURE] = "structure",
};

/* Recurses as deep as the model's structures are. */
static void print_shape(struct kfs_out *out, const char *key, const struct kfs_shape *shape)
{
    kfs_out_map(out, key);
    kfs_out_string(out, "type", type_names[shape->type]);
    if (shape->min != INT64_MIN)
        kfs_out_int(out, "min", shape->min);
    if (shape->max != INT64_MAX)
        kfs_out_int(out, "max", shape->max);
    if (shape->pattern != NULL)
        kfs_out_string(out, "pattern", shape->pattern->text);
    if (shape->enumeration != NULL) {
        kfs_out_list(out, "enum");
        for (const char *const *word = shape->enumeration; *word != NULL; word++)
            kfs_out_string(out, NULL, *word);
        kfs_out_list_end(out);
    }
    if (shape->item != NULL)
        print_shape(out, shape->type == KFS_SHAPE_MAP ? "value" : "member", shape->item);
    if (shape->key != NULL)
        print_shape(out, "key", shape->key);
    if (shape->members != NULL) {
        kfs_out_map(out, "members");
        for (const struct kfs_member *member = shape->members; member->name != NULL; member++)
            print_shape(out, member->name, member->shape);
        kfs_out_map_end(out);
        kfs_out_list(out, "required");
        for (const struct kfs_member *member = shape->members; member->name != NULL; member++) {
            if (member->required)
                kfs_out_string(out, NULL, member->name);
        }
        kfs_out_list_end(out);
    }
    kfs_out_map_end(out);
}

int main(void)
{
    struct kfs_buf buf;
    struct kfs_out out;

    kfs_buf_init(&buf, TEXT_MAX);
    kfs_out_init(&out, KFS_CODEC_JSON, &buf);
    kfs_out_map(&out, NULL);
    for (size_t i = 0; i < kfs_n_operations; i++)
        print_shape(&out, kfs_operations[i].name, kfs_operations[i].input);
    kfs_out_map_end(&out);

    int failed = out.error != 0 || fwrite(buf.data, 1, buf.len, stdout) != buf.len || fflush(stdout) != 0;
    kfs_buf_release(&buf);
    return failed;
}
