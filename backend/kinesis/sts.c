/* The Security Token Service: two actions of its query API, and its answers in XML, which expat reads. */
#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/crypto.h"
#include "backend/base/query.h"
#include "backend/base/units.h"
#include "backend/kinesis/chain_internal.h"
#include "backend/kinesis/refusal.h"

#define FORM_MAX ((size_t)64 << 10)
#define TIMES 3
#define SERVICE "sts"
#define GLOBAL_URL "https://sts.amazonaws.com"
#define GLOBAL_REGION "us-east-1"
#define FORM_TYPE "application/x-www-form-urlencoded; charset=utf-8"

/* ---- the answer ---- */

enum word { WORD_ID, WORD_SECRET, WORD_TOKEN, WORD_EXPIRATION, WORD_CODE, WORD_MESSAGE, WORDS };

/* The elements that matter; their names are nowhere else in the answers. */
static const char *const elements[WORDS] = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration",
                                            "Code",        "Message"};

struct reader {
    XML_Parser parser;
    enum word open; /* the element that is open; WORDS: none of them */
    struct kfs_buf words[WORDS];
};

static void XMLCALL on_begin(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = arg;

    (void)attributes;
    r->open = WORDS;
    for (unsigned i = 0; i < WORDS; i++)
        if (strcmp(name, elements[i]) == 0) {
            r->open = (enum word)i;
            r->words[i].len = 0;
        }
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    (void)name;
    ((struct reader *)arg)->open = WORDS;
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
    struct reader *r = arg;

    if (r->open != WORDS && kfs_buf_append(&r->words[r->open], text, (size_t)len) != 0)
        (void)XML_StopParser(r->parser, XML_FALSE);
}

/* There is none in an answer of STS, and entities are not to be met. */
static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id, const XML_Char *public_id,
                               int internal)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)internal;
    (void)XML_StopParser(((struct reader *)arg)->parser, XML_FALSE);
}

static bool parse(struct reader *r, struct kfs_bytes xml)
{
    bool good;

    r->parser = XML_ParserCreate("UTF-8");
    if (r->parser == NULL)
        return false;
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    good = XML_Parse(r->parser, xml.len > 0 ? xml.data : "", (int)xml.len, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(r->parser);
    return good;
}

/* For an error's text: on one line. */
static int plain_len(struct kfs_buf *word)
{
    for (size_t i = 0; i < word->len; i++)
        if ((unsigned char)word->data[i] < ' ')
            word->data[i] = ' ';
    return word->len < KFS_ERROR_TEXT_MAX ? (int)word->len : KFS_ERROR_TEXT_MAX;
}

static struct kfs_bytes bytes_of(const struct kfs_buf *word)
{
    return (struct kfs_bytes){word->len > 0 ? word->data : "", word->len};
}

static int take_keys(struct reader *r, struct kfs_credentials *keys, struct kfs_error *err)
{
    struct kfs_credentials read = {0};
    uint64_t expires_ms = 0;
    int rc = kfs_credentials_set(&read, bytes_of(&r->words[WORD_ID]), bytes_of(&r->words[WORD_SECRET]),
                                 bytes_of(&r->words[WORD_TOKEN]));

    if (rc == 0)
        rc = kfs_buf_append(&r->words[WORD_EXPIRATION], "", 1); /* a NUL behind it */
    if (rc == 0)
        rc = kfs_time_parse(r->words[WORD_EXPIRATION].data, &expires_ms);
    if (rc != 0) {
        kfs_credentials_release(&read);
        return kfs_fail(err, EACCES, "STS: the answer has no credentials");
    }
    read.expires_ms = expires_ms;
    *keys = read;
    return 0;
}

int kfs_sts_read(int status, struct kfs_bytes xml, struct kfs_credentials *keys, struct kfs_error *err)
{
    struct reader r = {.open = WORDS};
    char code[KFS_ERROR_CODE_MAX];
    int rc;

    for (unsigned i = 0; i < WORDS; i++)
        kfs_buf_init(&r.words[i], KFS_CREDENTIAL_BYTES_MAX);
    if (xml.len > KFS_PROVIDER_ANSWER_MAX || !parse(&r, xml)) {
        rc = kfs_fail(err, EACCES, "STS: HTTP status %d, and no answer in XML", status);
    } else if (status == 200) {
        rc = take_keys(&r, keys, err);
    } else {
        struct kfs_bytes text = bytes_of(&r.words[WORD_MESSAGE]);
        (void)snprintf(code, sizeof code, "%.*s", plain_len(&r.words[WORD_CODE]),
                       (const char *)bytes_of(&r.words[WORD_CODE]).data);
        rc = kfs_fail_aws(err, EACCES, code, "STS: %s: %.*s", code, plain_len(&r.words[WORD_MESSAGE]),
                          (const char *)text.data);
    }
    for (unsigned i = 0; i < WORDS; i++) {
        if (r.words[i].data != NULL)
            kfs_secret_wipe(r.words[i].data, r.words[i].cap);
        kfs_buf_release(&r.words[i]);
    }
    return rc;
}

/* ---- the call ---- */

static int print_form(const struct kfs_sts_request *request, struct kfs_buf *form)
{
    int rc = kfs_buf_printf(form, "Version=2011-06-15");

    for (size_t i = 0; rc == 0 && i < request->n; i++) {
        const struct kfs_sts_parameter *p = &request->parameters[i];
        if (p->value == NULL)
            continue;
        rc = kfs_buf_printf(form, "&%s=", p->name);
        if (rc == 0)
            rc = kfs_query_encode((struct kfs_bytes){p->value, strlen(p->value)}, "", form);
    }
    return rc;
}

/* Regional where a region is known: the global endpoint is one region's, and may be away when that is. */
static void where(struct kfs_chain *chain, const char *profile, char region[KFS_REGION_NAME_MAX + 1],
                  char url[KFS_URL_MAX + 1])
{
    struct kfs_choice choice = kfs_chain_choice(chain, profile);
    bool known = chain->config->region != NULL || kfs_region_find(&choice, region);

    if (chain->config->region != NULL)
        (void)snprintf(region, KFS_REGION_NAME_MAX + 1, "%s", chain->config->region);
    if (!known)
        (void)snprintf(region, KFS_REGION_NAME_MAX + 1, "%s", GLOBAL_REGION);
    if (kfs_endpoint_find(&choice, SERVICE, url))
        return;
    if (known)
        kfs_endpoint_usual(&choice, SERVICE, region, url);
    else
        (void)snprintf(url, KFS_URL_MAX + 1, "%s", GLOBAL_URL);
}

/* *date_ms: the time of a server that refused the request's, else 0. */
static int ask(struct kfs_chain *chain, struct kfs_transfer *t, struct kfs_credentials *keys, uint64_t *date_ms,
               struct kfs_error *err)
{
    struct kfs_error refusal = {0};
    int rc = kfs_provider_ask(chain, "STS", t, TIMES, err);

    *date_ms = 0;
    if (rc != 0)
        return rc;
    rc = kfs_sts_read(t->status, (struct kfs_bytes){t->answer.data, t->answer.len}, keys, &refusal);
    if (rc != 0 && kfs_refusal_of(refusal.aws_code, t->status)->skew)
        *date_ms = kfs_transfer_date_ms(t);
    if (rc != 0 && err != NULL)
        *err = refusal;
    kfs_transfer_release(t);
    return rc;
}

int kfs_sts_call(struct kfs_chain *chain, const struct kfs_sts_request *request, struct kfs_credentials *keys,
                 struct kfs_error *err)
{
    char region[KFS_REGION_NAME_MAX + 1];
    char url[KFS_URL_MAX + 1];
    struct kfs_buf form;
    int rc;

    where(chain, request->profile, region, url);
    kfs_buf_init(&form, FORM_MAX);
    rc = print_form(request, &form);
    if (rc != 0)
        rc = kfs_fail(err, EACCES, "STS: the parameters of a role are too long");
    if (rc == 0) {
        struct kfs_transfer t = kfs_provider_request(chain, "POST", url);
        t.headers[t.n_headers++] = (struct kfs_request_header){"Content-Type", FORM_TYPE};
        t.body = (struct kfs_bytes){form.data, form.len};
        if (request->source != NULL)
            t.signing = (struct kfs_signing){.region = region,
                                             .service = SERVICE,
                                             .keys = request->source,
                                             .at_ms = chain->config->clock->wall_ms(chain->config->clock->ctx)};
        uint64_t date_ms;
        rc = ask(chain, &t, keys, &date_ms, err);
        if (date_ms != 0 && request->source != NULL) { /* this machine's clock is wrong, or the secret is */
            t.signing.at_ms = date_ms;
            rc = ask(chain, &t, keys, &date_ms, err);
        }
    }
    if (form.data != NULL)
        kfs_secret_wipe(form.data, form.len); /* a web identity's token */
    kfs_buf_release(&form);
    return rc;
}
