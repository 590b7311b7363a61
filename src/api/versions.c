#include "api/handlers.h"
#include "wire/api.h"
#include "wire/errors.h"
#include "wire/gen/api_versions.h"

static bool name_char(uint8_t c, bool inner)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (inner && (c == '-' || c == '.'));
}

/* KIP-511: [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? */
static bool valid_name(struct slice s)
{
    if (s.len == 0 || !name_char(s.data[0], false) ||
        !name_char(s.data[s.len - 1], false)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!name_char(s.data[i], true)) {
            return false;
        }
    }
    return true;
}

/* A version we do not have: v0, error 35, and which ones we have. */
static void reply_unsupported(struct request *r)
{
    const struct api_row *row = api_find(API_API_VERSIONS);
    struct api_versions_response out;
    struct api_versions_response_api_key *key;
    wire_init(&wire_api_versions_response, &out);
    key = request_elems(r, &wire_api_versions_response_api_key, 1);
    if (key == NULL) {
        return;
    }
    key->api_key = row->key;
    key->min_version = row->min;
    key->max_version = row->max;
    out.error_code = KERR_UNSUPPORTED_VERSION;
    out.api_keys.ptr = key;
    out.api_keys.n = 1;
    r->version = 0;
    request_reply(r, &out);
}

void api_versions(struct request *r)
{
    const struct api_versions_request *in = r->body;
    struct api_versions_response out;
    struct api_versions_response_api_key *keys;
    uint32_t n = 0;
    if (r->version < 0) {
        reply_unsupported(r);
        return;
    }
    wire_init(&wire_api_versions_response, &out);
    if (r->version >= 3 && (!valid_name(in->client_software_name) ||
                            !valid_name(in->client_software_version))) {
        out.error_code = KERR_INVALID_REQUEST;
        request_reply(r, &out);
        return;
    }
    keys = request_elems(r, &wire_api_versions_response_api_key, api_table_n);
    if (keys == NULL) {
        return;
    }
    for (unsigned i = 0; i < api_table_n; i++) {
        if (!api_table[i].hidden) {
            struct api_versions_response_api_key *k = &keys[n++];
            k->api_key = api_table[i].key;
            k->min_version = api_table[i].min;
            k->max_version = api_table[i].max;
        }
    }
    out.api_keys.ptr = keys;
    out.api_keys.n = n;
    request_reply(r, &out);
}
