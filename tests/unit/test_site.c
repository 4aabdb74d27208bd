/* The files of AWS's tools, and what region and endpoint follow from them and the environment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/kinesis/ini.h"
#include "backend/kinesis/site.h"
#include "tests/support/awsworld.h"

/* ---- the dialect ---- */

static int print(void *arg, const struct kfs_ini_item *item)
{
    return kfs_buf_printf(arg, "[%.*s]%.*s%s%.*s=%.*s|", (int)item->section.len, (const char *)item->section.data,
                          (int)item->name.len, (const char *)item->name.data, item->sub.len > 0 ? "." : "",
                          (int)item->sub.len, item->sub.len > 0 ? (const char *)item->sub.data : "",
                          (int)item->value.len, item->value.len > 0 ? (const char *)item->value.data : "");
}

static void the_dialect_is_botocores(void **state)
{
    static const struct {
        const char *text;
        const char *items; /* NULL: an error in */
        unsigned line;
    } cases[] = {
        {"", "", 0},
        {"# c\n\n  ; c\n", "", 0},
        {"[a]\nk=v", "[a]k=v|", 0},
        {"\xef\xbb\xbf[a]\r\nk = v \r\n", "[a]k=v|", 0},
        {"[ a b ] # c\nk : v = w\n", "[a b]k=v = w|", 0},
        {"[a]\nk = v # no comment\n", "[a]k=v # no comment|", 0},
        {"[a]\nk =\n", "[a]k=|", 0},
        {"[a]\ns3 =\n  x = 1\n # c\n  y=2\nk=v\n", "[a]s3=|[a]s3.x=1|[a]s3.y=2|[a]k=v|", 0},
        {"[a]\nk = v\n  w\n\tx\n", "[a]k=v\nw\nx|", 0},
        {"[a]\n  k = v\n  l = w\n", "[a]k=v|[a]l=w|", 0},
        {"[a]\nk=v\n[a]\nk=w\n", "[a]k=v|[a]k=w|", 0},
        {"[a]\nk =\n[b]\n x = 1\n", "[a]k=|[b]x=1|", 0},
        {"k=v\n", NULL, 1},
        {"[a]\nk\n", NULL, 2},
        {"[a]\n=v\n", NULL, 2},
        {"[a\nk=v", NULL, 1},
        {"[a]\ns3 =\n  x\n", NULL, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kfs_buf out;
        unsigned line = 0;
        kfs_buf_init(&out, 1U << 16);
        int rc = kfs_ini_parse((struct kfs_bytes){cases[i].text, strlen(cases[i].text)}, print, &out, &line);
        assert_int_equal(rc, cases[i].items != NULL ? 0 : -EINVAL);
        assert_int_equal(line, cases[i].line);
        if (cases[i].items != NULL) {
            assert_int_equal(kfs_buf_append(&out, "", 1), 0);
            assert_string_equal(out.data, cases[i].items);
        }
        kfs_buf_release(&out);
    }
}

static void a_value_may_be_long(void **state)
{
    struct aws_world *w = *state;
    static char token[9001];
    struct kfs_profiles *profiles;

    memset(token, 'T', sizeof token - 1);
    aws_write(w, ".aws/credentials", "[default]\naws_session_token = %s\n", token);
    assert_int_equal(kfs_profiles_load(&w->env, &profiles, NULL), 0);
    assert_string_equal(kfs_profile_get(profiles, "default", "aws_session_token"), token);
    kfs_profiles_free(profiles);
}

static void two_files_are_one_profile(void **state)
{
    struct aws_world *w = *state;
    struct kfs_profiles *p;

    aws_write(w, "c", "[a]\nRegion = cred\nonly_cred = 1\n[profile x]\nk = cred\n");
    aws_write(w, "f",
              "[profile a]\nregion = conf\nonly_conf = 2\nempty =\n[a]\nregion = no profile\n[profile \"b c\"]\nk = q\n"
              "[ profile\tdefault ]\nk = d\n[sso-session s]\nk = s\n[services s]\nkinesis =\n  endpoint_url = u\n"
              "[plugins]\nx = y\n");
    aws_set(w, "AWS_SHARED_CREDENTIALS_FILE", "~/c");
    aws_set(w, "AWS_CONFIG_FILE", "%s/f", w->home);
    assert_int_equal(kfs_profiles_load(&w->env, &p, NULL), 0);
    assert_string_equal(kfs_profile_get(p, "a", "region"), "cred");
    assert_string_equal(kfs_profile_get_in(p, KFS_CONFIG_FILE, "a", "region"), "conf");
    assert_string_equal(kfs_profile_get(p, "a", "only_cred"), "1");
    assert_string_equal(kfs_profile_get(p, "a", "only_conf"), "2");
    assert_null(kfs_profile_get(p, "a", "empty"));
    assert_string_equal(kfs_profile_get(p, "b c", "k"), "q");
    assert_string_equal(kfs_profile_get(p, "default", "k"), "d");
    assert_string_equal(kfs_profile_get(p, "profile x", "k"), "cred"); /* the credentials file has no such word */
    assert_string_equal(kfs_section_get(p, KFS_SECTION_SSO_SESSION, "s", "k", NULL), "s");
    assert_string_equal(kfs_section_get(p, KFS_SECTION_SERVICES, "s", "kinesis", "endpoint_url"), "u");
    assert_null(kfs_profile_get(p, "plugins", "x"));
    assert_false(kfs_profile_exists(p, "s"));
    kfs_profiles_free(p);
}

static void no_home_is_no_files(void **state)
{
    struct aws_world *w = *state;
    struct kfs_profiles *p;

    aws_set(w, "HOME", "/nothing");
    assert_int_equal(kfs_profiles_load(&w->env, &p, NULL), 0);
    assert_false(kfs_profile_exists(p, "default"));
    kfs_profiles_free(p);
}

/* ---- sites ---- */

struct site_case {
    const char *variables[6]; /* NAME=VALUE */
    const char *config;       /* the file */
    const char *region;       /* options */
    const char *endpoint;
    const char *is_region; /* the result; NULL: none is to be had */
    const char *is_endpoint;
    bool custom;
};

#define FILE_ENDPOINTS                                                                                                 \
    "[default]\nregion = file-1\nendpoint_url = http://profile\nservices = s\n"                                        \
    "[services s]\nkinesis =\n  endpoint_url = http://section\nsts =\n  endpoint_url = http://other\n"

static const struct site_case site_cases[] = {
    {{NULL}, "", NULL, NULL, NULL, NULL, false},
    {{NULL}, "", "eu-west-1", NULL, "eu-west-1", "https://kinesis.eu-west-1.amazonaws.com", false},
    {{"AWS_DEFAULT_REGION=b-1"}, "", NULL, NULL, "b-1", "https://kinesis.b-1.amazonaws.com", false},
    {{"AWS_DEFAULT_REGION=b-1", "AWS_REGION=a-1"}, "", NULL, NULL, "a-1", "https://kinesis.a-1.amazonaws.com", false},
    {{"AWS_REGION=a-1"}, "[default]\nregion = f-1\n", "o-1", NULL, "o-1", "https://kinesis.o-1.amazonaws.com", false},
    {{NULL}, "[default]\nregion = f-1\n", NULL, NULL, "f-1", "https://kinesis.f-1.amazonaws.com", false},
    {{"AWS_PROFILE=p"},
     "[default]\nregion = f-1\n[profile p]\nregion = p-1\n",
     NULL,
     NULL,
     "p-1",
     "https://kinesis.p-1.amazonaws.com",
     false},
    {{NULL}, "", "bad/region", NULL, NULL, NULL, false},
    /* endpoints */
    {{NULL}, "", NULL, "http://h:1", "us-east-1", "http://h:1", true},
    {{NULL}, FILE_ENDPOINTS, NULL, "http://h:1", "file-1", "http://h:1", true},
    {{NULL}, FILE_ENDPOINTS, NULL, NULL, "file-1", "http://section", true},
    {{"AWS_ENDPOINT_URL=http://all"}, FILE_ENDPOINTS, NULL, NULL, "file-1", "http://all", true},
    {{"AWS_ENDPOINT_URL=http://all", "AWS_ENDPOINT_URL_KINESIS=http://k"},
     FILE_ENDPOINTS,
     NULL,
     NULL,
     "file-1",
     "http://k",
     true},
    {{"AWS_ENDPOINT_URL=http://all", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"},
     FILE_ENDPOINTS,
     NULL,
     NULL,
     "file-1",
     "https://kinesis.file-1.amazonaws.com",
     false},
    {{NULL},
     "[default]\nendpoint_url = http://profile\nignore_configured_endpoint_urls = true\n",
     "r",
     NULL,
     "r",
     "https://kinesis.r.amazonaws.com",
     false},
    {{NULL}, "[default]\nendpoint_url = http://profile\n", NULL, NULL, "us-east-1", "http://profile", true},
    /* host names */
    {{"AWS_USE_FIPS_ENDPOINT=true"},
     "",
     "us-east-1",
     NULL,
     "us-east-1",
     "https://kinesis-fips.us-east-1.amazonaws.com",
     false},
    {{"AWS_USE_FIPS_ENDPOINT=true"},
     "",
     "us-gov-west-1",
     NULL,
     "us-gov-west-1",
     "https://kinesis.us-gov-west-1.amazonaws.com",
     false},
    {{NULL},
     "[default]\nuse_dualstack_endpoint = true\n",
     "eu-west-1",
     NULL,
     "eu-west-1",
     "https://kinesis.eu-west-1.api.aws",
     false},
    {{"AWS_USE_FIPS_ENDPOINT=true", "AWS_USE_DUALSTACK_ENDPOINT=true"},
     "",
     "us-east-1",
     NULL,
     "us-east-1",
     "https://kinesis-fips.us-east-1.api.aws",
     false},
    {{NULL}, "", "cn-north-1", NULL, "cn-north-1", "https://kinesis.cn-north-1.amazonaws.com.cn", false},
    {{NULL}, "", "us-isob-east-1", NULL, "us-isob-east-1", "https://kinesis.us-isob-east-1.sc2s.sgov.gov", false},
    {{NULL}, "", "us-iso-east-1", NULL, "us-iso-east-1", "https://kinesis.us-iso-east-1.c2s.ic.gov", false},
    {{NULL}, "", "eusc-de-east-1", NULL, "eusc-de-east-1", "https://kinesis.eusc-de-east-1.amazonaws.eu", false},
};

static void set_variables(struct aws_world *w, const struct site_case *c)
{
    w->n_variables = 2; /* those of the setup */
    for (size_t i = 0; i < 6 && c->variables[i] != NULL; i++) {
        char name[AWS_NAME_SIZE];
        const char *value = strchr(c->variables[i], '=');
        (void)snprintf(name, sizeof name, "%.*s", (int)(value - c->variables[i]), c->variables[i]);
        aws_set(w, name, "%s", value + 1);
    }
}

static void a_site_is_what_is_said_first(void **state)
{
    struct aws_world *w = *state;

    for (size_t i = 0; i < sizeof site_cases / sizeof site_cases[0]; i++) {
        const struct site_case *c = &site_cases[i];
        struct kfs_site_config config = {
            .env = &w->env, .clock = &w->clock, .region = c->region, .endpoint = c->endpoint};
        struct kfs_site site = {.custom = true};
        set_variables(w, c);
        aws_write(w, ".aws/config", "%s", c->config);
        int rc = kfs_site_find(&config, &site, NULL);
        if (rc != (c->is_region != NULL ? 0 : -EINVAL))
            print_error("case %zu: %d\n", i, rc);
        assert_int_equal(rc, c->is_region != NULL ? 0 : -EINVAL);
        if (rc == 0) {
            assert_string_equal(site.region, c->is_region);
            assert_string_equal(site.endpoint, c->is_endpoint);
            assert_int_equal(site.custom, c->custom);
            assert_string_equal(site.ca_bundle, "");
        }
    }
}

static void the_machine_knows_its_region(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answers[] = {
        {.when = "PUT", .status = 200, .body = "T"},
        {.when = "GET /latest/meta-data/placement/region\n", .status = 200, .body = "eu-north-1"}};
    struct kfs_site_config config = {.env = &w->env, .clock = &w->clock};
    struct kfs_site site;

    stand_script(&w->stand, answers, 2);
    aws_set(w, "AWS_EC2_METADATA_DISABLED", "false");
    aws_set(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "%s", w->stand.url);
    assert_int_equal(kfs_site_find(&config, &site, NULL), 0);
    assert_string_equal(site.endpoint, "https://kinesis.eu-north-1.amazonaws.com");
    config.endpoint = "http://h"; /* then nobody asks */
    assert_int_equal(kfs_site_find(&config, &site, NULL), 0);
    assert_string_equal(site.region, "us-east-1");
    assert_int_equal(stand_count(&w->stand), 2);
}

static void a_ca_bundle_is_what_is_said_first(void **state)
{
    struct aws_world *w = *state;
    struct kfs_site_config config = {.env = &w->env, .clock = &w->clock, .endpoint = "https://h"};
    struct kfs_site site;

    aws_write(w, ".aws/config", "[default]\nca_bundle = /file\n");
    assert_int_equal(kfs_site_find(&config, &site, NULL), 0);
    assert_string_equal(site.ca_bundle, "/file");
    aws_set(w, "AWS_CA_BUNDLE", "/environment");
    assert_int_equal(kfs_site_find(&config, &site, NULL), 0);
    assert_string_equal(site.ca_bundle, "/environment");
    config.ca_bundle = "/option";
    assert_int_equal(kfs_site_find(&config, &site, NULL), 0);
    assert_string_equal(site.ca_bundle, "/option");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, aws_world_setup, aws_world_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dialect_is_botocores),
        TEST(a_value_may_be_long),
        TEST(two_files_are_one_profile),
        TEST(no_home_is_no_files),
        TEST(a_site_is_what_is_said_first),
        TEST(the_machine_knows_its_region),
        TEST(a_ca_bundle_is_what_is_said_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
