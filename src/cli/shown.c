#include "cli/shown.h"

#define HEADERS_MAX 256

static size_t headers_of(const rd_kafka_message_t *m,
                         struct record_header out[HEADERS_MAX])
{
    rd_kafka_headers_t *list;
    const char *name;
    const void *value;
    size_t len, n = 0;
    if (rd_kafka_message_headers(m, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    while (n < HEADERS_MAX &&
           rd_kafka_header_get_all(list, n, &name, &value, &len) ==
               RD_KAFKA_RESP_ERR_NO_ERROR) {
        out[n++] = (struct record_header){.key = slice_str(name),
                                          .value = slice_of(value, len),
                                          .value_null = value == NULL};
    }
    return n;
}

static int32_t epoch_of(const rd_kafka_message_t *m)
{
#if RD_KAFKA_VERSION >= 0x02010000
    return rd_kafka_message_leader_epoch(m);
#else
    (void)m;
    return -1;
#endif
}

void shown_message(struct consume *x, struct consume_part *p,
                   const rd_kafka_message_t *m)
{
    struct record_header headers[HEADERS_MAX];
    rd_kafka_timestamp_type_t type;
    struct shown r = {.topic = x->topic,
                      .partition = m->partition,
                      .epoch = epoch_of(m),
                      .offset = m->offset,
                      .timestamp = rd_kafka_message_timestamp(m, &type),
                      .key_null = m->key == NULL,
                      .value_null = m->payload == NULL,
                      .key = slice_of(m->key, m->key != NULL ? m->key_len : 0),
                      .value =
                          slice_of(m->payload, m->payload != NULL ? m->len : 0),
                      .headers = headers,
                      .n_headers = headers_of(m, headers)};
    consume_record(x, p, &r);
}
