"""kafka-python 2.0.2, which Debian 12 has: it infers a release from versions."""
import sys
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (ConfigResource, ConfigResourceType, NewPartitions,
                         NewTopic)

servers = sys.argv[1].split(",")
topic = "kafka-python-old"
admin = KafkaAdminClient(bootstrap_servers=servers)
assert admin.config["api_version"] >= (2, 1, 0), admin.config["api_version"]
assert len(admin.describe_cluster()["brokers"]) == 3
admin.create_topics([NewTopic(topic, 2, 3)])
assert topic in admin.list_topics()
admin.create_partitions({topic: NewPartitions(3)})
resource = ConfigResource(ConfigResourceType.TOPIC, topic,
                          {"retention.ms": "100000"})
admin.alter_configs([resource])
settings = admin.describe_configs([resource])[0].resources[0][4]
assert ("retention.ms", "100000") in [s[:2] for s in settings], settings

expected = []
for acks in (0, 1, "all"):
    for codec in (None, "gzip"):
        producer = KafkaProducer(bootstrap_servers=servers, acks=acks,
                                 compression_type=codec, retries=10,
                                 max_in_flight_requests_per_connection=1)
        futures = []
        for i in range(300):
            value = f"{acks} {codec} {i} ".encode() * 5
            # acks=0 promises nothing while a leader moves: those go elsewhere.
            futures.append(producer.send(
                topic, value, key=b"k", partition=1 if acks == 0 else 0,
                headers=[("h", b"v")]))
            if acks != 0:
                expected.append(value)
        producer.flush()
        for future in futures if acks != 0 else []:
            future.get(timeout=20)
        producer.close()

consumer = KafkaConsumer(bootstrap_servers=servers, group_id=None)
tp = TopicPartition(topic, 0)
consumer.assign([tp])
consumer.seek_to_beginning(tp)
got = []
deadline = time.time() + 30
while len(got) < len(expected) and time.time() < deadline:
    for records in consumer.poll(timeout_ms=500).values():
        got += records
assert [r.value for r in got] == expected, (len(got), len(expected))
assert [r.offset for r in got] == list(range(len(got)))
assert got[0].headers == [("h", b"v")]
at = got[600].timestamp
found = consumer.offsets_for_times({tp: at})[tp]
assert got[found.offset].timestamp >= at > got[found.offset - 1].timestamp
assert consumer.beginning_offsets([tp])[tp] == 0
assert consumer.end_offsets([tp])[tp] == len(expected)
consumer.close()
admin.delete_topics([topic])
print("kafka-python 2.0.2: %d records" % len(got))
