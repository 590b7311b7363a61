
enum kerr {
#define KERR_ENUM(name, code, retriable, text) KERR_##name = (code),
    KERR_LIST(KERR_ENUM)
#undef KERR_ENUM
};

/* Kafka's name of a code ("NOT_LEADER_OR_FOLLOWER"), "UNKNOWN" for a number
 * that is none. Never NULL. */
const char *kerr_name(int code);
/* What it means, for the error message of a response. Never NULL. */
const char *kerr_text(int code);
/* True if clients try again by themselves. */
bool kerr_retriable(int code);

#endif
