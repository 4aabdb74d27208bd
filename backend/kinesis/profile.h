/* What the two files of AWS's tools say: ~/.aws/config, or that of AWS_CONFIG_FILE, and ~/.aws/credentials, or that of
 * AWS_SHARED_CREDENTIALS_FILE. */
#ifndef KFS_KINESIS_PROFILE_H
#define KFS_KINESIS_PROFILE_H

#include "backend/base/error.h"
#include "backend/kinesis/env.h"

#define KFS_PROFILE_FILE_MAX ((size_t)1 << 20)

enum kfs_profile_file { KFS_CREDENTIALS_FILE, KFS_CONFIG_FILE };
enum kfs_profile_section { KFS_SECTION_PROFILE, KFS_SECTION_SSO_SESSION, KFS_SECTION_SERVICES };

struct kfs_profiles;

/* A file that is not there is empty. -EACCES: one cannot be read, or has a line that is none; -ENOMEM. */
int kfs_profiles_load(const struct kfs_env *env, struct kfs_profiles **profiles, struct kfs_error *err);

/* Wipes what was read. Takes NULL. */
void kfs_profiles_free(struct kfs_profiles *profiles);

/* The profile is in either file. */
bool kfs_profile_exists(const struct kfs_profiles *profiles, const char *profile);

/* A setting: NULL where it is not there or empty. In both files the credentials file counts. */
const char *kfs_profile_get(const struct kfs_profiles *profiles, const char *profile, const char *key);

/* The same of one file only. */
const char *kfs_profile_get_in(const struct kfs_profiles *profiles, enum kfs_profile_file file, const char *profile,
                               const char *key);

/* Of a section of the configuration file; sub is the name of a nested item, or NULL. */
const char *kfs_section_get(const struct kfs_profiles *profiles, enum kfs_profile_section section, const char *name,
                            const char *key, const char *sub);

/* Which profile is meant: the given one, AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". */
const char *kfs_profile_name(const struct kfs_env *env, const char *given);

#endif
