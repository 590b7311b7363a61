"""aiokafka: producer with every acks and codec, assigned consumer, by time."""
import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

servers = sys.argv[1]
topic = "aiokafka"


async def produce(acks, codec, expected):
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks=acks, compression_type=codec,
        enable_idempotence=acks == "all")
    await producer.start()
    for i in range(20):
        value = f"{acks} {codec} {i} ".encode() * 5
        # acks=0 promises nothing while a leader moves: those go elsewhere.
        await producer.send_and_wait(topic, value, key=b"k",
                                     partition=int(acks == 0))
        if acks != 0:
            expected.append(value)
    await producer.stop()


async def main():
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 2, 3)])
    expected = []
    for acks in (0, 1, "all"):
        for codec in (None, "gzip", "snappy", "lz4", "zstd"):
            try:
                await produce(acks, codec, expected)
            except RuntimeError as e:  # the codec's library is not installed
                print("aiokafka: without", codec, e)
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=None)
    await consumer.start()
    tp = TopicPartition(topic, 0)
    consumer.assign([tp])
    await consumer.seek_to_beginning(tp)
    got = []
    while len(got) < len(expected):
        got.append(await asyncio.wait_for(consumer.getone(), 30))
    assert [r.value for r in got] == expected
    at = got[30].timestamp
    found = (await consumer.offsets_for_times({tp: at}))[tp]
    assert got[found.offset].timestamp >= at > got[found.offset - 1].timestamp
    assert (await consumer.end_offsets([tp]))[tp] == len(expected)
    await consumer.stop()
    await admin.delete_topics([topic])
    await admin.close()
    print("aiokafka: %d records" % len(got))


asyncio.run(main())
