"""Consumer groups with kafka-python, confluent-kafka and aiokafka: subscribe,
commit and resume, share, lose a member, lose the coordinator.

groups.py LIBRARY BOOTSTRAP OSTRAKA DIRECTORY: the last two are those of
`ostraka dev`. As `groups.py LIBRARY BOOTSTRAP member GROUP TOPIC` it is a
member that says what it has, and is to be killed.
"""
import asyncio
import subprocess
import sys
import threading
import time

SESSION_MS = 6000
HEARTBEAT_MS = 500


class KafkaPython:
    def __init__(self, servers, group, topic):
        from kafka import KafkaConsumer
        self.c = KafkaConsumer(
            topic, bootstrap_servers=servers.split(","), group_id=group,
            auto_offset_reset="earliest", enable_auto_commit=False,
            session_timeout_ms=SESSION_MS, heartbeat_interval_ms=HEARTBEAT_MS,
            metadata_max_age_ms=2000)

    def poll(self):
        return [(r.partition, r.offset, r.value)
                for rs in self.c.poll(timeout_ms=200).values() for r in rs]

    def commit(self):
        self.c.commit()

    def assigned(self):
        return sorted(p.partition for p in self.c.assignment())

    def close(self):
        self.c.close(autocommit=False)


class Confluent:
    def __init__(self, servers, group, topic):
        from confluent_kafka import Consumer
        self.c = Consumer({
            "bootstrap.servers": servers, "group.id": group,
            "auto.offset.reset": "earliest", "enable.auto.commit": False,
            "session.timeout.ms": SESSION_MS,
            "heartbeat.interval.ms": HEARTBEAT_MS,
            "partition.assignment.strategy": "cooperative-sticky"})
        self.c.subscribe([topic])

    def poll(self):
        return [(m.partition(), m.offset(), m.value())
                for m in self.c.consume(100, 0.2) if m.error() is None]

    def commit(self):
        self.c.commit(asynchronous=False)

    def assigned(self):
        return sorted(p.partition for p in self.c.assignment())

    def close(self):
        self.c.close()


class Aiokafka:
    def __init__(self, servers, group, topic):
        self.loop = asyncio.new_event_loop()
        self.c = self.run(self.start(servers, group, topic))

    async def start(self, servers, group, topic):
        from aiokafka import AIOKafkaConsumer
        c = AIOKafkaConsumer(
            topic, bootstrap_servers=servers, group_id=group,
            auto_offset_reset="earliest", enable_auto_commit=False,
            session_timeout_ms=SESSION_MS, heartbeat_interval_ms=HEARTBEAT_MS,
            metadata_max_age_ms=2000)
        await c.start()
        return c

    def run(self, work):
        return self.loop.run_until_complete(work)

    def poll(self):
        got = self.run(self.c.getmany(timeout_ms=200))
        return [(r.partition, r.offset, r.value)
                for rs in got.values() for r in rs]

    def commit(self):
        self.run(self.c.commit())

    def assigned(self):
        return sorted(p.partition for p in self.c.assignment())

    def close(self):
        self.run(self.c.stop())


LIBRARIES = {"kafka-python": KafkaPython, "confluent-kafka": Confluent,
             "aiokafka": Aiokafka}


class Reader(threading.Thread):
    """A member of the group in a thread: reads, and commits what it read."""

    def __init__(self, make):
        super().__init__(daemon=True)
        self.make = make
        self.got = []
        self.assignment = []
        self.unhurt = 0  # commits that were not refused
        self.ending = threading.Event()
        self.failure = None
        self.start()

    def run(self):
        try:
            member = self.make()
            while not self.ending.is_set():
                records = member.poll()
                self.got += records
                self.assignment = member.assigned()
                if records:
                    self.save(member)
            member.close()
        except Exception as e:  # told to whoever waits
            self.failure = e
            raise

    def save(self, member):
        try:
            member.commit()
            self.unhurt += 1
        except Exception as e:
            print("a commit was refused:", type(e).__name__, e)

    def end(self):
        self.ending.set()
        self.join(60)
        assert not self.is_alive() and self.failure is None


def until(what, seconds, condition, *readers):
    deadline = time.time() + seconds
    while not condition():
        for r in readers:
            assert r.failure is None, r.failure
        assert time.time() < deadline, "%s did not come: %s" % (
            what, [(len(r.got), r.assignment) for r in readers])
        time.sleep(0.05)


def produce(servers, topic, values):
    from confluent_kafka import Producer
    failed = []
    p = Producer({"bootstrap.servers": servers, "enable.idempotence": True,
                  "partitioner": "random"})
    for v in values:
        p.produce(topic, v,
                  on_delivery=lambda e, m: failed.append(e) if e else None)
    assert p.flush(60) == 0 and not failed, failed


def values(*readers):
    return sorted(v for r in readers for _, _, v in r.got)


def batch(name, n):
    return sorted(b"%s %d" % (name, i) for i in range(n))


def coordinator(admin, group):
    """Its node, and the members."""
    for _ in range(100):
        try:
            g = admin.describe_consumer_groups([group])[group].result(10)
            return g.coordinator.id, g
        except Exception:
            time.sleep(0.1)
    raise AssertionError("no coordinator")


def delete(servers, group):
    """By clients of its own: librdkafka keeps where a coordinator was, and says
    it when that has moved; leadership goes back to a node that came back. A
    member that said goodbye to the old one is there until its session ends."""
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient
    deadline = time.time() + 60
    while time.time() < deadline:
        admin = AdminClient({"bootstrap.servers": servers})
        try:
            admin.delete_consumer_groups([group])[group].result(30)
            return
        except KafkaException as e:
            assert e.args[0].code() in (
                KafkaError.NOT_COORDINATOR, KafkaError.NON_EMPTY_GROUP,
                KafkaError.COORDINATOR_NOT_AVAILABLE,
                KafkaError.COORDINATOR_LOAD_IN_PROGRESS), e
            time.sleep(0.1)
    raise AssertionError("the group was not deleted")


def member(library, servers, group, topic):
    m = LIBRARIES[library](servers, group, topic)
    before = None
    while True:
        m.poll()
        if m.assigned() != before:
            before = m.assigned()
            print(len(before), flush=True)


def check(library, servers, ostraka, directory):
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": servers})
    topic = group = "groups-" + library
    admin.create_topics([NewTopic(topic, 4, 3)])[topic].result(30)

    def make():
        return LIBRARIES[library](servers, group, topic)

    # Subscribe and commit; another resumes.
    produce(servers, topic, batch(b"first", 200))
    a = Reader(make)
    until("the first 200", 60, lambda: len(a.got) >= 200, a)
    a.end()
    assert values(a) == batch(b"first", 200)
    produce(servers, topic, batch(b"second", 200))
    a = Reader(make)
    until("the second 200", 60, lambda: len(a.got) >= 200, a)
    assert values(a) == batch(b"second", 200)

    # Two share.
    b = Reader(make)
    until("two members", 60,
          lambda: len(a.assignment) == len(b.assignment) == 2, a, b)
    assert sorted(a.assignment + b.assignment) == [0, 1, 2, 3]
    a.got.clear()
    produce(servers, topic, batch(b"third", 200))
    until("the third 200", 60, lambda: len(a.got) + len(b.got) >= 200, a, b)
    assert values(a, b) == batch(b"third", 200)
    b.end()
    until("what it had", 60, lambda: len(a.assignment) == 4, a)

    # One dies.
    child = subprocess.Popen(
        [sys.executable, __file__, library, servers, "member", group, topic],
        stdout=subprocess.PIPE, text=True)
    while child.stdout.readline().strip() != "2":
        assert child.poll() is None
    until("its part", 60, lambda: len(a.assignment) == 2, a)
    child.kill()
    child.wait()
    until("what it had", 60, lambda: len(a.assignment) == 4, a)
    a.got.clear()
    produce(servers, topic, batch(b"fourth", 200))
    until("the fourth 200", 60, lambda: len(a.got) >= 200, a)
    assert values(a) == batch(b"fourth", 200)

    # The coordinator dies: the member stays, and nothing is read twice.
    node, before = coordinator(admin, group)
    subprocess.run([ostraka, "dev", "kill", "--dir", directory, str(node)],
                   check=True, stdout=subprocess.DEVNULL)
    a.got.clear()
    produce(servers, topic, batch(b"fifth", 200))
    until("the fifth 200", 60, lambda: len(a.got) >= 200, a)
    assert values(a) == batch(b"fifth", 200)
    other, after = coordinator(admin, group)
    assert other != node
    assert [m.member_id for m in after.members] == \
        [m.member_id for m in before.members]
    subprocess.run([ostraka, "dev", "start", "--dir", directory, str(node)],
                   check=True, stdout=subprocess.DEVNULL)
    produce(servers, topic, batch(b"sixth", 50))
    until("the sixth 50", 60, lambda: len(a.got) >= 250, a)
    a.end()

    # What is committed is the end of everything.
    a = Reader(make)
    produce(servers, topic, batch(b"last", 10))
    until("the last 10", 60, lambda: len(a.got) >= 10, a)
    assert values(a) == batch(b"last", 10)
    a.end()
    delete(servers, group)
    print("ok    %s: a group of its own" % library)


if sys.argv[3] == "member":
    member(sys.argv[1], sys.argv[2], *sys.argv[4:])
else:
    check(*sys.argv[1:])
