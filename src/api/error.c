/* error.c - our error codes become Kafka's. */
#include "api/request.h"
#include "wire/errors.h"

int16_t request_error(int code)
{
    switch (code) {
    case 0:
        return KERR_NONE;
    case ERR_NOTLEADER:
    case ERR_NOTREADY:
    case ERR_CANCELED:
    case ERR_CLOSED:
        return KERR_NOT_LEADER_OR_FOLLOWER;
    case ERR_FULL:
        return KERR_NOT_ENOUGH_REPLICAS;
    case ERR_TIMEOUT:
        return KERR_REQUEST_TIMED_OUT;
    case ERR_SEQUENCE:
        return KERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    case ERR_EPOCH:
        return KERR_INVALID_PRODUCER_EPOCH;
    case ERR_TOOBIG:
        return KERR_MESSAGE_TOO_LARGE;
    case ERR_RANGE:
        return KERR_OFFSET_OUT_OF_RANGE;
    case ERR_NOTFOUND:
        return KERR_UNKNOWN_TOPIC_OR_PARTITION;
    case ERR_CORRUPT:
    case ERR_IO:
    case ERR_NOSPACE:
    case ERR_NOMEM:
    case ERR_BUSY:
        return KERR_KAFKA_STORAGE_ERROR;
    case ERR_INVALID:
        return KERR_INVALID_REQUEST;
    case ERR_UNSUPPORTED:
    case ERR_VERSION:
        return KERR_UNSUPPORTED_VERSION;
    default:
        return KERR_UNKNOWN_SERVER_ERROR;
    }
}
