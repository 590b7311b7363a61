#include "cli/rdconf.h"

#include <string.h>

#define KEY_MAX 256

int rdconf_set(rd_kafka_conf_t *conf, const char *key, const char *value,
               struct err *err)
{
    char text[512];
    if (rd_kafka_conf_set(conf, key, value, text, sizeof text) !=
        RD_KAFKA_CONF_OK) {
        return err_set(err, ERR_INVALID, "%s", text);
    }
    return 0;
}

int rdconf_set_text(rd_kafka_conf_t *conf, const char *text, struct err *err)
{
    char key[KEY_MAX];
    const char *equals = strchr(text, '=');
    if (equals == NULL || (size_t)(equals - text) >= sizeof key) {
        return err_set(err, ERR_INVALID, "%s: expected KEY=VALUE", text);
    }
    memcpy(key, text, (size_t)(equals - text));
    key[equals - text] = '\0';
    return rdconf_set(conf, key, equals + 1, err);
}
