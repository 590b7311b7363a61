"""confluent-kafka (librdkafka, a newer one): admin, producer, consumer."""
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

servers = sys.argv[1]
topic = "confluent"
admin = AdminClient({"bootstrap.servers": servers})
admin.create_topics([NewTopic(topic, 2, 3)])[topic].result(30)
assert len(admin.list_topics(timeout=10).brokers) == 3

expected = []
for acks in ("0", "1", "all"):
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        failed = []
        producer = Producer({"bootstrap.servers": servers, "acks": acks,
                             "enable.idempotence": acks == "all",
                             "compression.type": codec})
        for i in range(20):
            value = f"{acks} {codec} {i} ".encode() * 5
            producer.produce(
                topic, value, key=b"k", partition=int(acks == "0"),
                on_delivery=lambda e, m: failed.append(e) if e else None)
            # acks=0 promises nothing while a leader moves: those go elsewhere.
            if acks != "0":
                expected.append(value)
        assert producer.flush(30) == 0 and not failed, failed

consumer = Consumer({"bootstrap.servers": servers, "group.id": "nobody",
                     "enable.auto.commit": False})
consumer.assign([TopicPartition(topic, 0, 0)])
got = []
deadline = time.time() + 30
while len(got) < len(expected) and time.time() < deadline:
    message = consumer.poll(0.5)
    if message is not None and message.error() is None:
        got.append(message)
assert [m.value() for m in got] == expected, (len(got), len(expected))
at = got[30].timestamp()[1]
found = consumer.offsets_for_times([TopicPartition(topic, 0, at)])[0].offset
assert got[found].timestamp()[1] >= at > got[found - 1].timestamp()[1]
assert consumer.get_watermark_offsets(TopicPartition(topic, 0))[1] == len(got)
consumer.close()
admin.delete_topics([topic])[topic].result(30)
print("confluent-kafka: %d records" % len(got))
