import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.UnknownMemberIdException;

/** Consumer groups: sharing, committing, static members, administration. */
final class Groups {
    private static final int PARTITIONS = 4;

    private final Admin admin;

    Groups(Admin admin) {
        this.admin = admin;
    }

    void run() {
        for (String assignor : List.of("RangeAssignor", "RoundRobinAssignor",
            "StickyAssignor", "CooperativeStickyAssignor")) {
            Check.run("a group, " + assignor, () -> share(assignor));
        }
        Check.run("a static member comes back", this::comeBack);
        Check.run("groups described, changed, deleted", this::administer);
    }

    /** Reads in a thread of its own, and commits what it read. */
    private static final class Member extends Thread {
        private final KafkaConsumer<byte[], byte[]> consumer;
        private final List<ConsumerRecord<byte[], byte[]>> got
            = new ArrayList<>();
        private volatile Set<TopicPartition> assigned = Set.of();
        private volatile boolean ending;
        private volatile int taken;

        Member(String topic, Object... settings) {
            List<Object> all = new ArrayList<>(List.of("group.id", topic,
                "group.protocol", "classic", "auto.offset.reset", "earliest",
                "enable.auto.commit", false, "heartbeat.interval.ms", 500));
            all.addAll(List.of(settings));
            consumer = Records.consumer(all.toArray());
            consumer.subscribe(List.of(topic),
                new ConsumerRebalanceListener() {
                    @Override
                    public void onPartitionsRevoked(
                        Collection<TopicPartition> lost) {
                        taken++;
                    }

                    @Override
                    public void onPartitionsAssigned(
                        Collection<TopicPartition> given) {
                        taken++;
                    }
                });
            setDaemon(true);
        }

        @Override
        public void run() {
            while (!ending) {
                ConsumerRecords<byte[], byte[]> some
                    = consumer.poll(Duration.ofMillis(200));
                synchronized (this) {
                    some.forEach(got::add);
                }
                assigned = Set.copyOf(consumer.assignment());
                if (!some.isEmpty()) {
                    try {
                        consumer.commitSync();
                    } catch (RebalanceInProgressException
                        | CommitFailedException e) {
                        System.err.println("a commit was refused: " + e);
                    }
                }
            }
            consumer.close();
        }

        synchronized List<String> offsets() {
            return got.stream().map(r -> r.partition() + "/" + r.offset())
                .collect(Collectors.toList());
        }

        void end() throws Exception {
            ending = true;
            join(60000);
            Check.that(!isAlive(), "the member does not end");
        }
    }

    private static void until(String what, BooleanSupplier condition)
        throws Exception {
        long until = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.getAsBoolean()) {
            Check.that(System.nanoTime() < until, what + " did not come");
            Thread.sleep(20);
        }
    }

    private void create(String topic) throws Exception {
        admin.createTopics(List.of(new NewTopic(topic,
            Optional.of(PARTITIONS), Optional.empty()))).all().get();
    }

    private static void send(String topic, int from, int to) throws Exception {
        try (KafkaProducer<byte[], byte[]> p = Records.producer()) {
            for (int i = 0; i < PARTITIONS; i++) {
                Records.send(p, topic, i, from, to);
            }
        }
    }

    /** Together they read each of the first n of every partition once. */
    private static void once(int n, Member... members) throws Exception {
        until(n + " records of each partition", () -> {
            int total = 0;
            for (Member m : members) {
                total += m.offsets().size();
            }
            return total >= n * PARTITIONS;
        });
        List<String> all = new ArrayList<>();
        for (Member m : members) {
            all.addAll(m.offsets());
        }
        Check.same(n * PARTITIONS, all.size(), "records read");
        Check.same(all.size(), new HashSet<>(all).size(), "different ones");
    }

    private Map<TopicPartition, OffsetAndMetadata> offsets(String group)
        throws Exception {
        return admin.listConsumerGroupOffsets(group)
            .partitionsToOffsetAndMetadata().get();
    }

    private ConsumerGroupDescription describe(String group) throws Exception {
        return admin.describeConsumerGroups(List.of(group)).all().get()
            .get(group);
    }

    private void share(String assignor) throws Exception {
        String topic = "group-" + assignor;
        String full = "org.apache.kafka.clients.consumer." + assignor;
        create(topic);
        Member a = new Member(topic, "partition.assignment.strategy", full);
        Member b = new Member(topic, "partition.assignment.strategy", full);
        a.start();
        until("everything for one", () -> a.assigned.size() == PARTITIONS);
        b.start();
        until("a half for each",
            () -> a.assigned.size() == 2 && b.assigned.size() == 2);
        send(topic, 0, 50);
        once(50, a, b);
        b.end();
        until("the other half", () -> a.assigned.size() == PARTITIONS);
        send(topic, 50, 100);
        once(100, a, b);
        a.end();
        Map<TopicPartition, OffsetAndMetadata> committed = offsets(topic);
        Check.same(PARTITIONS, committed.size(), "partitions committed");
        for (OffsetAndMetadata o : committed.values()) {
            Check.same(100L, o.offset(), "committed");
        }
        Member c = new Member(topic, "partition.assignment.strategy", full);
        send(topic, 100, 110);
        c.start();
        once(10, c);
        c.end();
    }

    private void comeBack() throws Exception {
        String topic = "group-static";
        create(topic);
        Member a = new Member(topic, "group.instance.id", "one");
        Member b = new Member(topic, "group.instance.id", "two");
        a.start();
        b.start();
        until("a half for each",
            () -> a.assigned.size() == 2 && b.assigned.size() == 2);
        int before = b.taken;
        a.end(); // says nothing to the group
        Member again = new Member(topic, "group.instance.id", "one");
        again.start();
        until("its half", () -> again.assigned.size() == 2);
        Check.same(a.assigned, again.assigned, "what it had");
        Check.same(before, b.taken, "rebalances of the other");
        b.end();
        admin.removeMembersFromConsumerGroup(topic,
            new RemoveMembersFromConsumerGroupOptions(
                List.of(new MemberToRemove("two")))).all().get();
        until("everything", () -> again.assigned.size() == PARTITIONS);
        again.end();
        admin.removeMembersFromConsumerGroup(topic,
            new RemoveMembersFromConsumerGroupOptions()).all().get();
        Check.same(GroupState.EMPTY, describe(topic).groupState(), "state");
    }

    private void administer() throws Exception {
        String topic = "group-admin";
        TopicPartition first = new TopicPartition(topic, 0);
        create(topic);
        send(topic, 0, 10);
        Member a = new Member(topic, "client.id", "reader");
        a.start();
        once(10, a);
        ConsumerGroupDescription d = describe(topic);
        Check.same(GroupState.STABLE, d.groupState(), "state");
        Check.same("range", d.partitionAssignor(), "assignor");
        Check.same(1, d.members().size(), "members");
        d.members().forEach(m -> {
            Check.same("reader", m.clientId(), "client id");
            Check.that(m.host().matches("/[0-9.]+"), "host " + m.host());
            Check.same(PARTITIONS, m.assignment().topicPartitions().size(),
                "assignment");
        });
        Check.that(admin.listGroups().all().get().stream()
            .anyMatch(g -> g.groupId().equals(topic)), "it is not listed");
        // A group at work is not to be changed from outside.
        Check.fails(UnknownMemberIdException.class,
            () -> admin.alterConsumerGroupOffsets(topic,
                Map.of(first, new OffsetAndMetadata(3))).all().get());
        Check.fails(GroupNotEmptyException.class,
            () -> admin.deleteConsumerGroups(List.of(topic)).all().get());
        Check.fails(GroupSubscribedToTopicException.class,
            () -> admin.deleteConsumerGroupOffsets(topic, Set.of(first)).all()
                .get());
        a.end();
        Check.same(GroupState.EMPTY, describe(topic).groupState(), "state");
        admin.alterConsumerGroupOffsets(topic,
            Map.of(first, new OffsetAndMetadata(3, "by hand"))).all().get();
        Check.same(3L, offsets(topic).get(first).offset(), "set by hand");
        Check.same("by hand", offsets(topic).get(first).metadata(), "metadata");
        Member b = new Member(topic);
        b.start();
        until("7 records", () -> b.offsets().size() == 7);
        Check.that(b.offsets().contains("0/3"), "it began elsewhere");
        b.end();
        admin.deleteConsumerGroupOffsets(topic, Set.of(first)).all().get();
        Check.same(PARTITIONS - 1, offsets(topic).size(), "offsets left");
        admin.deleteConsumerGroups(List.of(topic)).all().get();
        Check.fails(GroupIdNotFoundException.class,
            () -> admin.deleteConsumerGroups(List.of(topic)).all().get());
    }
}
