import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedVersionException;

/** What an administrator does: topics, their settings, the cluster. */
final class Topics {
    private final Admin admin;

    Topics(Admin admin) {
        this.admin = admin;
    }

    void run() {
        Check.run("describe cluster", this::cluster);
        Check.run("create topics", this::create);
        Check.run("create: refusals", this::refusals);
        Check.run("describe topics by name and id", this::describe);
        Check.run("describe configs", this::configs);
        Check.run("describe configs of a broker", this::brokerConfigs);
        Check.run("incremental alter configs", this::alter);
        Check.run("create partitions", this::partitions);
        Check.run("delete topics by name and id", this::delete);
        Check.run("what is not advertised is refused", this::absent);
    }

    private static NewTopic topic(String name, int partitions, String... set) {
        Map<String, String> configs = new HashMap<>();
        for (int i = 0; i < set.length; i += 2) {
            configs.put(set[i], set[i + 1]);
        }
        return new NewTopic(name, Optional.of(partitions), Optional.empty())
            .configs(configs);
    }

    private void cluster() throws Exception {
        DescribeClusterResult c = admin.describeCluster();
        Check.same(3, c.nodes().get().size(), "nodes");
        Check.that(!c.clusterId().get().isEmpty(), "no cluster id");
        Check.that(c.nodes().get().contains(c.controller().get()),
            "the controller is no node");
    }

    private void create() throws Exception {
        CreateTopicsResult r = admin.createTopics(List.of(
            topic("a", 4, "retention.ms", "3600000"), topic("b", 1),
            new NewTopic("c", Map.of(0, List.of(2, 3, 1),
                1, List.of(3, 1, 2)))));
        r.all().get();
        Check.same(4, r.numPartitions("a").get(), "partitions");
        Check.same(3, r.replicationFactor("a").get(), "replicas");
        Check.same("3600000", r.config("a").get().get("retention.ms").value(),
            "retention.ms");
        Check.that(!r.topicId("a").get().equals(Uuid.ZERO_UUID), "no id");
        admin.createTopics(List.of(topic("dry", 2)),
            new CreateTopicsOptions().validateOnly(true)).all().get();
        Collection<String> names = admin.listTopics().names().get();
        Check.that(names.containsAll(List.of("a", "b", "c")), "names " + names);
        Check.that(!names.contains("dry"), "validateOnly created");
    }

    private void refused(Class<? extends Throwable> expected, NewTopic t)
        throws Exception {
        Check.fails(expected, () -> admin.createTopics(List.of(t)).all().get());
    }

    private void refusals() throws Exception {
        refused(TopicExistsException.class, topic("a", 1));
        refused(InvalidTopicException.class, topic("no/name", 1));
        refused(InvalidPartitionsException.class, topic("x", 0));
        refused(InvalidReplicationFactorException.class,
            new NewTopic("x", 1, (short) 9));
        refused(InvalidConfigurationException.class,
            topic("x", 1, "retention.ms", "soon"));
        refused(InvalidConfigurationException.class,
            topic("x", 1, "no.such", "1"));
        refused(InvalidConfigurationException.class,
            topic("x", 1, "cleanup.policy", "compact"));
        refused(InvalidConfigurationException.class,
            topic("x", 1, "min.insync.replicas", "3"));
        Check.that(!admin.listTopics().names().get().contains("x"),
            "a refused topic is there");
    }

    private void describe() throws Exception {
        TopicDescription a = admin.describeTopics(List.of("a"))
            .allTopicNames().get().get("a");
        Check.same(4, a.partitions().size(), "partitions");
        for (TopicPartitionInfo p : a.partitions()) {
            Check.same(3, p.replicas().size(), "replicas");
            Check.that(p.leader() != null && p.replicas().contains(p.leader()),
                "leader");
            Check.that(p.isr().contains(p.leader()), "isr " + p.isr());
        }
        TopicDescription again = admin.describeTopics(
            TopicCollection.ofTopicIds(List.of(a.topicId())))
            .allTopicIds().get().get(a.topicId());
        Check.same("a", again.name(), "name of the id");
        TopicDescription c = admin.describeTopics(List.of("c"))
            .allTopicNames().get().get("c");
        List<Integer> ids = new ArrayList<>();
        c.partitions().get(1).replicas().forEach(n -> ids.add(n.id()));
        Check.same(List.of(3, 1, 2), ids, "replicas as assigned");
        Check.fails(UnknownTopicOrPartitionException.class, () -> admin
            .describeTopics(List.of("nowhere")).allTopicNames().get());
    }

    private Config config(ConfigResource r) throws Exception {
        return admin.describeConfigs(List.of(r), new DescribeConfigsOptions()
            .includeSynonyms(true).includeDocumentation(true)).all().get()
            .get(r);
    }

    private static ConfigResource resource(String topic) {
        return new ConfigResource(ConfigResource.Type.TOPIC, topic);
    }

    private void configs() throws Exception {
        Config c = config(resource("a"));
        ConfigEntry e = c.get("retention.ms");
        Check.same("3600000", e.value(), "retention.ms");
        Check.same(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, e.source(),
            "source of retention.ms");
        Check.same(ConfigEntry.ConfigType.LONG, e.type(), "its type");
        Check.that(e.documentation() != null, "no documentation");
        Check.that(!e.synonyms().isEmpty(), "no synonyms");
        Check.same("delete", c.get("cleanup.policy").value(), "cleanup.policy");
        Check.that(c.get("max.message.bytes").isDefault(), "default");
        Check.fails(UnknownTopicOrPartitionException.class,
            () -> config(resource("nowhere")));
    }

    private void brokerConfigs() throws Exception {
        Config c = config(new ConfigResource(ConfigResource.Type.BROKER, "2"));
        Check.that(!c.entries().isEmpty(), "no entries");
    }

    private void alter(String key, String value, AlterConfigOp.OpType op)
        throws Exception {
        admin.incrementalAlterConfigs(Map.of(resource("a"),
            List.of(new AlterConfigOp(new ConfigEntry(key, value), op))))
            .all().get();
    }

    private void alter() throws Exception {
        alter("retention.bytes", "1000000", AlterConfigOp.OpType.SET);
        Check.same("1000000",
            config(resource("a")).get("retention.bytes").value(), "set");
        Check.same("3600000",
            config(resource("a")).get("retention.ms").value(), "kept");
        alter("retention.bytes", null, AlterConfigOp.OpType.DELETE);
        Check.same("-1",
            config(resource("a")).get("retention.bytes").value(), "unset");
        Check.fails(InvalidConfigurationException.class, () -> alter(
            "segment.bytes", "-5", AlterConfigOp.OpType.SET));
        Check.fails(InvalidConfigurationException.class, () -> alter(
            "unclean.leader.election.enable", "true",
            AlterConfigOp.OpType.SET));
    }

    private void partitions() throws Exception {
        admin.createPartitions(Map.of("b", NewPartitions.increaseTo(3)))
            .all().get();
        Check.same(3, admin.describeTopics(List.of("b")).allTopicNames().get()
            .get("b").partitions().size(), "partitions");
        Check.fails(InvalidPartitionsException.class, () -> admin
            .createPartitions(Map.of("b", NewPartitions.increaseTo(2)))
            .all().get());
        Check.fails(UnknownTopicOrPartitionException.class, () -> admin
            .createPartitions(Map.of("nowhere", NewPartitions.increaseTo(2)))
            .all().get());
    }

    private void delete() throws Exception {
        Uuid id = admin.describeTopics(List.of("c")).allTopicNames().get()
            .get("c").topicId();
        admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
        admin.deleteTopics(List.of("b")).all().get();
        Collection<String> names = admin.listTopics().names().get();
        Check.that(!names.contains("b") && !names.contains("c"),
            "deleted, but listed: " + names);
        Check.fails(UnknownTopicOrPartitionException.class, () -> admin
            .deleteTopics(List.of("b")).all().get());
        Check.fails(UnknownTopicIdException.class, () -> admin
            .deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get());
        admin.createTopics(List.of(topic("c", 1))).all().get();
        Check.that(!admin.describeTopics(List.of("c")).allTopicNames().get()
            .get("c").topicId().equals(id), "a new topic has an old id");
    }

    private void absent() throws Exception {
        Check.fails(UnsupportedVersionException.class,
            () -> admin.listTransactions().all().get());
        Check.fails(UnsupportedVersionException.class,
            () -> admin.describeLogDirs(List.of(1)).allDescriptions().get());
    }
}
