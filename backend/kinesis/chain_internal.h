/* What the providers of credentials have in common. */
#ifndef KFS_KINESIS_CHAIN_INTERNAL_H
#define KFS_KINESIS_CHAIN_INTERNAL_H

#include "backend/base/value.h"
#include "backend/kinesis/chain.h"

#define KFS_PROVIDER_ANSWER_MAX ((size_t)256 << 10)
#define KFS_PROVIDER_CONNECT_MS 5000
#define KFS_PROVIDER_DEADLINE_MS 10000

struct kfs_chain {
    const struct kfs_chain_config *config;
    struct kfs_profiles *profiles; /* NULL until they are needed */
    const char *profile;           /* the name of the one that is meant */
    struct kfs_tls tls;
};

/* Gives the credentials of a profile, or those of the machine where it does not ask for a profile. 0; -ENOENT: it is
 * not configured, and the next one is asked; others: it is, and fails, which ends the chain. */
typedef int kfs_provide(struct kfs_chain *chain, const char *profile, struct kfs_credentials *keys,
                        struct kfs_error *err);

kfs_provide kfs_provide_environment;
kfs_provide kfs_provide_role;
kfs_provide kfs_provide_web_identity;
kfs_provide kfs_provide_web_identity_profile; /* not the environment's */
kfs_provide kfs_provide_sso;
kfs_provide kfs_provide_shared;
kfs_provide kfs_provide_process;
kfs_provide kfs_provide_config;
kfs_provide kfs_provide_container;
kfs_provide kfs_provide_machine;

struct kfs_choice kfs_chain_choice(const struct kfs_chain *chain, const char *profile);

/* ---- asking over HTTP ---- */

/* A request with the usual limits. */
struct kfs_transfer kfs_provider_request(const struct kfs_chain *chain, const char *method, const char *url);

/* Carries it out; tries `times` times where the transport fails, or with 429 or 5xx. 0: there is an answer, of whatever
 * status; to be released. -EACCES, -ECANCELED with the reason. */
int kfs_provider_ask(const struct kfs_chain *chain, const char *who, struct kfs_transfer *t, unsigned times,
                     struct kfs_error *err);

/* ---- credentials in JSON ---- */

/* How the members are called. */
struct kfs_key_names {
    const char *id;
    const char *secret;
    const char *token;
    const char *expiration; /* RFC 3339, or a number of ms since 1970 */
};
extern const struct kfs_key_names kfs_key_names_token;   /* AccessKeyId ... Token, Expiration */
extern const struct kfs_key_names kfs_key_names_session; /* AccessKeyId ... SessionToken, Expiration */
extern const struct kfs_key_names kfs_key_names_sso;     /* accessKeyId ... sessionToken, expiration */

/* Decodes text, and reads credentials from the map at `in` (NULL: the top). -EACCES: they are not there. No part of
 * the text gets into err. */
int kfs_keys_from_json(const char *who, struct kfs_bytes text, const char *in, const struct kfs_key_names *names,
                       struct kfs_credentials *keys, struct kfs_error *err);

/* A string of a map; empty where it is not there, or something else. */
struct kfs_bytes kfs_json_text(const struct kfs_value *map, const char *name);

/* ---- STS ---- */

struct kfs_sts_parameter {
    const char *name;
    const char *value; /* NULL: left out */
};

/* AssumeRole, signed with source; or AssumeRoleWithWebIdentity, source NULL. */
struct kfs_sts_request {
    const char *profile; /* that says where STS is */
    const struct kfs_credentials *source;
    const struct kfs_sts_parameter *parameters;
    size_t n;
};
int kfs_sts_call(struct kfs_chain *chain, const struct kfs_sts_request *request, struct kfs_credentials *keys,
                 struct kfs_error *err);

/* Reads STS's answer; exposed for fuzzing. -EACCES with what STS says, as far as it says anything. */
int kfs_sts_read(int status, struct kfs_bytes xml, struct kfs_credentials *keys, struct kfs_error *err);

/* ---- others, exposed for fuzzing ---- */

/* Words as a shell of POSIX splits them, without expansions: quotes, backslashes. *words is NULL-terminated, one
 * block of memory. -EINVAL: a quote that does not end, or no word; -ENOMEM. */
int kfs_split_words(const char *line, char ***words);

#endif
