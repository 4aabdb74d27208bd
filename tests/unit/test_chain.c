/* Each provider of credentials, against a server that stands in for what it asks, and their order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/kinesis/chain_internal.h"
#include "tests/support/awsworld.h"

#define KEYS(name) "aws_access_key_id = " name "\naws_secret_access_key = SECRET\n"

/* ---- written down ---- */

static void nothing_configured_is_an_error(void **state)
{
    aws_expect_error(*state, "no credentials");
}

static void the_environment_comes_first(void **state)
{
    struct aws_world *w = *state;

    aws_write(w, ".aws/credentials", "[default]\n" KEYS("AKIDFILE"));
    aws_set(w, "AWS_ACCESS_KEY_ID", "AKIDENV");
    aws_expect_error(w, "AWS_SECRET_ACCESS_KEY is not");
    aws_set(w, "AWS_SECRET_ACCESS_KEY", "SECRET");
    aws_expect(w, "AKIDENV", "environment");
    assert_null(w->keys.token);
    assert_int_equal(w->keys.expires_ms, 0);
    aws_set(w, "AWS_SESSION_TOKEN", "NEW");
    aws_set(w, "AWS_CREDENTIAL_EXPIRATION", AWS_LATER);
    aws_expect(w, "AKIDENV", "environment");
    assert_string_equal(w->keys.token, "NEW");
    assert_int_equal(w->keys.expires_ms, AWS_LATER_MS);
    aws_set(w, "AWS_SECURITY_TOKEN", "OLD");
    aws_expect(w, "AKIDENV", "environment");
    assert_string_equal(w->keys.token, "OLD");
    aws_set(w, "AWS_CREDENTIAL_EXPIRATION", "2023-11-14T22:13:20Z"); /* now */
    aws_expect_error(w, "expired");
    aws_set(w, "AWS_CREDENTIAL_EXPIRATION", "soon");
    aws_expect_error(w, "no time");
    aws_set(w, "AWS_ACCESS_KEY_ID", "%s", ""); /* as if it was not set */
    aws_expect(w, "AKIDFILE", "shared-credentials-file");
}

static void a_secret_is_never_in_an_error(void **state)
{
    struct aws_world *w = *state;

    aws_set(w, "AWS_ACCESS_KEY_ID", "AKIDENV");
    aws_set(w, "AWS_SECRET_ACCESS_KEY", "SEC\nRET");
    aws_expect_error(w, "impossible characters");
    assert_null(strstr(w->error.text, "SEC"));
}

static void a_profile_chooses(void **state)
{
    struct aws_world *w = *state;

    aws_write(w, ".aws/credentials", "[default]\n" KEYS("AKIDDEFAULT") "[a]\n" KEYS("AKIDA") "[b]\n" KEYS("AKIDB"));
    aws_expect(w, "AKIDDEFAULT", "shared-credentials-file");
    aws_set(w, "AWS_DEFAULT_PROFILE", "a");
    aws_expect(w, "AKIDA", "shared-credentials-file");
    aws_set(w, "AWS_PROFILE", "b");
    aws_expect(w, "AKIDB", "shared-credentials-file");
    w->config.profile = "a";
    aws_expect(w, "AKIDA", "shared-credentials-file");
    w->config.profile = "c";
    aws_expect_error(w, "no profile c");
    /* A profile that was asked for by name is meant, whatever the environment has. */
    aws_set(w, "AWS_ACCESS_KEY_ID", "AKIDENV");
    aws_set(w, "AWS_SECRET_ACCESS_KEY", "SECRET");
    w->config.profile = "a";
    aws_expect(w, "AKIDA", "shared-credentials-file");
    w->config.profile = NULL;
    aws_expect(w, "AKIDENV", "environment");
}

/* From the last to the first: each is asked only where those before it have nothing. */
static void providers_have_an_order(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answers[] = {
        {.when = "GET /container",
         .status = 200,
         .body =
             "{\"AccessKeyId\":\"AKIDCONTAINER\",\"SecretAccessKey\":\"S\",\"Token\":\"T\",\"Expiration\":\"" AWS_LATER
             "\"}"},
        {.when = "POST /",
         .status = 200,
         .body =
             "<R><AccessKeyId>AKIDSTS</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>"
             "<Expiration>" AWS_LATER "</Expiration></R>"},
    };

    stand_script(&w->stand, answers, 2);
    aws_set(w, "AWS_ENDPOINT_URL", "%s", w->stand.url);
    aws_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/container", w->stand.url);
    aws_expect(w, "AKIDCONTAINER", "container");
    aws_write(w, ".aws/config", "[default]\n" KEYS("AKIDCONFIG"));
    aws_expect(w, "AKIDCONFIG", "config-file");
    aws_write(w, ".aws/config",
              "[default]\n" KEYS(
                  "AKIDCONFIG") "credential_process = printf "
                                "'{\"Version\":1,\"AccessKeyId\":\"AKIDPROCESS\",\"SecretAccessKey\":\"S\"}'\n");
    aws_expect(w, "AKIDPROCESS", "credential-process");
    aws_write(w, ".aws/credentials", "[default]\n" KEYS("AKIDFILE"));
    aws_expect(w, "AKIDFILE", "shared-credentials-file");
    aws_write(w, "token", "WEBTOKEN\n");
    aws_set(w, "AWS_WEB_IDENTITY_TOKEN_FILE", "%s/token", w->home);
    aws_set(w, "AWS_ROLE_ARN", "arn:aws:iam::1:role/web");
    aws_expect(w, "AKIDSTS", "web-identity");
    aws_write(w, ".aws/config", "[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = default\n");
    aws_expect(w, "AKIDSTS", "assume-role");
    aws_set(w, "AWS_ACCESS_KEY_ID", "AKIDENV");
    aws_set(w, "AWS_SECRET_ACCESS_KEY", "SECRET");
    aws_expect(w, "AKIDENV", "environment");
}

static void a_broken_file_is_told_by_its_line(void **state)
{
    struct aws_world *w = *state;

    aws_write(w, ".aws/credentials", "[default]\n" KEYS("AKID") "SECRETGARBAGE\n");
    aws_expect_error(w, ".aws/credentials: line 4");
    assert_null(strstr(w->error.text, "SECRETGARBAGE"));
    aws_write(w, ".aws/credentials", "[default]\naws_access_key_id = A\n");
    aws_expect_error(w, "no aws_secret_access_key");
    aws_set(w, "AWS_SHARED_CREDENTIALS_FILE", "%s", w->home); /* a directory */
    aws_expect_error(w, "Is a directory");
}

/* ---- processes ---- */

static void process(struct aws_world *w, const char *command)
{
    aws_write(w, ".aws/config", "[default]\ncredential_process = %s\n", command);
}

static void a_process_prints_credentials(void **state)
{
    struct aws_world *w = *state;

    aws_write(w, "my keys",
              "{\"Version\":1,\"AccessKeyId\":\"AKIDP\",\"SecretAccessKey\":\"S\",\"SessionToken\":\"T\","
              "\"Expiration\":\"2023-11-15T00:13:20+01:00\"}");
    char command[2 * TEMPDIR_PATH_SIZE];
    (void)snprintf(command, sizeof command, "cat \"%s/my keys\"", w->home);
    process(w, command);
    aws_expect(w, "AKIDP", "credential-process");
    assert_string_equal(w->keys.token, "T");
    assert_int_equal(w->keys.expires_ms, AWS_LATER_MS);
}

static void a_process_that_fails_ends_the_chain(void **state)
{
    struct aws_world *w = *state;

    process(w, "false");
    aws_expect_error(w, "credential_process: false: it failed");
    process(w, "/nothing/there");
    aws_expect_error(w, "No such file");
    process(w, "printf '{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}'");
    aws_expect_error(w, "\"Version\": 1");
    process(w, "printf '{\"Version\":1,\"AccessKeyId\":\"SECRETWORD\"}'");
    aws_expect_error(w, "not JSON with AccessKeyId");
    assert_null(strstr(w->error.text, "SECRETWORD"));
    process(w, "printf 'a");
    aws_expect_error(w, "a quote does not end");
    process(w, "yes");
    aws_expect_error(w, "it prints too much");
}

static void *stop_soon(void *arg)
{
    usleep(200000);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

/* Whatever is under way: a process, also one that has closed its output, and a request. */
static void a_fetch_can_be_stopped(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answer = {.when = "GET", .status = -1};
    static const char *const commands[] = {"sleep 60", "sh -c 'exec >&-; sleep 60'", NULL};

    stand_script(&w->stand, &answer, 1);
    aws_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/container", w->stand.url);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        atomic_bool stop = false;
        pthread_t thread;
        aws_write(w, ".aws/config", "%s%s\n", commands[i] != NULL ? "[default]\ncredential_process = " : "",
                  commands[i] != NULL ? commands[i] : "");
        w->config.stop = &stop;
        assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
        assert_int_equal(kfs_chain_load(&w->config, &w->keys, &w->error), -ECANCELED);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static void words_are_split_as_a_shell_does(void **state)
{
    static const struct {
        const char *line;
        const char *words[5];
    } cases[] = {
        {"a b  c", {"a", "b", "c"}},
        {" 'a b' \"c d\" ", {"a b", "c d"}},
        {"a\\ b c\\\"d", {"a b", "c\"d"}},
        {"\"a\\\"b\\\\c\\d\" '\\'", {"a\"b\\c\\d", "\\"}},
        {"x'y'\"z\"", {"xyz"}},
        {"a ''", {"a", ""}},
    };
    char **words;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = 0;
        assert_int_equal(kfs_split_words(cases[i].line, &words), 0);
        for (; words[n] != NULL; n++)
            assert_string_equal(words[n], cases[i].words[n]);
        assert_null(cases[i].words[n]);
        free(words);
    }
    assert_int_equal(kfs_split_words("", &words), -EINVAL);
    assert_int_equal(kfs_split_words("  ", &words), -EINVAL);
    assert_int_equal(kfs_split_words("a 'b", &words), -EINVAL);
    assert_int_equal(kfs_split_words("a \"b\\\"", &words), -EINVAL);
    assert_int_equal(kfs_split_words("a\\", &words), -EINVAL);
}

/* ---- roles ---- */

#define STS_KEYS(id)                                                                                                   \
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n <AssumeRoleResult>\n  <Credentials>\n" \
    "   <AccessKeyId>" id "</AccessKeyId>\n   <SecretAccessKey>a&amp;b</SecretAccessKey>\n"                            \
    "   <SessionToken>T/" id "=</SessionToken>\n   <Expiration>" AWS_LATER "</Expiration>\n  </Credentials>\n"         \
    " </AssumeRoleResult>\n</AssumeRoleResponse>"

static void a_role_is_assumed_by_another_profile(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answer = {.when = "POST /\n", .status = 200, .body = STS_KEYS("ASIAROLE")};

    stand_script(&w->stand, &answer, 1);
    aws_set(w, "AWS_ENDPOINT_URL_STS", "%s", w->stand.url);
    aws_set(w, "AWS_REGION", "eu-west-1");
    aws_write(w, ".aws/credentials", "[base]\n" KEYS("AKIDBASE"));
    aws_write(w, ".aws/config",
              "[default]\nrole_arn = arn:aws:iam::123456789012:role/r/1\nsource_profile = base\n"
              "external_id = x=1&y\nrole_session_name = me\nduration_seconds = 1800\n");
    aws_expect(w, "ASIAROLE", "assume-role");
    assert_string_equal(w->keys.secret, "a&b");
    assert_string_equal(w->keys.token, "T/ASIAROLE=");
    assert_int_equal(w->keys.expires_ms, AWS_LATER_MS);
    stand_expect(&w->stand, 0, "Credential=AKIDBASE/20231114/eu-west-1/sts/aws4_request");
    stand_expect(&w->stand, 0,
                 "(HTTP 1)\n\nVersion=2011-06-15&Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3A");
    stand_expect(&w->stand, 0, "&RoleSessionName=me&ExternalId=x%3D1%26y&DurationSeconds=1800");
}

static void roles_are_assumed_one_by_another(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answers[] = {
        {.when = "POST", .has = "role%2Finner", .status = 200, .body = STS_KEYS("ASIAINNER")},
        {.when = "POST", .has = "role%2Fouter", .status = 200, .body = STS_KEYS("ASIAOUTER")}};

    stand_script(&w->stand, answers, 2);
    aws_set(w, "AWS_ENDPOINT_URL_STS", "%s", w->stand.url);
    aws_write(w, ".aws/config",
              "[profile inner]\nrole_arn = arn:aws:iam::1:role/inner\nsource_profile = base\n"
              "[profile outer]\nrole_arn = arn:aws:iam::1:role/outer\nsource_profile = inner\n"
              "[profile base]\n" KEYS("AKIDBASE"));
    w->config.profile = "outer";
    aws_expect(w, "ASIAOUTER", "assume-role");
    stand_expect(&w->stand, 0, "Credential=AKIDBASE/20231114/us-east-1/sts/");
    stand_expect(&w->stand, 1, "Credential=ASIAINNER/");
    stand_expect(&w->stand, 1, "\nx-amz-security-token: T/ASIAINNER=\n");
    stand_expect(&w->stand, 1, "&RoleSessionName=kinesisfs-1700000000");
}

static void a_role_has_its_source_in_a_place(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answer = {.when = "POST", .status = 200, .body = STS_KEYS("ASIAROLE")};

    stand_script(&w->stand, &answer, 1);
    aws_set(w, "AWS_ENDPOINT_URL_STS", "%s", w->stand.url);
    aws_write(w, ".aws/config", "[profile r]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = Environment\n");
    w->config.profile = "r";
    aws_expect_error(w, "credential_source Environment has no credentials");
    aws_set(w, "AWS_ACCESS_KEY_ID", "AKIDENV");
    aws_set(w, "AWS_SECRET_ACCESS_KEY", "SECRET");
    aws_expect(w, "ASIAROLE", "assume-role");
    stand_expect(&w->stand, 0, "Credential=AKIDENV/");
}

static void a_role_that_cannot_be_assumed_is_an_error(void **state)
{
    struct aws_world *w = *state;
    static const struct {
        const char *config;
        const char *text;
    } cases[] = {
        {"[default]\nrole_arn = r\n", "needs one of"},
        {"[default]\nrole_arn = r\nsource_profile = x\ncredential_source = Environment\n", "needs one of"},
        {"[default]\nrole_arn = r\nsource_profile = x\n", "no source_profile x"},
        {"[default]\nrole_arn = r\nsource_profile = x\n[profile x]\nregion = y\n",
         "source_profile x has no credentials"},
        {"[default]\nrole_arn = r\ncredential_source = Moon\n", "no credential_source Moon"},
        {"[default]\nrole_arn = r\nsource_profile = x\n[profile x]\nrole_arn = r\nsource_profile = default\n",
         "leads back"},
        {"[default]\nrole_arn = r\nsource_profile = x\nmfa_serial = m\n[profile x]\n" KEYS("AKID"), "mfa_serial"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        aws_write(w, ".aws/config", "%s", cases[i].config);
        aws_expect_error(w, cases[i].text);
    }
}

static void what_sts_says_is_told(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answers[] = {
        {.when = "POST",
         .times = 1,
         .status = 403,
         .body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not\nyou</Message></Error>"
                 "<RequestId>x</RequestId></ErrorResponse>"},
        {.when = "POST", .times = 1, .status = 200, .body = "<a>"},
        {.when = "POST", .times = 1, .status = 200, .body = "<a/>"},
        {.when = "POST",
         .times = 1,
         .status = 200,
         .body = "<!DOCTYPE a [<!ENTITY x \"AKID\">]><a><AccessKeyId>&x;</AccessKeyId></a>"},
        {.when = "POST", .times = 2, .status = 503, .body = ""},
        {.when = "POST", .status = 200, .body = STS_KEYS("ASIAATLAST")}};

    stand_script(&w->stand, answers, 6);
    aws_set(w, "AWS_ENDPOINT_URL_STS", "%s", w->stand.url);
    aws_write(w, ".aws/config", "[default]\nrole_arn = r\nsource_profile = default\n" KEYS("AKIDSELF"));
    aws_expect_error(w, "STS: AccessDenied: not you");
    assert_string_equal(w->error.aws_code, "AccessDenied");
    aws_expect_error(w, "no answer in XML");
    aws_expect_error(w, "no credentials");
    aws_expect_error(w, "no answer in XML");
    aws_expect(w, "ASIAATLAST", "assume-role"); /* 503 was tried again */
}

/* The world's clock stands three years behind the server's. */
static void a_wrong_clock_is_made_up_for_at_sts(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answers[] = {
        {.when = "POST",
         .has = "\nx-amz-date: 20231114T",
         .status = 403,
         .body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired</Message></Error>"
                 "</ErrorResponse>"},
        {.when = "POST", .status = 200, .body = STS_KEYS("ASIAROLE")}};

    stand_script(&w->stand, answers, 2);
    aws_set(w, "AWS_ENDPOINT_URL_STS", "%s", w->stand.url);
    aws_write(w, ".aws/config", "[default]\nrole_arn = r\nsource_profile = default\n" KEYS("AKIDSELF"));
    aws_expect(w, "ASIAROLE", "assume-role");
    assert_int_equal(stand_count(&w->stand), 2);
    /* A wrong secret is said the same way, and is asked about no more than twice. */
    answers[0].has = NULL;
    stand_script(&w->stand, answers, 1);
    aws_expect_error(w, "SignatureDoesNotMatch");
    assert_int_equal(stand_count(&w->stand), 2);
}

static void a_web_identity_is_not_signed(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answer = {.when = "POST", .status = 200, .body = STS_KEYS("ASIAWEB")};

    stand_script(&w->stand, &answer, 1);
    aws_set(w, "AWS_ENDPOINT_URL_STS", "%s", w->stand.url);
    aws_write(w, "token", "a.b.c\n");
    aws_write(w, ".aws/config",
              "[profile web]\nweb_identity_token_file = %s/token\nrole_arn = arn:aws:iam::1:role/w\n"
              "role_session_name = s\n",
              w->home);
    w->config.profile = "web";
    aws_expect(w, "ASIAWEB", "web-identity");
    stand_expect(&w->stand, 0, "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fw");
    stand_expect(&w->stand, 0, "&RoleSessionName=s&WebIdentityToken=a.b.c");
    stand_expect_not(&w->stand, 0, "\nauthorization:");
    aws_write(w, ".aws/config", "[profile web]\nweb_identity_token_file = /nothing\nrole_arn = r\n");
    aws_expect_error(w, "/nothing: No such file");
}

/* ---- SSO ---- */

#define SSO_KEYS                                                                                                       \
    "{\"roleCredentials\":{\"accessKeyId\":\"ASIASSO\",\"secretAccessKey\":\"S\",\"sessionToken\":\"T\","              \
    "\"expiration\":"                                                                                                  \
    "1700003600000}}"

static void sso_uses_the_token_of_the_login(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answers[] = {
        {.when = "GET /federation/credentials?role_name=Admin&account_id=123456789012\n",
         .has = "\nx-amz-sso_bearer_token: TOKEN1\n",
         .status = 200,
         .body = SSO_KEYS},
        {.when = "GET", .status = 401, .body = "{\"message\":\"Session token not found or invalid\"}"}};

    stand_script(&w->stand, answers, 2);
    aws_set(w, "AWS_ENDPOINT_URL_SSO", "%s", w->stand.url);
    aws_write(w, ".aws/config",
              "[default]\nsso_session = my-sso\nsso_account_id = 123456789012\nsso_role_name = Admin\n"
              "[sso-session my-sso]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n");
    aws_expect_error(w, "run: aws sso login --profile default");
    /* SHA-1 of my-sso */
    const char *cache = ".aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json";
    aws_write(w, cache, "{\"accessToken\":\"TOKEN1\",\"expiresAt\":\"" AWS_LATER "\"}");
    aws_expect(w, "ASIASSO", "sso");
    assert_int_equal(w->keys.expires_ms, AWS_LATER_MS);
    aws_write(w, cache, "{\"accessToken\":\"TOKEN2\",\"expiresAt\":\"" AWS_LATER "\"}");
    aws_expect_error(w, "HTTP status 401");
    aws_write(w, cache, "{\"accessToken\":\"TOKEN1\",\"expiresAt\":\"2023-11-14T22:13:20Z\"}");
    aws_expect_error(w, "run: aws sso login --profile default");
    aws_write(w, cache, "garbage");
    aws_expect_error(w, "run: aws sso login --profile default");
    aws_write(w, ".aws/config", "[default]\nsso_session = none\nsso_account_id = 1\nsso_role_name = Admin\n");
    aws_expect_error(w, "SSO needs");
}

static void sso_may_be_all_in_the_profile(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answer = {.when = "GET", .status = 200, .body = SSO_KEYS};

    stand_script(&w->stand, &answer, 1);
    aws_set(w, "AWS_ENDPOINT_URL_SSO", "%s", w->stand.url);
    aws_write(w, ".aws/config",
              "[default]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
              "sso_account_id = 1\nsso_role_name = Admin\n");
    /* SHA-1 of the URL */
    aws_write(w, ".aws/sso/cache/3947de8b16688092197fa616c34e01335f21d256.json",
              "{\"accessToken\":\"TOKEN\",\"expiresAt\":\"" AWS_LATER "\"}");
    aws_expect(w, "ASIASSO", "sso");
}

/* ---- containers and machines ---- */

#define NEAR_KEYS(id)                                                                                                  \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" id                                                                      \
    "\",\"SecretAccessKey\":\"S\",\"Token\":\"T\",\"Expiration\":\"" AWS_LATER "\"}"

static void a_container_is_asked_with_its_token(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answers[] = {{.when = "GET /keys", .times = 1, .status = 500},
                                     {.when = "GET /keys", .times = 1, .status = 0},
                                     {.when = "GET /keys", .status = 200, .body = NEAR_KEYS("ASIACONTAINER")},
                                     {.when = "GET /bad", .status = 200, .body = "{\"AccessKeyId\":1}"},
                                     {.when = "GET /denied", .status = 403}};

    stand_script(&w->stand, answers, 5);
    aws_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/keys", w->stand.url);
    aws_set(w, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "from environment");
    aws_expect(w, "ASIACONTAINER", "container");
    assert_int_equal(stand_count(&w->stand), 3);
    stand_expect(&w->stand, 2, "\nauthorization: from environment\n");
    aws_write(w, "token", "from file\n");
    aws_set(w, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "%s/token", w->home);
    aws_expect(w, "ASIACONTAINER", "container");
    stand_expect(&w->stand, 3, "\nauthorization: from file\n");
    aws_write(w, "token", "two\nlines\n");
    aws_expect_error(w, "no header");
    aws_set(w, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nothing");
    aws_expect_error(w, "/nothing cannot be read");
    aws_set(w, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "%s", "");
    aws_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/bad", w->stand.url);
    aws_expect_error(w, "not JSON with AccessKeyId");
    aws_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s/denied", w->stand.url);
    aws_expect_error(w, "HTTP status 403");
}

static void a_container_is_not_asked_far_away(void **state)
{
    struct aws_world *w = *state;
    static const char *const urls[] = {"http://example.com/keys", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/",
                                       "http://169.254.170.22/", "keys"};

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        aws_set(w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "%s", urls[i]);
        aws_expect_error(w, "neither https nor of this host");
    }
}

static void a_machine_is_asked_in_a_session(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answers[] = {
        {.when = "PUT /latest/api/token\n",
         .has = "\nx-aws-ec2-metadata-token-ttl-seconds: 21600\n",
         .status = 200,
         .body = "SESSION=="},
        {.when = "GET /latest/meta-data/iam/security-credentials/\n",
         .has = "\nx-aws-ec2-metadata-token: SESSION==\n",
         .status = 200,
         .body = "my-role\n"},
        {.when = "GET /latest/meta-data/iam/security-credentials/my-role\n",
         .has = "\nx-aws-ec2-metadata-token: SESSION==\n",
         .status = 200,
         .body = NEAR_KEYS("ASIAMACHINE")},
        {.when = "GET /latest/meta-data/placement/region\n", .status = 200, .body = "ap-south-1"}};
    char region[KFS_REGION_NAME_MAX + 1];

    stand_script(&w->stand, answers, 4);
    aws_set(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "%s/", w->stand.url);
    aws_expect_error(w, "no credentials"); /* it is disabled */
    assert_int_equal(kfs_chain_region(&w->config, region, NULL), -EINVAL);
    assert_int_equal(stand_count(&w->stand), 0);
    aws_set(w, "AWS_EC2_METADATA_DISABLED", "%s", "");
    aws_expect(w, "ASIAMACHINE", "instance-metadata");
    assert_int_equal(w->keys.expires_ms, AWS_LATER_MS);
    assert_int_equal(kfs_chain_region(&w->config, region, NULL), 0);
    assert_string_equal(region, "ap-south-1");
    w->wall_ms = AWS_LATER_MS; /* it has no new ones */
    aws_expect(w, "ASIAMACHINE", "instance-metadata");
    assert_int_equal(w->keys.expires_ms, AWS_LATER_MS + 600000);
}

static void a_machine_without_sessions_is_asked_without(void **state)
{
    struct aws_world *w = *state;
    struct stand_answer answers[] = {
        {.when = "PUT", .status = 404},
        {.when = "GET /latest/meta-data/iam/security-credentials/\n", .status = 200, .body = "r"},
        {.when = "GET /latest/meta-data/iam/security-credentials/r\n", .status = 200, .body = NEAR_KEYS("ASIAV1")}};

    stand_script(&w->stand, answers, 3);
    aws_set(w, "AWS_EC2_METADATA_DISABLED", "%s", "");
    aws_set(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "%s", w->stand.url);
    aws_expect(w, "ASIAV1", "instance-metadata");
    stand_expect_not(&w->stand, 1, "x-aws-ec2-metadata-token");
    aws_set(w, "AWS_EC2_METADATA_V1_DISABLED", "true");
    aws_expect_error(w, "AWS_EC2_METADATA_V1_DISABLED");
    answers[0].status = 500;
    stand_script(&w->stand, answers, 3);
    aws_expect_error(w, "no credentials");
    answers[0] = (struct stand_answer){.when = "PUT", .status = 200, .body = "S"};
    answers[1].status = 404; /* no role */
    stand_script(&w->stand, answers, 3);
    aws_expect_error(w, "no credentials");
    answers[1] = (struct stand_answer){.when = "GET", .status = 200, .zeros = KFS_PROVIDER_ANSWER_MAX + 1};
    stand_script(&w->stand, answers, 3);
    aws_expect_error(w, "too long");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, aws_world_setup, aws_world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_configured_is_an_error),
        TEST(the_environment_comes_first),
        TEST(a_secret_is_never_in_an_error),
        TEST(a_profile_chooses),
        TEST(providers_have_an_order),
        TEST(a_broken_file_is_told_by_its_line),
        TEST(a_process_prints_credentials),
        TEST(a_process_that_fails_ends_the_chain),
        TEST(a_fetch_can_be_stopped),
        TEST(words_are_split_as_a_shell_does),
        TEST(a_role_is_assumed_by_another_profile),
        TEST(roles_are_assumed_one_by_another),
        TEST(a_role_has_its_source_in_a_place),
        TEST(a_role_that_cannot_be_assumed_is_an_error),
        TEST(what_sts_says_is_told),
        TEST(a_wrong_clock_is_made_up_for_at_sts),
        TEST(a_web_identity_is_not_signed),
        TEST(sso_uses_the_token_of_the_login),
        TEST(sso_may_be_all_in_the_profile),
        TEST(a_container_is_asked_with_its_token),
        TEST(a_container_is_not_asked_far_away),
        TEST(a_machine_is_asked_in_a_session),
        TEST(a_machine_without_sessions_is_asked_without),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
