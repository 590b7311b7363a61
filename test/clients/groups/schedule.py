"""Members of a consumer group that join, leave and die while records come.

schedule.py [OPTION]... GROUP...: each GROUP is KIND[+KIND...]:ASSIGNOR; its
members are made of these kinds in turn. Prints "ok    GROUP: ..." or "FAIL
GROUP: ..." for each, and keeps what they said below DIRECTORY.

  --ostraka PROGRAM      creates topics, produces, tells what is committed
  --servers HOST:PORT,...
  --directory DIRECTORY
  --session MS           the sessions of members (10000)
  --at-once N            so many groups side by side (1)
  --dev DIRECTORY        of `ostraka dev`: the other schedule
  --may-rejoin           there: a client that rejoins of its own accord
  --kind NAME COMMITS STOP COMMAND
                         how a member is started: COMMITS is manual or auto,
                         STOP is eof or term; {name} {servers} {group} {topic}
                         {assignor} {session} {commit} are filled in

A member is a program that joins the group, reads, and says in lines on its
standard output what judge.py wants to hear. It commits every COMMIT ms what it
has read, and before it gives a partition up. What it is told on its standard
input: "hold", commit no more; "seek OFFSET", seek there in all it has; its end,
commit, leave and exit 0. One that stops by SIGTERM (kcat) is told nothing.

The schedule: a reads alone; b joins, then c; b leaves; c goes on without
committing, and is killed; a leaves; d goes on, and seeks back to offset 5 when
nothing more comes. Records come all the while.

The other schedule: a and b read; their coordinator dies, and comes back; nobody
may be assigned anything anew, nor anything come again. Of clients that rejoin
for themselves, only what judge.py says must hold.
"""
import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import shlex
import subprocess
import threading
import time

from judge import Judge

PARTITIONS = 6
LIMIT = 90  # s, for everything that is waited for
SEEK = 5
COMMIT, COMMIT_HELD = 300, 86400000  # ms


class Failure(Exception):
    pass


class Producer(threading.Thread):
    """Sends P/0, P/1, ... to partition P until it is told to end."""

    def __init__(self, run, topic, partition):
        super().__init__(daemon=True)
        self.partition, self.sent = partition, 0
        self.ending = threading.Event()
        self.sending = threading.Lock()  # held by whoever wants a pause
        self.errors = open(run.path("produce-%d.err" % partition), "w+")
        self.program = subprocess.Popen(
            [run.options.ostraka, "produce", topic, "-p", str(partition),
             "-b", run.options.servers], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=self.errors, text=True)
        self.start()

    def run(self):
        try:
            while not self.ending.wait(0.04):
                with self.sending:
                    self.program.stdin.write("%d/%d\n" % (
                        self.partition, self.sent))
                    self.program.stdin.flush()
                    self.sent += 1
        except OSError:
            pass  # its status says why

    def end(self):
        """How many were acknowledged: all that were sent, or it fails."""
        self.ending.set()
        self.join()
        try:
            self.program.stdin.close()
        except OSError:
            pass
        if self.program.wait(LIMIT) != 0:
            self.errors.seek(0)
            raise Failure("the producer: " + self.errors.read())
        return self.sent


class Group:
    def __init__(self, options, spec):
        self.options, self.spec = options, spec
        kinds, self.assignor = spec.rsplit(":", 1)
        self.kinds = kinds.split("+")
        self.name = re.sub("[^a-z0-9-]", "-", spec.lower())
        self.judge = Judge()
        self.members, self.producers = {}, []
        self.ended = set()  # members that were told to
        os.makedirs(os.path.join(options.directory, self.name))
        # A pipe, for a line in a file may be torn by the death of its writer.
        self.reader, self.books = os.pipe()
        self.heard, self.hearing = b"", threading.Lock()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self):
        with open(self.path("books"), "wb") as kept:
            while some := os.read(self.reader, 65536):
                kept.write(some)
                with self.hearing:
                    self.heard += some

    def path(self, name):
        return os.path.join(self.options.directory, self.name, name)

    def ostraka(self, *words):
        done = subprocess.run(
            [self.options.ostraka, *words, "-b", self.options.servers],
            capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(" ".join(words) + ": " + done.stderr)
        return done.stdout

    def described(self):
        return json.loads(self.ostraka("group", "describe", self.name,
                                       "--json"))["data"][0]

    def dev(self, verb, node):
        subprocess.run([self.options.ostraka, "dev", verb, "--dir",
                        self.options.dev, node], check=True,
                       stdout=subprocess.DEVNULL)

    def say(self, *words):
        os.write(self.books, (" ".join(map(str, words)) + "\n").encode())

    def hear(self):
        with self.hearing:
            *lines, self.heard = self.heard.split(b"\n")
        for line in lines:
            self.judge.hear(line.decode(errors="replace"))

    # ---- members -----------------------------------------------------------

    def start(self, name):
        kind = self.kinds[len(self.members) % len(self.kinds)]
        commits, stop, command = self.options.kinds[kind]
        commit = COMMIT_HELD if stop == "term" and name == "c" else COMMIT
        self.say(name, "start", kind, commits)
        words = [w.format(
            name=name, servers=self.options.servers, group=self.name,
            topic=self.name, assignor=self.assignor, commit=commit,
            session=self.options.session) for w in shlex.split(command)]
        with open(self.path(name + ".err"), "w") as errors:
            # kcat says its rebalances there.
            member = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=self.books,
                stderr=self.books if stop == "term" else errors)
        member.stop = stop
        self.members[name] = member

    def leave(self, name):
        member = self.members[name]
        self.ended.add(name)
        member.stdin.close()
        try:
            if member.stop == "term":
                self.terminate(member)
            self.say(name, "ended", member.wait(LIMIT))
        except subprocess.TimeoutExpired:
            raise Failure("%s does not end" % name) from None

    def terminate(self, member):
        """When there is nothing to read: the signal makes kcat drop what it
        has just taken, and commit it all the same."""
        with contextlib.ExitStack() as pause:
            for p in self.producers:
                pause.enter_context(p.sending)
            self.until_read([p.sent for p in self.producers])
            member.terminate()
            member.wait(LIMIT)

    def kill(self, name):
        self.ended.add(name)
        self.members[name].kill()
        self.members[name].wait()
        self.say(name, "killed")

    # ---- what is waited for ------------------------------------------------

    def until(self, what, condition):
        deadline = time.monotonic() + LIMIT
        while True:
            self.hear()
            if condition():
                return
            for name, m in self.members.items():
                if name not in self.ended and m.poll() is not None:
                    raise Failure("%s ended with %d" % (name, m.returncode))
            if time.monotonic() > deadline:
                raise Failure("%s did not come: %s" % (what, {
                    n: self.judge.owned(n) for n in self.members}))
            time.sleep(0.05)

    def shared(self, *names):
        """These have all partitions, evenly, and read 10 more of each."""
        def even():
            share = PARTITIONS // len(names)
            return all(len(self.judge.owned(n)) == share for n in names)
        self.until("an even share for " + " ".join(names), even)
        self.more(10)

    def more(self, n):
        had = {p: s.high for p, s in self.judge.partitions.items()}
        self.until("%d more of each partition" % n, lambda: all(
            self.judge.of(p).high >= had.get(p, 0) + n
            for p in range(PARTITIONS)))

    def until_read(self, ends):
        self.until("the rest", lambda: all(
            self.judge.of(p).high >= end for p, end in enumerate(ends)))

    # ---- the schedule ------------------------------------------------------

    def run(self):
        self.ostraka("topic", "create", self.name, "--partitions",
                     str(PARTITIONS))
        self.producers = [Producer(self, self.name, p)
                          for p in range(PARTITIONS)]
        self.start("a")
        self.shared("a")
        self.start("b")
        self.shared("a", "b")
        if self.options.dev is None:
            self.members_die()
        else:
            self.coordinator_dies()

    def members_die(self):
        self.start("c")
        self.shared("a", "b", "c")
        self.leave("b")
        self.shared("a", "c")
        self.hold("c")
        self.more(10)
        self.kill("c")
        self.shared("a")
        self.leave("a")
        self.start("d")
        self.shared("d")
        ends = [p.end() for p in self.producers]
        self.until_read(ends)
        if self.members["d"].stop == "eof":
            self.seek("d", ends)
        self.leave("d")
        self.verify(ends)
        if self.judge.again["killed"] == 0:
            raise Failure("what c did not commit came not again")

    def coordinator_dies(self):
        changes = self.judge.changes
        node = str(self.described()["coordinator"])
        self.dev("kill", node)
        self.more(30)
        if str(self.described()["coordinator"]) == node:
            raise Failure("node %s is the coordinator still" % node)
        self.dev("start", node)
        self.more(30)
        if self.options.may_rejoin:
            self.shared("a", "b")
        elif self.judge.changes != changes:
            raise Failure("somebody was assigned something anew")
        ends = [p.end() for p in self.producers]
        self.until_read(ends)
        self.leave("a")
        self.leave("b")
        self.verify(ends)
        if sum(self.judge.again.values()) > 0 and not self.options.may_rejoin:
            raise Failure("something came again")

    def order(self, name, text):
        stdin = self.members[name].stdin
        stdin.write(text.encode() + b"\n")
        stdin.flush()

    def hold(self, name):
        if self.members[name].stop == "eof":
            self.order(name, "hold")

    def seek(self, name, ends):
        self.order(name, "seek %d" % SEEK)
        self.until("all again", lambda: all(
            self.judge.of(p).reread == end for p, end in enumerate(ends)))

    def verify(self, ends):
        for p, end in enumerate(ends):
            self.say("-", "end", p, end)
        for p in self.described()["partitions"]:
            self.say("-", "stored", p["partition"], p["offset"])
        self.say("-", "closed")
        self.until("the end of the books", lambda: self.judge.closed)
        self.judge.close()
        if self.judge.findings:
            raise Failure("findings")

    def end(self):
        for p in self.producers:
            p.ending.set()
            p.program.kill()
            p.program.wait()
        for m in self.members.values():
            m.kill()
            m.wait()
        os.close(self.books)
        self.listener.join()
        os.close(self.reader)

    def verdict(self):
        started = time.monotonic()
        failed = None
        try:
            self.run()
        except Failure as e:
            failed = str(e)
        finally:
            self.end()
        took = time.monotonic() - started
        if failed is None:
            print("ok    %s: %s, %.0f s" % (self.spec, self.judge.summary(),
                                            took), flush=True)
            return True
        lines = ["FAIL  %s: %s, %.0f s" % (self.spec, failed, took)]
        lines += self.judge.findings[:12]
        for name in self.members:
            with open(self.path(name + ".err"), errors="replace") as f:
                lines += ["%s: %s" % (name, line.rstrip())
                          for line in f.readlines()[-8:]]
        print("\n".join(lines), flush=True)
        return False


def main():
    parser = argparse.ArgumentParser()
    for name in "ostraka", "servers", "directory":
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--session", type=int, default=10000)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--dev")
    parser.add_argument("--may-rejoin", action="store_true")
    parser.add_argument("--kind", nargs=4, action="append", default=[])
    parser.add_argument("groups", nargs="+")
    options = parser.parse_args()
    options.kinds = {k[0]: k[1:] for k in options.kind}
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        good = list(pool.map(lambda g: Group(options, g).verdict(),
                             options.groups))
    raise SystemExit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
