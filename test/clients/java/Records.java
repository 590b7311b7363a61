import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Records that can be told apart, how they are sent, read and compared. */
final class Records {
    static String bootstrap;

    private Records() {
    }

    static KafkaProducer<byte[], byte[]> producer(Object... settings) {
        Properties p = settings(settings);
        p.putIfAbsent("delivery.timeout.ms", "60000");
        return new KafkaProducer<>(p, new ByteArraySerializer(),
            new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(Object... settings) {
        Properties p = settings(settings);
        p.putIfAbsent("auto.offset.reset", "none");
        return new KafkaConsumer<>(p, new ByteArrayDeserializer(),
            new ByteArrayDeserializer());
    }

    static Properties settings(Object... settings) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < settings.length; i += 2) {
            p.put(settings[i], settings[i + 1].toString());
        }
        return p;
    }

    /** Every third has no key, every seventh no value, every second a header. */
    static ProducerRecord<byte[], byte[]> record(String topic, int partition,
        int i) {
        byte[] key = i % 3 == 2 ? null : bytes("key " + i % 50);
        byte[] value = i % 7 == 6 ? null : bytes("value " + i
            + " that is long enough to be worth its compression, or nearly");
        ProducerRecord<byte[], byte[]> r = new ProducerRecord<>(topic,
            partition, null, key, value);
        if (i % 2 == 1) {
            r.headers().add("number", bytes(Integer.toString(i)));
            r.headers().add("none", null);
        }
        return r;
    }

    static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    /** Sends records from..to, and waits for all of them. */
    static List<RecordMetadata> send(KafkaProducer<byte[], byte[]> producer,
        String topic, int partition, int from, int to) throws Exception {
        List<Future<RecordMetadata>> futures = new ArrayList<>();
        for (int i = from; i < to; i++) {
            futures.add(producer.send(record(topic, partition, i)));
        }
        producer.flush();
        List<RecordMetadata> sent = new ArrayList<>();
        for (Future<RecordMetadata> f : futures) {
            sent.add(f.get());
        }
        return sent;
    }

    /** Reads n records of these partitions; fails when they do not come. */
    static Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> read(
        KafkaConsumer<byte[], byte[]> consumer,
        Collection<TopicPartition> partitions, int n) {
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> got
            = new HashMap<>();
        partitions.forEach(p -> got.put(p, new ArrayList<>()));
        long until = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        int total = 0;
        while (total < n) {
            Check.that(System.nanoTime() < until, total + " of " + n
                + " records came within 60 s");
            for (ConsumerRecord<byte[], byte[]> r
                : consumer.poll(Duration.ofMillis(500))) {
                got.get(new TopicPartition(r.topic(), r.partition())).add(r);
                total++;
            }
        }
        Check.same(n, total, "records read");
        return got;
    }

    /** Partition 0 of topic holds records 0..n, at offsets 0..n. */
    static void compare(String topic, int n) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            TopicPartition tp = new TopicPartition(topic, 0);
            consumer.assign(List.of(tp));
            consumer.seekToBeginning(List.of(tp));
            List<ConsumerRecord<byte[], byte[]>> got
                = read(consumer, List.of(tp), n).get(tp);
            for (int i = 0; i < n; i++) {
                Check.same((long) i, got.get(i).offset(), "offset");
                compare(record(topic, 0, i), got.get(i));
            }
            Check.same((long) n, consumer.endOffsets(List.of(tp)).get(tp),
                "end of " + topic);
        }
    }

    static void compare(ProducerRecord<byte[], byte[]> sent,
        ConsumerRecord<byte[], byte[]> got) {
        String where = "record " + got.offset() + " of " + got.topic();
        Check.that(Arrays.equals(sent.key(), got.key()), where + ": key");
        Check.that(Arrays.equals(sent.value(), got.value()), where + ": value");
        Header[] a = sent.headers().toArray();
        Header[] b = got.headers().toArray();
        Check.same(a.length, b.length, where + ": headers");
        for (int i = 0; i < a.length; i++) {
            Check.same(a[i].key(), b[i].key(), where + ": header");
            Check.that(Arrays.equals(a[i].value(), b[i].value()),
                where + ": header's value");
        }
    }
}
