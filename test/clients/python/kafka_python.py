"""kafka-python: admin, producer with every acks and codec, assigned consumer."""
import sys
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

servers = sys.argv[1].split(",")
admin = KafkaAdminClient(bootstrap_servers=servers)
assert len(admin.describe_cluster()["brokers"]) == 3
topic = "kafka-python"
admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=3)])
assert topic in admin.list_topics()

expected = []
for acks in (0, 1, "all"):
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        try:
            producer = KafkaProducer(
                bootstrap_servers=servers, acks=acks, compression_type=codec,
                enable_idempotence=acks == "all")
        except AssertionError as e:  # the codec's library is not installed
            print("kafka-python: without", codec, e)
            continue
        for i in range(20):
            value = f"{acks} {codec} {i} ".encode() * 5
            future = producer.send(topic, value, key=b"k", partition=int(acks == 0),
                                   headers=[("h", b"v")])
            # acks=0 promises nothing while a leader moves: those go elsewhere.
            if acks != 0:
                future.get(timeout=20)
                expected.append(value)
        producer.flush()
        producer.close()

consumer = KafkaConsumer(bootstrap_servers=servers, group_id=None,
                         enable_auto_commit=False)
tp = TopicPartition(topic, 0)
consumer.assign([tp])
consumer.seek_to_beginning(tp)
got = []
deadline = time.time() + 30
while len(got) < len(expected) and time.time() < deadline:
    for records in consumer.poll(timeout_ms=500).values():
        got += records
assert [r.value for r in got] == expected, (len(got), len(expected))
assert got[0].headers == [("h", b"v")]
at = got[30].timestamp
found = consumer.offsets_for_times({tp: at})[tp]
assert got[found.offset].timestamp >= at > got[found.offset - 1].timestamp
assert consumer.end_offsets([tp])[tp] == len(expected)
consumer.close()
admin.delete_topics([topic])
print("kafka-python: %d records" % len(got))
