/* api.h - the keys of Kafka's APIs, those we do not speak included: they are
 * reserved, and traces and metrics name them. Which ones have tables says
 * wire_find(); which ones are served says api/. */
#ifndef WIRE_API_H
#define WIRE_API_H

/* X(name, key, Kafka's name) */
#define API_LIST(X)                                                            \
    X(PRODUCE, 0, "Produce")                                                   \
    X(FETCH, 1, "Fetch")                                                       \
    X(LIST_OFFSETS, 2, "ListOffsets")                                          \
    X(METADATA, 3, "Metadata")                                                 \
    X(LEADER_AND_ISR, 4, "LeaderAndIsr")                                       \
    X(STOP_REPLICA, 5, "StopReplica")                                          \
    X(UPDATE_METADATA, 6, "UpdateMetadata")                                    \
    X(CONTROLLED_SHUTDOWN, 7, "ControlledShutdown")                            \
    X(OFFSET_COMMIT, 8, "OffsetCommit")                                        \
    X(OFFSET_FETCH, 9, "OffsetFetch")                                          \
    X(FIND_COORDINATOR, 10, "FindCoordinator")                                 \
    X(JOIN_GROUP, 11, "JoinGroup")                                             \
    X(HEARTBEAT, 12, "Heartbeat")                                              \
    X(LEAVE_GROUP, 13, "LeaveGroup")                                           \
    X(SYNC_GROUP, 14, "SyncGroup")                                             \
    X(DESCRIBE_GROUPS, 15, "DescribeGroups")                                   \
    X(LIST_GROUPS, 16, "ListGroups")                                           \
    X(SASL_HANDSHAKE, 17, "SaslHandshake")                                     \
    X(API_VERSIONS, 18, "ApiVersions")                                         \
    X(CREATE_TOPICS, 19, "CreateTopics")                                       \
    X(DELETE_TOPICS, 20, "DeleteTopics")                                       \
    X(DELETE_RECORDS, 21, "DeleteRecords")                                     \
    X(INIT_PRODUCER_ID, 22, "InitProducerId")                                  \
    X(OFFSET_FOR_LEADER_EPOCH, 23, "OffsetForLeaderEpoch")                     \
    X(ADD_PARTITIONS_TO_TXN, 24, "AddPartitionsToTxn")                         \
    X(ADD_OFFSETS_TO_TXN, 25, "AddOffsetsToTxn")                               \
    X(END_TXN, 26, "EndTxn")                                                   \
    X(WRITE_TXN_MARKERS, 27, "WriteTxnMarkers")                                \
    X(TXN_OFFSET_COMMIT, 28, "TxnOffsetCommit")                                \
    X(DESCRIBE_ACLS, 29, "DescribeAcls")                                       \
    X(CREATE_ACLS, 30, "CreateAcls")                                           \
    X(DELETE_ACLS, 31, "DeleteAcls")                                           \
    X(DESCRIBE_CONFIGS, 32, "DescribeConfigs")                                 \
    X(ALTER_CONFIGS, 33, "AlterConfigs")                                       \
    X(ALTER_REPLICA_LOG_DIRS, 34, "AlterReplicaLogDirs")                       \
    X(DESCRIBE_LOG_DIRS, 35, "DescribeLogDirs")                                \
    X(SASL_AUTHENTICATE, 36, "SaslAuthenticate")                               \
    X(CREATE_PARTITIONS, 37, "CreatePartitions")                               \
    X(CREATE_DELEGATION_TOKEN, 38, "CreateDelegationToken")                    \
    X(RENEW_DELEGATION_TOKEN, 39, "RenewDelegationToken")                      \
    X(EXPIRE_DELEGATION_TOKEN, 40, "ExpireDelegationToken")                    \
    X(DESCRIBE_DELEGATION_TOKEN, 41, "DescribeDelegationToken")                \
    X(DELETE_GROUPS, 42, "DeleteGroups")                                       \
    X(ELECT_LEADERS, 43, "ElectLeaders")                                       \
    X(INCREMENTAL_ALTER_CONFIGS, 44, "IncrementalAlterConfigs")                \
    X(ALTER_PARTITION_REASSIGNMENTS, 45, "AlterPartitionReassignments")        \
    X(LIST_PARTITION_REASSIGNMENTS, 46, "ListPartitionReassignments")          \
    X(OFFSET_DELETE, 47, "OffsetDelete")                                       \
    X(DESCRIBE_CLIENT_QUOTAS, 48, "DescribeClientQuotas")                      \
    X(ALTER_CLIENT_QUOTAS, 49, "AlterClientQuotas")                            \
    X(DESCRIBE_USER_SCRAM_CREDENTIALS, 50, "DescribeUserScramCredentials")     \
    X(ALTER_USER_SCRAM_CREDENTIALS, 51, "AlterUserScramCredentials")           \
    X(VOTE, 52, "Vote")                                                        \
    X(BEGIN_QUORUM_EPOCH, 53, "BeginQuorumEpoch")                              \
    X(END_QUORUM_EPOCH, 54, "EndQuorumEpoch")                                  \
    X(DESCRIBE_QUORUM, 55, "DescribeQuorum")                                   \
    X(ALTER_PARTITION, 56, "AlterPartition")                                   \
    X(UPDATE_FEATURES, 57, "UpdateFeatures")                                   \
    X(ENVELOPE, 58, "Envelope")                                                \
    X(FETCH_SNAPSHOT, 59, "FetchSnapshot")                                     \
    X(DESCRIBE_CLUSTER, 60, "DescribeCluster")                                 \
    X(DESCRIBE_PRODUCERS, 61, "DescribeProducers")                             \
    X(BROKER_REGISTRATION, 62, "BrokerRegistration")                           \
    X(BROKER_HEARTBEAT, 63, "BrokerHeartbeat")                                 \
    X(UNREGISTER_BROKER, 64, "UnregisterBroker")                               \
    X(DESCRIBE_TRANSACTIONS, 65, "DescribeTransactions")                       \
    X(LIST_TRANSACTIONS, 66, "ListTransactions")                               \
    X(ALLOCATE_PRODUCER_IDS, 67, "AllocateProducerIds")                        \
    X(CONSUMER_GROUP_HEARTBEAT, 68, "ConsumerGroupHeartbeat")                  \
    X(CONSUMER_GROUP_DESCRIBE, 69, "ConsumerGroupDescribe")                    \
    X(CONTROLLER_REGISTRATION, 70, "ControllerRegistration")                   \
    X(GET_TELEMETRY_SUBSCRIPTIONS, 71, "GetTelemetrySubscriptions")            \
    X(PUSH_TELEMETRY, 72, "PushTelemetry")                                     \
    X(ASSIGN_REPLICAS_TO_DIRS, 73, "AssignReplicasToDirs")                     \
    X(LIST_CONFIG_RESOURCES, 74, "ListConfigResources")                        \
    X(DESCRIBE_TOPIC_PARTITIONS, 75, "DescribeTopicPartitions")                \
    X(SHARE_GROUP_HEARTBEAT, 76, "ShareGroupHeartbeat")                        \
    X(SHARE_GROUP_DESCRIBE, 77, "ShareGroupDescribe")                          \
    X(SHARE_FETCH, 78, "ShareFetch")                                           \
    X(SHARE_ACKNOWLEDGE, 79, "ShareAcknowledge")                               \
    X(ADD_RAFT_VOTER, 80, "AddRaftVoter")                                      \
    X(REMOVE_RAFT_VOTER, 81, "RemoveRaftVoter")                                \
    X(UPDATE_RAFT_VOTER, 82, "UpdateRaftVoter")                                \
    X(INITIALIZE_SHARE_GROUP_STATE, 83, "InitializeShareGroupState")           \
    X(READ_SHARE_GROUP_STATE, 84, "ReadShareGroupState")                       \
    X(WRITE_SHARE_GROUP_STATE, 85, "WriteShareGroupState")                     \
    X(DELETE_SHARE_GROUP_STATE, 86, "DeleteShareGroupState")                   \
    X(READ_SHARE_GROUP_STATE_SUMMARY, 87, "ReadShareGroupStateSummary")        \
    X(STREAMS_GROUP_HEARTBEAT, 88, "StreamsGroupHeartbeat")                    \
    X(STREAMS_GROUP_DESCRIBE, 89, "StreamsGroupDescribe")                      \
    X(DESCRIBE_SHARE_GROUP_OFFSETS, 90, "DescribeShareGroupOffsets")           \
    X(ALTER_SHARE_GROUP_OFFSETS, 91, "AlterShareGroupOffsets")                 \
    X(DELETE_SHARE_GROUP_OFFSETS, 92, "DeleteShareGroupOffsets")               \
    X(STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE, 93,                           \
      "StreamsGroupTopologyDescriptionUpdate")                                 \
    X(UNREGISTER_CONTROLLER, 94, "UnregisterController")                       \
    X(OSTRAKA_DESCRIBE, 32001, "OstrakaDescribe") /* ours */                   \
    X(OSTRAKA_SQL, 32002, "OstrakaSql")                                        \
    X(OSTRAKA_OFFSET_HISTORY, 32003, "OstrakaOffsetHistory")

enum api_key {
#define API_ENUM(name, key, text) API_##name = (key),
    API_LIST(API_ENUM)
#undef API_ENUM
};

/* Kafka's name of an API ("Fetch"), "unknown" for a key it does not have.
 * Never NULL. */
const char *api_name(int key);

#endif
