import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.utils.AppInfoParser;

/** What the Java client does to a cluster; the argument is where it is. */
public final class Main {
    private static Admin admin;

    private Main() {
    }

    public static void main(String[] args) {
        Records.bootstrap = args[0];
        System.out.println("with  kafka-clients "
            + AppInfoParser.getVersion());
        admin = Admin.create(Records.settings());
        new Topics(admin).run();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            for (boolean idempotent : List.of(true, false)) {
                Check.run("codec " + codec + ", idempotent " + idempotent,
                    () -> codec(codec, idempotent));
            }
        }
        for (String acks : List.of("0", "1", "all")) {
            Check.run("acks " + acks, () -> acks(acks));
        }
        Check.run("records of other sizes", Main::sizes);
        Check.run("list offsets", Main::listOffsets);
        Check.run("seek, offsets for times", Main::seek);
        Check.run("delete records", Main::deleteRecords);
        Check.run("100 partitions, many polls", Main::manyPartitions);
        Check.run("pause, resume, assign again", Main::sessions);
        Check.run("a consumer waits, and is woken", Main::longPoll);
        Check.run("transactions are refused", Main::transactions);
        new Groups(admin).run();
        if (args.length > 2) {
            Check.run("kill -9 of a leader", () -> failover(args[1], args[2]));
        }
        admin.close();
        System.exit(Check.failed == 0 ? 0 : 1);
    }

    private static void create(String topic, int partitions) throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, Optional.of(partitions),
            Optional.empty()))).all().get();
    }

    private static void codec(String codec, boolean idempotent)
        throws Exception {
        String topic = codec + "-" + idempotent;
        create(topic, 1);
        try (KafkaProducer<byte[], byte[]> p = Records.producer(
            "compression.type", codec, "enable.idempotence", idempotent,
            "max.in.flight.requests.per.connection", idempotent ? 5 : 1,
            "batch.size", 4000)) {
            long offset = 0;
            for (RecordMetadata m : Records.send(p, topic, 0, 0, 3000)) {
                Check.same(offset++, m.offset(), "offset of the answer");
            }
        }
        Records.compare(topic, 3000);
    }

    /** acks=0 promises nothing while a leader moves, as a new topic's may. */
    private static void acks(String acks) throws Exception {
        for (int i = 1;; i++) {
            String topic = "acks" + acks + "-" + i;
            create(topic, 1);
            try (KafkaProducer<byte[], byte[]> p = Records.producer(
                "acks", acks, "enable.idempotence", acks.equals("all"))) {
                Records.send(p, topic, 0, 0, 1000);
            }
            if (!acks.equals("0") || arrived(topic, 1000)) {
                Records.compare(topic, 1000);
                return;
            }
            Check.that(i < 5, "acks=0 never wrote all");
        }
    }

    /** No answer says so: within 5 s the topic has n records. */
    private static boolean arrived(String topic, int n) throws Exception {
        TopicPartition tp = new TopicPartition(topic, 0);
        for (int i = 0; i < 50; i++) {
            if (offset(tp, OffsetSpec.latest()).offset() == n) {
                return true;
            }
            Thread.sleep(100);
        }
        return false;
    }

    private static void sizes() throws Exception {
        create("sizes", 1);
        TopicPartition tp = new TopicPartition("sizes", 0);
        byte[] large = new byte[1000000];
        for (int i = 0; i < large.length; i++) {
            large[i] = (byte) (i * 31 + i / 251);
        }
        try (KafkaProducer<byte[], byte[]> p = Records.producer(
            "max.request.size", 10000000, "buffer.memory", 50000000)) {
            p.send(new ProducerRecord<>("sizes", 0, null, new byte[0])).get();
            p.send(new ProducerRecord<>("sizes", 0, large, null)).get();
            Check.fails(RecordTooLargeException.class, () -> p.send(
                new ProducerRecord<>("sizes", 0, null, new byte[1100000]))
                .get());
            p.send(new ProducerRecord<>("sizes", 0, null, large)).get();
        }
        try (KafkaConsumer<byte[], byte[]> c = Records.consumer(
            "max.partition.fetch.bytes", 100)) {
            c.assign(List.of(tp));
            c.seekToBeginning(List.of(tp));
            List<ConsumerRecord<byte[], byte[]>> got
                = Records.read(c, List.of(tp), 3).get(tp);
            Check.same(new byte[0], got.get(0).value(), "empty value");
            Check.same(large, got.get(1).key(), "large key");
            Check.same(large, got.get(2).value(), "large value");
        }
    }

    /** Ten records whose times are 1000, 1100, ..., 1900, but 5 is the last. */
    private static void timed(String topic) throws Exception {
        create(topic, 1);
        try (KafkaProducer<byte[], byte[]> p = Records.producer(
            "linger.ms", 0)) {
            for (int i = 0; i < 10; i++) {
                p.send(new ProducerRecord<>(topic, 0,
                    i == 5 ? 5000L : 1000L + i * 100, null,
                    Records.bytes("v" + i))).get();
            }
        }
    }

    private static ListOffsetsResultInfo offset(TopicPartition tp,
        OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(tp, spec)).partitionResult(tp).get();
    }

    private static void listOffsets() throws Exception {
        timed("timed");
        TopicPartition tp = new TopicPartition("timed", 0);
        Check.same(0L, offset(tp, OffsetSpec.earliest()).offset(), "earliest");
        Check.same(10L, offset(tp, OffsetSpec.latest()).offset(), "latest");
        ListOffsetsResultInfo at = offset(tp, OffsetSpec.forTimestamp(1301));
        Check.same(4L, at.offset(), "at 1301");
        Check.same(1400L, at.timestamp(), "time of it");
        Check.same(5L, offset(tp, OffsetSpec.forTimestamp(2000)).offset(),
            "at 2000");
        Check.same(-1L, offset(tp, OffsetSpec.forTimestamp(6000)).offset(),
            "at 6000");
        ListOffsetsResultInfo max = offset(tp, OffsetSpec.maxTimestamp());
        Check.same(5L, max.offset(), "of the greatest time");
        Check.same(5000L, max.timestamp(), "the greatest time");
        Check.same(0L, offset(tp, OffsetSpec.earliestLocal()).offset(),
            "earliest local");
    }

    private static void seek() throws Exception {
        timed("seek");
        TopicPartition tp = new TopicPartition("seek", 0);
        try (KafkaConsumer<byte[], byte[]> c = Records.consumer()) {
            c.assign(List.of(tp));
            c.seek(tp, 7);
            Check.same(7L, Records.read(c, List.of(tp), 3).get(tp).get(0)
                .offset(), "first after seek");
            Check.same(10L, c.position(tp), "position");
            c.seek(tp, 2);
            Check.same(2L, Records.read(c, List.of(tp), 8).get(tp).get(0)
                .offset(), "first after seek back");
            OffsetAndTimestamp t = c.offsetsForTimes(Map.of(tp, 1300L)).get(tp);
            Check.same(3L, t.offset(), "offset of 1300");
            Check.that(t.leaderEpoch().isPresent(), "no epoch");
            Check.same(null, c.offsetsForTimes(Map.of(tp, 9000L)).get(tp),
                "offset of 9000");
            Check.same(0L, c.beginningOffsets(List.of(tp)).get(tp), "begin");
            Check.same(10L, c.endOffsets(List.of(tp)).get(tp), "end");
            Check.same(1, c.partitionsFor("seek").size(), "partitions");
            Check.that(c.listTopics().containsKey("seek"), "not listed");
            c.seek(tp, 5000);
            Check.fails(OffsetOutOfRangeException.class, () -> {
                for (int i = 0; i < 100; i++) {
                    c.poll(Duration.ofMillis(100));
                }
            });
        }
    }

    private static void deleteRecords() throws Exception {
        create("trim", 1);
        TopicPartition tp = new TopicPartition("trim", 0);
        try (KafkaProducer<byte[], byte[]> p = Records.producer()) {
            Records.send(p, "trim", 0, 0, 500);
        }
        Check.same(120L, admin.deleteRecords(Map.of(tp,
            RecordsToDelete.beforeOffset(120))).lowWatermarks().get(tp).get()
            .lowWatermark(), "low watermark");
        Check.same(120L, offset(tp, OffsetSpec.earliest()).offset(),
            "earliest");
        try (KafkaConsumer<byte[], byte[]> c = Records.consumer()) {
            c.assign(List.of(tp));
            c.seekToBeginning(List.of(tp));
            Check.same(120L, Records.read(c, List.of(tp), 380).get(tp).get(0)
                .offset(), "first that is left");
        }
        Check.fails(org.apache.kafka.common.errors.OffsetOutOfRangeException
            .class, () -> admin.deleteRecords(Map.of(tp,
                RecordsToDelete.beforeOffset(9999))).all().get());
        Check.same(500L, admin.deleteRecords(Map.of(tp,
            RecordsToDelete.beforeOffset(-1))).lowWatermarks().get(tp).get()
            .lowWatermark(), "all of them");
    }

    private static List<TopicPartition> all(String topic, int n) {
        List<TopicPartition> list = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            list.add(new TopicPartition(topic, i));
        }
        return list;
    }

    private static void manyPartitions() throws Exception {
        create("many", 100);
        List<TopicPartition> tps = all("many", 100);
        Map<TopicPartition, Integer> next = new HashMap<>();
        try (KafkaProducer<byte[], byte[]> p = Records.producer();
            KafkaConsumer<byte[], byte[]> c = Records.consumer(
                "max.partition.fetch.bytes", 2000, "max.poll.records", 200)) {
            c.assign(tps);
            c.seekToBeginning(tps);
            for (int round = 0; round < 20; round++) {
                // Another part of the partitions each time.
                int sent = 0;
                List<Future<RecordMetadata>> futures = new ArrayList<>();
                for (int i = round % 7; i < 100; i += 1 + round % 4) {
                    for (int j = 0; j < 10; j++, sent++) {
                        TopicPartition tp = tps.get(i);
                        int number = next.merge(tp, 1, Integer::sum) - 1;
                        futures.add(p.send(Records.record("many", i, number)));
                    }
                }
                p.flush();
                for (Future<RecordMetadata> f : futures) {
                    f.get();
                }
                Records.read(c, tps, sent).forEach((tp, got) -> got.forEach(
                    r -> Records.compare(Records.record("many",
                        tp.partition(), (int) r.offset()), r)));
            }
            for (TopicPartition tp : tps) {
                Check.same((long) next.getOrDefault(tp, 0), c.position(tp),
                    "position of " + tp);
            }
        }
    }

    private static void sessions() throws Exception {
        create("sessions", 12);
        create("other", 3);
        List<TopicPartition> tps = all("sessions", 12);
        try (KafkaProducer<byte[], byte[]> p = Records.producer();
            KafkaConsumer<byte[], byte[]> c = Records.consumer()) {
            for (int i = 0; i < 12; i++) {
                Records.send(p, "sessions", i, 0, 100);
            }
            c.assign(tps);
            c.seekToBeginning(tps);
            c.pause(tps.subList(0, 6));
            Set<Integer> seen = new HashSet<>();
            Records.read(c, tps, 600).forEach((tp, got) -> {
                if (!got.isEmpty()) {
                    seen.add(tp.partition());
                }
            });
            Check.same(Set.of(6, 7, 8, 9, 10, 11), seen, "not paused");
            c.resume(tps.subList(0, 6));
            Records.read(c, tps, 600);
            List<TopicPartition> both = new ArrayList<>(all("other", 3));
            both.addAll(tps.subList(3, 5));
            c.assign(both);
            c.seekToBeginning(both);
            Records.send(p, "other", 1, 0, 50);
            Records.read(c, both, 250);
            // A topic that is made anew under its name has another id.
            admin.deleteTopics(List.of("other")).all().get();
            create("other", 3);
            Records.send(p, "other", 1, 0, 20);
            c.assign(all("other", 3));
            c.seekToBeginning(all("other", 3));
            Records.read(c, all("other", 3), 20);
        }
    }

    private static void longPoll() throws Exception {
        create("wait", 1);
        List<TopicPartition> tps = all("wait", 1);
        try (KafkaProducer<byte[], byte[]> p = Records.producer();
            KafkaConsumer<byte[], byte[]> c = Records.consumer(
                "fetch.max.wait.ms", 20000)) {
            c.assign(tps);
            c.seekToBeginning(tps);
            Check.that(c.poll(Duration.ofMillis(500)).isEmpty(), "not empty");
            Records.send(p, "wait", 0, 0, 1);
            long since = System.nanoTime();
            Check.same(1, c.poll(Duration.ofSeconds(15)).count(), "woken");
            long ms = (System.nanoTime() - since) / 1000000;
            Check.that(ms < 5000, "woken after " + ms + " ms");
        }
    }

    private static void transactions() throws Exception {
        try (KafkaProducer<byte[], byte[]> p = Records.producer(
            "transactional.id", "t", "max.block.ms", 10000)) {
            Check.fails(TransactionalIdAuthorizationException.class,
                p::initTransactions);
        }
    }

    private static void dev(String ostraka, String dir, String verb, int node)
        throws Exception {
        Check.same(0, new ProcessBuilder(ostraka, "dev", verb,
            Integer.toString(node), "--dir", dir).inheritIO()
            .redirectOutput(ProcessBuilder.Redirect.DISCARD).start()
            .waitFor(), "dev " + verb);
    }

    private static void failover(String ostraka, String dir) throws Exception {
        create("failover", 1);
        int n = 20000;
        TopicPartition tp = new TopicPartition("failover", 0);
        try (KafkaProducer<byte[], byte[]> p = Records.producer(
            "batch.size", 2000);
            KafkaConsumer<byte[], byte[]> c = Records.consumer()) {
            c.assign(List.of(tp));
            c.seekToBeginning(List.of(tp));
            List<Future<RecordMetadata>> futures = new ArrayList<>();
            int killed = 0;
            for (int i = 0; i < n; i++) {
                futures.add(p.send(Records.record("failover", 0, i)));
                if (i == n / 4) {
                    p.flush();
                    Records.read(c, List.of(tp), i + 1);
                    killed = admin.describeTopics(List.of("failover"))
                        .allTopicNames().get().get("failover").partitions()
                        .get(0).leader().id();
                    dev(ostraka, dir, "kill", killed);
                }
            }
            p.flush();
            for (int i = 0; i < n; i++) {
                Check.same((long) i, futures.get(i).get().offset(), "offset");
            }
            // The consumer that was reading from the old leader goes on.
            Check.same((long) n / 4 + 1, Records.read(c, List.of(tp),
                n - n / 4 - 1).get(tp).get(0).offset(), "went on at");
            dev(ostraka, dir, "start", killed);
        }
        Records.compare("failover", n);
    }
}
