import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A member of a group, as groups/schedule.py starts it: SERVERS GROUP TOPIC
 * ASSIGNOR SESSION_MS COMMIT_MS NAME.
 */
final class Member implements ConsumerRebalanceListener {
    private static final Map<String, String> ASSIGNORS = Map.of(
        "range", "Range", "roundrobin", "RoundRobin", "sticky", "Sticky",
        "cooperative-sticky", "CooperativeSticky");

    // Not System.out: one write a line, all members write to one pipe.
    private final FileOutputStream out
        = new FileOutputStream(FileDescriptor.out);
    private final ConcurrentLinkedQueue<String> orders
        = new ConcurrentLinkedQueue<>();
    private final Map<Integer, Long> next = new TreeMap<>();
    private final Map<Integer, Long> committed = new TreeMap<>();
    private final String name;
    private final String topic;
    private final long interval;
    private final KafkaConsumer<String, String> consumer;

    private Member(String[] args) {
        topic = args[2];
        interval = Long.parseLong(args[5]);
        name = args[6];
        Properties p = new Properties();
        p.put("bootstrap.servers", args[0]);
        p.put("group.id", args[1]);
        p.put("client.id", name);
        p.put("group.protocol", "classic");
        p.put("partition.assignment.strategy",
            "org.apache.kafka.clients.consumer." + ASSIGNORS.get(args[3])
                + "Assignor");
        p.put("session.timeout.ms", args[4]);
        p.put("heartbeat.interval.ms", 500);
        p.put("auto.offset.reset", "earliest");
        p.put("enable.auto.commit", false);
        consumer = new KafkaConsumer<>(p, new StringDeserializer(),
            new StringDeserializer());
        consumer.subscribe(List.of(topic), this);
    }

    private void say(String word, Object what) {
        String line = (name + " " + word + " " + what).stripTrailing() + "\n";
        try {
            out.write(line.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String numbers(Collection<TopicPartition> partitions) {
        return partitions.stream().map(p -> p.partition()).sorted()
            .map(p -> p.toString()).collect(Collectors.joining(" "));
    }

    private void forget(Collection<TopicPartition> partitions) {
        for (TopicPartition p : partitions) {
            next.remove(p.partition());
            committed.remove(p.partition());
        }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> given) {
        say("assigned", numbers(given));
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> taken) {
        commit();
        forget(taken);
        say("revoked", numbers(taken));
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> taken) {
        forget(taken);
        say("lost", numbers(taken));
    }

    private void commit() {
        Map<TopicPartition, OffsetAndMetadata> some
            = next.entrySet().stream()
                .filter(e -> !e.getValue().equals(committed.get(e.getKey())))
                .collect(Collectors.toMap(
                    e -> new TopicPartition(topic, e.getKey()),
                    e -> new OffsetAndMetadata(e.getValue())));
        if (some.isEmpty()) {
            return;
        }
        String pairs = some.entrySet().stream()
            .map(e -> e.getKey().partition() + ":" + e.getValue().offset())
            .collect(Collectors.joining(" "));
        say("committing", pairs);
        try {
            consumer.commitSync(some);
        } catch (KafkaException e) {
            say("refused", pairs);
            e.printStackTrace();
            return;
        }
        say("committed", pairs);
        some.forEach((p, o) -> committed.put(p.partition(), o.offset()));
    }

    private void seek(long offset) {
        forget(consumer.assignment());
        for (TopicPartition p : consumer.assignment()) {
            say("seek", p.partition() + " " + offset);
            consumer.seek(p, offset);
        }
    }

    private void listen() {
        try (BufferedReader in = new BufferedReader(
            new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line; (line = in.readLine()) != null;) {
                orders.add(line);
            }
        } catch (IOException e) {
            e.printStackTrace();
        }
        orders.add("leave");
    }

    private void run() {
        long last = System.nanoTime();
        String order = "";
        boolean holding = false;
        while (!order.equals("leave")) {
            for (ConsumerRecord<String, String> r
                : consumer.poll(Duration.ofMillis(100))) {
                say("record", r.partition() + " " + r.offset() + " "
                    + r.value());
                next.put(r.partition(), r.offset() + 1);
            }
            if (!holding && System.nanoTime() - last >= interval * 1000000) {
                commit();
                last = System.nanoTime();
            }
            order = orders.isEmpty() ? "" : orders.remove();
            holding |= order.equals("hold");
            if (order.startsWith("seek ")) {
                seek(Long.parseLong(order.substring(5)));
            }
        }
        commit();
        say("leaving", "");
        consumer.close();
    }

    public static void main(String[] args) {
        Member member = new Member(args);
        Thread listener = new Thread(member::listen);
        listener.setDaemon(true);
        listener.start();
        member.run();
    }
}
