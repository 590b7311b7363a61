"""A member of a group, as groups/schedule.py starts it, of three libraries.

member.py LIBRARY SERVERS GROUP TOPIC ASSIGNOR SESSION_MS COMMIT_MS NAME
"""
import asyncio
import importlib
import os
import queue
import sys
import threading
import time

LIBRARY, SERVERS, GROUP, TOPIC, ASSIGNOR, SESSION, COMMIT, NAME = sys.argv[1:]
SESSION, COMMIT = int(SESSION), int(COMMIT)
HEARTBEAT = 500

orders = queue.Queue()


def say(word, *args):
    os.write(1, (" ".join([NAME, word] + [str(a) for a in args]) + "\n")
             .encode())


def listen():
    for line in sys.stdin:
        orders.put(line.split())
    orders.put(["leave"])


class Position:
    """Of each partition: what comes next, and what is committed of it."""

    def __init__(self):
        self.next = {}
        self.committed = {}
        self.at = time.monotonic()
        self.holding = False

    def record(self, partition, offset, value):
        say("record", partition, offset, value.decode())
        self.next[partition] = offset + 1

    def due(self):
        return not self.holding and time.monotonic() >= (
            self.at + COMMIT / 1000)

    def open(self):
        """What there is to commit, said."""
        some = {p: n for p, n in self.next.items()
                if self.committed.get(p) != n}
        if some:
            say("committing", *pairs(some))
        return some

    def done(self, some, error=None):
        self.at = time.monotonic()
        if error is None:
            say("committed", *pairs(some))
            self.committed.update(some)
        else:
            say("refused", *pairs(some))
            print("refused:", repr(error), file=sys.stderr)

    def forget(self, partitions):
        for p in partitions:
            self.next.pop(p, None)
            self.committed.pop(p, None)


def pairs(some):
    return ["%d:%d" % (p, n) for p, n in some.items()]


def numbers(partitions):
    return sorted(p.partition for p in partitions)


class Confluent:
    def __init__(self):
        from confluent_kafka import Consumer
        self.position = Position()
        self.c = Consumer({
            "bootstrap.servers": SERVERS, "group.id": GROUP,
            "client.id": NAME, "auto.offset.reset": "earliest",
            "enable.auto.commit": False, "session.timeout.ms": SESSION,
            "heartbeat.interval.ms": HEARTBEAT,
            "partition.assignment.strategy": ASSIGNOR})
        self.c.subscribe(
            [TOPIC], on_revoke=self.revoked, on_lost=self.lost,
            on_assign=lambda c, ps: say("assigned", *numbers(ps)))

    def revoked(self, _, partitions):
        self.commit()
        self.position.forget(numbers(partitions))
        say("revoked", *numbers(partitions))

    def lost(self, _, partitions):
        self.position.forget(numbers(partitions))
        say("lost", *numbers(partitions))

    def poll(self):
        for m in self.c.consume(100, 0.1):
            if m.error() is None:
                self.position.record(m.partition(), m.offset(), m.value())
            else:
                print(m.error(), file=sys.stderr)

    def commit(self):
        from confluent_kafka import KafkaException, TopicPartition
        some = self.position.open()
        if some:
            try:
                for p in self.c.commit(
                        offsets=[TopicPartition(TOPIC, p, n)
                                 for p, n in some.items()],
                        asynchronous=False):
                    if p.error is not None:
                        raise KafkaException(p.error)
                self.position.done(some)
            except KafkaException as e:
                self.position.done(some, e)

    def seek(self, offset):
        from confluent_kafka import TopicPartition
        for p in self.c.assignment():
            self.position.forget([p.partition])
            say("seek", p.partition, offset)
            self.c.seek(TopicPartition(TOPIC, p.partition, offset))

    def close(self):
        self.c.close()


class KafkaPython:
    def __init__(self):
        import kafka
        self.position = Position()
        self.c = kafka.KafkaConsumer(
            bootstrap_servers=SERVERS.split(","), group_id=GROUP,
            client_id=NAME, auto_offset_reset="earliest",
            enable_auto_commit=False, session_timeout_ms=SESSION,
            heartbeat_interval_ms=HEARTBEAT,
            partition_assignment_strategy=[self.assignor()])
        if hasattr(kafka, "AsyncConsumerRebalanceListener"):
            listener = self.listener(kafka.AsyncConsumerRebalanceListener)
        else:
            listener = self.listener_old(kafka.ConsumerRebalanceListener)
        self.c.subscribe([TOPIC], listener=listener)

    @staticmethod
    def assignor():
        module, name = {
            "range": ("range", "RangePartitionAssignor"),
            "roundrobin": ("roundrobin", "RoundRobinPartitionAssignor"),
            "sticky": ("sticky.sticky_assignor", "StickyPartitionAssignor"),
            "cooperative-sticky": ("cooperative_sticky",
                                   "CooperativeStickyAssignor"),
        }[ASSIGNOR]
        return getattr(importlib.import_module(
            "kafka.coordinator.assignors." + module), name)

    def listener(self, base):
        """Of version 3: what waits must do so on the client's own loop."""
        owner = self

        class Listener(base):
            async def on_partitions_revoked(self, partitions):
                some = owner.position.open()
                if some:
                    try:
                        await owner.c.commit_async(owner.offsets(some))
                        owner.position.done(some)
                    except Exception as e:
                        owner.position.done(some, e)
                owner.given_up("revoked", partitions)

            async def on_partitions_lost(self, partitions):
                owner.given_up("lost", partitions)

            async def on_partitions_assigned(self, partitions):
                say("assigned", *numbers(partitions))
        return Listener()

    def listener_old(self, base):
        owner = self

        class Listener(base):
            def on_partitions_revoked(self, partitions):
                owner.commit()
                owner.given_up("revoked", partitions)

            def on_partitions_assigned(self, partitions):
                say("assigned", *numbers(partitions))
        return Listener()

    def given_up(self, how, partitions):
        self.position.forget(numbers(partitions))
        say(how, *numbers(partitions))

    def poll(self):
        for records in self.c.poll(timeout_ms=100).values():
            for r in records:
                self.position.record(r.partition, r.offset, r.value)

    @staticmethod
    def offsets(some):
        from kafka import OffsetAndMetadata, TopicPartition
        more = len(OffsetAndMetadata._fields) - 1
        return {TopicPartition(TOPIC, p): OffsetAndMetadata(n, *["", -1][:more])
                for p, n in some.items()}

    def commit(self):
        from kafka.errors import KafkaError
        some = self.position.open()
        if some:
            try:
                self.c.commit(self.offsets(some))
                self.position.done(some)
            except KafkaError as e:
                self.position.done(some, e)

    def seek(self, offset):
        for p in self.c.assignment():
            self.position.forget([p.partition])
            say("seek", p.partition, offset)
            self.c.seek(p, offset)

    def close(self):
        self.c.close(autocommit=False)


class Aiokafka:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.position = Position()
        self.loop.run_until_complete(self.start())

    async def start(self):
        import aiokafka
        from aiokafka.coordinator.assignors.range import (
            RangePartitionAssignor)
        from aiokafka.coordinator.assignors.roundrobin import (
            RoundRobinPartitionAssignor)
        from aiokafka.coordinator.assignors.sticky.sticky_assignor import (
            StickyPartitionAssignor)
        owner = self

        class Listener(aiokafka.ConsumerRebalanceListener):
            async def on_partitions_revoked(self, revoked):
                if revoked:
                    await owner.commit_now()
                    owner.position.forget(numbers(revoked))
                    say("revoked", *numbers(revoked))

            async def on_partitions_assigned(self, assigned):
                say("assigned", *numbers(assigned))

        self.c = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=SERVERS, group_id=GROUP, client_id=NAME,
            auto_offset_reset="earliest", enable_auto_commit=False,
            session_timeout_ms=SESSION, heartbeat_interval_ms=HEARTBEAT,
            partition_assignment_strategy=[
                a for a in (RangePartitionAssignor,
                            RoundRobinPartitionAssignor,
                            StickyPartitionAssignor) if a.name == ASSIGNOR])
        self.c.subscribe([TOPIC], listener=Listener())
        await self.c.start()

    def poll(self):
        async def records():
            got = await self.c.getmany(timeout_ms=100)
            # Nothing waits in between: these are still ours.
            for some in got.values():
                for r in some:
                    self.position.record(r.partition, r.offset, r.value)
        self.loop.run_until_complete(records())

    def commit(self):
        self.loop.run_until_complete(self.commit_now())

    async def commit_now(self):
        from aiokafka import TopicPartition
        from aiokafka.errors import KafkaError
        some = self.position.open()
        if some:
            try:
                await self.c.commit({TopicPartition(TOPIC, p): n
                                     for p, n in some.items()})
                self.position.done(some)
            except KafkaError as e:
                self.position.done(some, e)

    def seek(self, offset):
        for p in self.c.assignment():
            self.position.forget([p.partition])
            say("seek", p.partition, offset)
            self.c.seek(p, offset)

    def close(self):
        self.loop.run_until_complete(self.c.stop())


def main():
    threading.Thread(target=listen, daemon=True).start()
    m = {"confluent-kafka": Confluent, "kafka-python": KafkaPython,
         "aiokafka": Aiokafka}[LIBRARY]()
    while True:
        m.poll()
        if m.position.due():
            m.commit()
        try:
            order = orders.get_nowait()
        except queue.Empty:
            continue
        if order[0] == "leave":
            break
        if order[0] == "hold":
            m.position.holding = True
        else:
            m.seek(int(order[1]))
    m.commit()
    say("leaving")
    m.close()


main()
