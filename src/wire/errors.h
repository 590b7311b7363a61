/* errors.h - the error codes of Kafka's protocol.
 *
 * These travel in responses; inside, functions return the codes of
 * base/err.h, which become these once, in api/error.c. "Retriable" is what
 * Kafka's clients do by themselves when they see the code.
 *
 * Thread: any.
 */
#ifndef WIRE_ERRORS_H
#define WIRE_ERRORS_H

#include <stdbool.h>

/* X(name, code, retriable, text) */
#define KERR_LIST(X)                                                           \
    X(UNKNOWN_SERVER_ERROR, -1, false,                                         \
      "something unexpected failed in the broker")                             \
    X(NONE, 0, false, "success")                                               \
    X(OFFSET_OUT_OF_RANGE, 1, false,                                           \
      "the partition does not hold this offset")                               \
    X(CORRUPT_MESSAGE, 2, true, "a record batch is damaged or malformed")      \
    X(UNKNOWN_TOPIC_OR_PARTITION, 3, true, "no such topic or partition here")  \
    X(INVALID_FETCH_SIZE, 4, false, "the fetch size is not valid")             \
    X(LEADER_NOT_AVAILABLE, 5, true,                                           \
      "the partition has no leader at the moment")                             \
    X(NOT_LEADER_OR_FOLLOWER, 6, true,                                         \
      "this broker does not lead or hold the partition")                       \
    X(REQUEST_TIMED_OUT, 7, true, "the request was not done in time")          \
    X(BROKER_NOT_AVAILABLE, 8, false, "the broker cannot be reached")          \
    X(REPLICA_NOT_AVAILABLE, 9, true, "the replica cannot be reached")         \
    X(MESSAGE_TOO_LARGE, 10, false,                                            \
      "a record batch exceeds max.message.bytes")                              \
    X(STALE_CONTROLLER_EPOCH, 11, false,                                       \
      "another broker has become controller")                                  \
    X(OFFSET_METADATA_TOO_LARGE, 12, false,                                    \
      "the metadata of a committed offset is too long")                        \
    X(NETWORK_EXCEPTION, 13, true, "the connection ended before the response") \
    X(COORDINATOR_LOAD_IN_PROGRESS, 14, true,                                  \
      "the coordinator is still loading")                                      \
    X(COORDINATOR_NOT_AVAILABLE, 15, true,                                     \
      "the coordinator is not known at the moment")                            \
    X(NOT_COORDINATOR, 16, true, "this broker is not the coordinator")         \
    X(INVALID_TOPIC_EXCEPTION, 17, false,                                      \
      "the topic's name is not valid, or it may not be used this way")         \
    X(RECORD_LIST_TOO_LARGE, 18, false,                                        \
      "the record batches exceed the segment size")                            \
    X(NOT_ENOUGH_REPLICAS, 19, true,                                           \
      "too few replicas are there to take the records")                        \
    X(NOT_ENOUGH_REPLICAS_AFTER_APPEND, 20, true,                              \
      "the records reached too few replicas")                                  \
    X(INVALID_REQUIRED_ACKS, 21, false, "acks must be -1, 0 or 1")             \
    X(ILLEGAL_GENERATION, 22, false, "the group's generation is another one")  \
    X(INCONSISTENT_GROUP_PROTOCOL, 23, false,                                  \
      "the group's members have no protocol in common")                        \
    X(INVALID_GROUP_ID, 24, false, "the group id is not valid")                \
    X(UNKNOWN_MEMBER_ID, 25, false, "the group has no such member")            \
    X(INVALID_SESSION_TIMEOUT, 26, false,                                      \
      "the session timeout is outside of the broker's limits")                 \
    X(REBALANCE_IN_PROGRESS, 27, false,                                        \
      "the group is rebalancing: join again")                                  \
    X(INVALID_COMMIT_OFFSET_SIZE, 28, false, "the commit is too large")        \
    X(TOPIC_AUTHORIZATION_FAILED, 29, false, "not permitted on this topic")    \
    X(GROUP_AUTHORIZATION_FAILED, 30, false, "not permitted on this group")    \
    X(CLUSTER_AUTHORIZATION_FAILED, 31, false,                                 \
      "not permitted on this cluster")                                         \
    X(INVALID_TIMESTAMP, 32, false,                                            \
      "a record's timestamp is outside of what the topic takes")               \
    X(UNSUPPORTED_SASL_MECHANISM, 33, false,                                   \
      "the SASL mechanism is not offered")                                     \
    X(ILLEGAL_SASL_STATE, 34, false,                                           \
      "the request does not fit the state of the SASL exchange")               \
    X(UNSUPPORTED_VERSION, 35, false,                                          \
      "this version of the API is not supported")                              \
    X(TOPIC_ALREADY_EXISTS, 36, false, "a topic of this name exists")          \
    X(INVALID_PARTITIONS, 37, false, "the number of partitions is not valid")  \
    X(INVALID_REPLICATION_FACTOR, 38, false,                                   \
      "the replication factor is not valid for this cluster")                  \
    X(INVALID_REPLICA_ASSIGNMENT, 39, false,                                   \
      "the assignment of replicas is not valid")                               \
    X(INVALID_CONFIG, 40, false,                                               \
      "a setting is unknown or its value is not valid")                        \
    X(NOT_CONTROLLER, 41, true, "this broker is not the controller")           \
    X(INVALID_REQUEST, 42, false,                                              \
      "the request contradicts itself or is malformed")                        \
    X(UNSUPPORTED_FOR_MESSAGE_FORMAT, 43, false,                               \
      "the record format does not support the request")                        \
    X(POLICY_VIOLATION, 44, false, "a policy of the cluster forbids this")     \
    X(OUT_OF_ORDER_SEQUENCE_NUMBER, 45, false,                                 \
      "the producer's sequence has a gap")                                     \
    X(DUPLICATE_SEQUENCE_NUMBER, 46, false,                                    \
      "the producer's sequence number was there before")                       \
    X(INVALID_PRODUCER_EPOCH, 47, false, "the producer's epoch is an old one") \
    X(INVALID_TXN_STATE, 48, false,                                            \
      "the transaction is not in a state that allows this")                    \
    X(INVALID_PRODUCER_ID_MAPPING, 49, false,                                  \
      "the producer id does not belong to this transactional id")              \
    X(INVALID_TRANSACTION_TIMEOUT, 50, false,                                  \
      "the transaction timeout exceeds the broker's limit")                    \
    X(CONCURRENT_TRANSACTIONS, 51, true,                                       \
      "the transaction has another operation under way")                       \
    X(TRANSACTION_COORDINATOR_FENCED, 52, false,                               \
      "the transaction coordinator has been replaced")                         \
    X(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 53, false,                        \
      "not permitted on this transactional id")                                \
    X(SECURITY_DISABLED, 54, false, "security is switched off")                \
    X(OPERATION_NOT_ATTEMPTED, 55, false,                                      \
      "not tried, because another part of the request failed")                 \
    X(KAFKA_STORAGE_ERROR, 56, true, "the broker's storage failed")            \
    X(LOG_DIR_NOT_FOUND, 57, false, "no such data directory")                  \
    X(SASL_AUTHENTICATION_FAILED, 58, false, "authentication failed")          \
    X(UNKNOWN_PRODUCER_ID, 59, false,                                          \
      "the producer id is not known here any more")                            \
    X(REASSIGNMENT_IN_PROGRESS, 60, false, "the partition is being moved")     \
    X(DELEGATION_TOKEN_AUTH_DISABLED, 61, false,                               \
      "delegation tokens are switched off")                                    \
    X(DELEGATION_TOKEN_NOT_FOUND, 62, false, "no such delegation token")       \
    X(DELEGATION_TOKEN_OWNER_MISMATCH, 63, false,                              \
      "not an owner or renewer of the token")                                  \
    X(DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, 64, false,                         \
      "delegation tokens are not to be had on this connection")                \
    X(DELEGATION_TOKEN_AUTHORIZATION_FAILED, 65, false,                        \
      "not permitted on this delegation token")                                \
    X(DELEGATION_TOKEN_EXPIRED, 66, false, "the delegation token has expired") \
    X(INVALID_PRINCIPAL_TYPE, 67, false,                                       \
      "the type of principal is not supported")                                \
    X(NON_EMPTY_GROUP, 68, false, "the group has members")                     \
    X(GROUP_ID_NOT_FOUND, 69, false, "no such group")                          \
    X(FETCH_SESSION_ID_NOT_FOUND, 70, true, "no such fetch session")           \
    X(INVALID_FETCH_SESSION_EPOCH, 71, true,                                   \
      "the fetch session expects another epoch")                               \
    X(LISTENER_NOT_FOUND, 72, true, "the leader has no listener of this name") \
    X(TOPIC_DELETION_DISABLED, 73, false, "topics may not be deleted here")    \
    X(FENCED_LEADER_EPOCH, 74, true,                                           \
      "the leader epoch is older than the broker's")                           \
    X(UNKNOWN_LEADER_EPOCH, 75, true,                                          \
      "the leader epoch is newer than the broker's")                           \
    X(UNSUPPORTED_COMPRESSION_TYPE, 76, false,                                 \
      "this version of the API does not allow the compression")                \
    X(STALE_BROKER_EPOCH, 77, false, "the broker has registered again since")  \
    X(OFFSET_NOT_AVAILABLE, 78, true,                                          \
      "the new leader does not know its high watermark yet")                   \
    X(MEMBER_ID_REQUIRED, 79, false,                                           \
      "join again with the member id that was given")                          \
    X(PREFERRED_LEADER_NOT_AVAILABLE, 80, true,                                \
      "the preferred leader is not there")                                     \
    X(GROUP_MAX_SIZE_REACHED, 81, false, "the group is full")                  \
    X(FENCED_INSTANCE_ID, 82, false,                                           \
      "another member has taken this group.instance.id")                       \
    X(ELIGIBLE_LEADERS_NOT_AVAILABLE, 83, true,                                \
      "no replica may become leader")                                          \
    X(ELECTION_NOT_NEEDED, 84, true, "the leader is the right one already")    \
    X(NO_REASSIGNMENT_IN_PROGRESS, 85, false,                                  \
      "the partition is not being moved")                                      \
    X(GROUP_SUBSCRIBED_TO_TOPIC, 86, false,                                    \
      "the group still reads this topic")                                      \
    X(INVALID_RECORD, 87, false, "a record was refused")                       \
    X(UNSTABLE_OFFSET_COMMIT, 88, true,                                        \
      "an open transaction has offsets of this group")                         \
    X(THROTTLING_QUOTA_EXCEEDED, 89, true, "a quota is exhausted: try later")  \
    X(PRODUCER_FENCED, 90, false,                                              \
      "a newer producer has taken this transactional id")                      \
    X(RESOURCE_NOT_FOUND, 91, false, "no such resource")                       \
    X(DUPLICATE_RESOURCE, 92, false, "a resource is named twice")              \
    X(UNACCEPTABLE_CREDENTIAL, 93, false, "the credential is not acceptable")  \
    X(INCONSISTENT_VOTER_SET, 94, false,                                       \
      "sender and receiver do not agree who votes")                            \
    X(INVALID_UPDATE_VERSION, 95, false,                                       \
      "the version to update to is not valid")                                 \
    X(FEATURE_UPDATE_FAILED, 96, false, "the feature could not be updated")    \
    X(PRINCIPAL_DESERIALIZATION_FAILURE, 97, false,                            \
      "the forwarded principal cannot be read")                                \
    X(SNAPSHOT_NOT_FOUND, 98, false, "no such snapshot")                       \
    X(POSITION_OUT_OF_RANGE, 99, false,                                        \
      "the position lies outside of the snapshot")                             \
    X(UNKNOWN_TOPIC_ID, 100, true, "no topic of this id here")                 \
    X(DUPLICATE_BROKER_REGISTRATION, 101, false, "another broker has this id") \
    X(BROKER_ID_NOT_REGISTERED, 102, false,                                    \
      "no broker of this id is registered")                                    \
    X(INCONSISTENT_TOPIC_ID, 103, true,                                        \
      "the partition belongs to a topic of another id")                        \
    X(INCONSISTENT_CLUSTER_ID, 104, false, "this is another cluster")          \
    X(TRANSACTIONAL_ID_NOT_FOUND, 105, false, "no such transactional id")      \
    X(FETCH_SESSION_TOPIC_ID_ERROR, 106, true,                                 \
      "the fetch session mixes topic ids and names")                           \
    X(INELIGIBLE_REPLICA, 107, false, "a replica may not be in sync")          \
    X(NEW_LEADER_ELECTED, 108, false,                                          \
      "done, and the leader is another one now")                               \
    X(OFFSET_MOVED_TO_TIERED_STORAGE, 109, false,                              \
      "the offset has moved to tiered storage")                                \
    X(FENCED_MEMBER_EPOCH, 110, false,                                         \
      "the member's epoch is fenced: join again")                              \
    X(UNRELEASED_INSTANCE_ID, 111, false,                                      \
      "another member still holds this group.instance.id")                     \
    X(UNSUPPORTED_ASSIGNOR, 112, false,                                        \
      "the group does not support this assignor")                              \
    X(STALE_MEMBER_EPOCH, 113, false, "the member's epoch is an old one")      \
    X(MISMATCHED_ENDPOINT_TYPE, 114, false,                                    \
      "this endpoint is of another type")                                      \
    X(UNSUPPORTED_ENDPOINT_TYPE, 115, false,                                   \
      "this type of endpoint is not supported")                                \
    X(UNKNOWN_CONTROLLER_ID, 116, false, "no such controller")                 \
    X(UNKNOWN_SUBSCRIPTION_ID, 117, false, "no such telemetry subscription")   \
    X(TELEMETRY_TOO_LARGE, 118, false, "the telemetry is too large")           \
    X(INVALID_REGISTRATION, 119, false,                                        \
      "the broker's registration is not valid")                                \
    X(TRANSACTION_ABORTABLE, 120, false,                                       \
      "the transaction failed: abort it and go on")                            \
    X(INVALID_RECORD_STATE, 121, false,                                        \
      "the record is not in a state to be acknowledged")                       \
    X(SHARE_SESSION_NOT_FOUND, 122, true, "no such share session")             \
    X(INVALID_SHARE_SESSION_EPOCH, 123, true,                                  \
      "the share session expects another epoch")                               \
    X(FENCED_STATE_EPOCH, 124, false, "the state epoch is another one")        \
    X(INVALID_VOTER_KEY, 125, false, "the voter's key is another one")         \
    X(DUPLICATE_VOTER, 126, false, "the voter is in the set already")          \
    X(VOTER_NOT_FOUND, 127, false, "no such voter")                            \
    X(INVALID_REGULAR_EXPRESSION, 128, false,                                  \
      "the regular expression is not valid")                                   \
    X(REBOOTSTRAP_REQUIRED, 129, false,                                        \
      "the client must start again from its bootstrap servers")                \
    X(STREAMS_INVALID_TOPOLOGY, 130, false, "the topology is not valid")       \
    X(STREAMS_INVALID_TOPOLOGY_EPOCH, 131, false,                              \
      "the topology's epoch is not valid")                                     \
    X(STREAMS_TOPOLOGY_FENCED, 132, false,                                     \
      "the topology's epoch is an old one")                                    \
    X(SHARE_SESSION_LIMIT_REACHED, 133, true,                                  \
      "there are too many share sessions")                                     \
    X(GROUP_DELETION_FAILED, 134, false, "the group could not be deleted")     \
    X(STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED, 135, false,                  \
      "the topology's description could not be taken")                         \
    X(CONTROLLER_ID_NOT_REGISTERED, 136, false,                                \
      "no controller of this id is registered")

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
