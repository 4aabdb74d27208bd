/* What who gives credentials answers: STS in XML, the others in JSON; and the words of a credential_process. */
#include <errno.h>
#include <string.h>

#include "backend/kinesis/chain_internal.h"
#include "tests/fuzz/fuzz.h"

static void read_keys(uint8_t how, struct kfs_bytes text)
{
    static const struct kfs_key_names *const names[] = {&kfs_key_names_token, &kfs_key_names_session,
                                                        &kfs_key_names_sso};
    struct kfs_credentials keys = {0};
    struct kfs_error err = {0};
    int rc = how < 2
                 ? kfs_sts_read(how == 0 ? 200 : 403, text, &keys, &err)
                 : kfs_keys_from_json("fuzz", text, how == 4 ? "roleCredentials" : NULL, names[how - 2], &keys, &err);

    REQUIRE(rc == 0 || rc == -EACCES);
    REQUIRE(rc == 0 ? keys.id[0] != '\0' && keys.secret[0] != '\0' : keys.id == NULL && err.code == EACCES);
    kfs_credentials_release(&keys);
}

static void split(struct kfs_bytes text)
{
    char *line = strndup(text.len > 0 ? text.data : "", text.len);
    char **words = NULL;
    size_t total = 0;

    REQUIRE(line != NULL);
    if (kfs_split_words(line, &words) == 0) {
        for (char **word = words; *word != NULL; word++)
            total += strlen(*word);
        REQUIRE(words[0] != NULL && total <= strlen(line));
        free(words);
    }
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct kfs_bytes text = {data + 1, size - 1};
    if (data[0] % 6 == 5)
        split(text);
    else
        read_keys(data[0] % 6, text);
    return 0;
}
