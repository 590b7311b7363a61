/* operations.h - what a client may do with a resource, as a field of bits:
 * bit n stands for Kafka's operation number n (KIP-430).
 *
 * There is no authorizer here, and so, as in Kafka without one, everybody may
 * do all that is known for the kind of resource. Whoever did not ask is told
 * INT32_MIN, which is the default of the fields.
 */
#ifndef API_OPERATIONS_H
#define API_OPERATIONS_H

/* Wire numbers. */
enum operation {
    OPERATION_READ = 3,
    OPERATION_WRITE = 4,
    OPERATION_CREATE = 5,
    OPERATION_DELETE = 6,
    OPERATION_ALTER = 7,
    OPERATION_DESCRIBE = 8,
    OPERATION_CLUSTER_ACTION = 9,
    OPERATION_DESCRIBE_CONFIGS = 10,
    OPERATION_ALTER_CONFIGS = 11,
    OPERATION_IDEMPOTENT_WRITE = 12
};

/* All that can be done with a topic, with a consumer group, and with the
 * cluster. */
enum operations {
    OPERATIONS_TOPIC =
        1 << OPERATION_READ | 1 << OPERATION_WRITE | 1 << OPERATION_CREATE |
        1 << OPERATION_DELETE | 1 << OPERATION_ALTER | 1 << OPERATION_DESCRIBE |
        1 << OPERATION_DESCRIBE_CONFIGS | 1 << OPERATION_ALTER_CONFIGS,
    OPERATIONS_GROUP =
        1 << OPERATION_READ | 1 << OPERATION_DELETE | 1 << OPERATION_DESCRIBE |
        1 << OPERATION_DESCRIBE_CONFIGS | 1 << OPERATION_ALTER_CONFIGS,
    OPERATIONS_CLUSTER =
        1 << OPERATION_CREATE | 1 << OPERATION_ALTER | 1 << OPERATION_DESCRIBE |
        1 << OPERATION_CLUSTER_ACTION | 1 << OPERATION_DESCRIBE_CONFIGS |
        1 << OPERATION_ALTER_CONFIGS | 1 << OPERATION_IDEMPOTENT_WRITE
};

#endif
