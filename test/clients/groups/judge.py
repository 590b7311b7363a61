"""The judge of a consumer group's books.

All members write to one pipe, one write a line, so that the order of lines is
the order in which things happened: what a member says before it gives a
partition up stands before what the next owner says of it.

  NAME start KIND manual|auto   auto: commits what it read as it gives it up
  NAME assigned P...            partitions it got (beside what it has)
  NAME revoked P...             given up in order; the next one may have them
  NAME lost P...                taken away: it learns of it afterwards
  NAME record P OFFSET VALUE    the record's value is "P/OFFSET"
  NAME committing P:OFFSET...   then one of
  NAME committed P:OFFSET...
  NAME refused P:OFFSET...
  NAME seek P OFFSET
  NAME leaving                  it reads no more, and leaves the group
  NAME killed                   by the schedule, after it died
  NAME ended STATUS
  - end P OFFSET                acknowledged to the producer, all below
  - stored P OFFSET             committed in the end, as the broker says
  - closed                      nothing comes after this

What must hold, for each partition:
  loss     an owner begins where it was committed, never above; offsets follow
           each other; in the end all were read, and committed
  double   an owner never begins below what was committed; it begins above what
           the one before it read, unless that one died, or lost the partition,
           or had its commit refused
  regress  no offset comes before one that this owner had, and no commit goes
           back, unless it sought
  owners   one at a time
Below a seek, reading again is no double.

judge.py FILE: exit 1 if there are findings. judge.py --selftest: each of these
is planted in good books, and must be found.
"""
import re
import sys


class Partition:
    def __init__(self):
        self.owner = None
        self.last = None  # the owner before
        self.floor = 0  # what was surely committed when it gave it up
        self.ended = None  # how the owner before gave it up
        self.next = None  # what its owner reads next, once it has begun
        self.starts = {0}  # where the next owner may begin
        self.committed = 0
        self.refused = False  # since the last commit
        self.sought = False  # by its owner
        self.reread = None  # how far, since it was sought
        self.high = 0  # above all that was read
        self.end = None
        self.stored = None


class Judge:
    KCAT = re.compile(r"^% Group \S+ rebalanced \(memberid (\w+)-[^)]*\): "
                      r"(assigned|revoked|.*lost): ?(.*)$")
    KCAT_REFUSED = re.compile(r"^%\d\|[^|]*\|COMMITFAIL\|(\w+)#")

    def __init__(self):
        self.partitions = {}
        self.kinds = {}  # of members that are there: manual or auto
        self.gone = set()  # leaving, killed or ended
        self.findings = []
        self.records = 0
        self.again = {"killed": 0, "lost": 0, "refused": 0, "sought": 0}
        self.changes = 0  # of who owns what
        self.closed = False
        self.line = 0

    def finding(self, kind, text):
        self.findings.append("line %d: %s: %s" % (self.line, kind, text))

    def of(self, p):
        return self.partitions.setdefault(int(p), Partition())

    def owned(self, name):
        return sorted(p for p, s in self.partitions.items()
                      if s.owner == name)

    def hear(self, line):
        self.line += 1
        kcat = self.KCAT.match(line)
        if kcat:
            name, word, rest = kcat.groups()
            word = "lost" if word.endswith("lost") else word
            args = re.findall(r"\[(\d+)\]", rest)
        elif line.startswith("%"):  # kcat is at an end, or met something
            refused = self.KCAT_REFUSED.match(line)
            if refused is None:
                return
            name, word, args = refused.group(1), "refused", []
        else:
            words = line.split()
            if len(words) < 2 or not hasattr(self, "on_" + words[1]):
                self.finding("books", "not a line of them: %r" % line)
                return
            name, word, *args = words
        if name != "-" and word != "start" and name not in self.kinds:
            self.finding("books", "%s has not started" % name)
            return
        try:
            getattr(self, "on_" + word)(name, *args)
        except (TypeError, ValueError):
            self.finding("books", "not a line of them: %r" % line)

    # ---- who has what ------------------------------------------------------

    def on_start(self, name, kind, commits):
        self.kinds[name] = commits

    def on_assigned(self, name, *partitions):
        self.changes += 1
        for p in partitions:
            s = self.of(p)
            if s.owner not in (None, name):
                self.finding("owners", "%s gets partition %s that %s has" % (
                    name, p, s.owner))
            s.owner, s.next, s.sought, s.reread = name, None, False, None

    def give_up(self, name, p, how):
        s = self.of(p)
        if s.owner != name:
            if how != "lost" and name not in self.gone:
                self.finding("owners", "%s gives up partition %s that %s "
                             "has" % (name, p, s.owner))
            return
        s.last, s.floor = name, s.committed
        if s.next is not None and self.kinds[name] == "auto":
            if how in ("killed", "lost") or s.refused:
                s.starts |= set(range(s.committed, s.next + 1))
            else:
                s.starts = {s.next}
                s.committed = s.next
        s.owner, s.ended = None, how

    def on_revoked(self, name, *partitions):
        self.changes += 1
        for p in partitions:
            self.give_up(name, p, "revoked")

    def on_lost(self, name, *partitions):
        self.changes += 1
        for p in partitions:
            self.give_up(name, p, "lost")

    def on_leaving(self, name):
        for p in self.owned(name):
            self.give_up(name, p, "left")
        self.gone.add(name)

    def on_killed(self, name):
        for p in self.owned(name):
            self.give_up(name, p, "killed")
        self.gone.add(name)

    def on_ended(self, name, status):
        if status != "0":
            self.finding("books", "%s ended with %s" % (name, status))
        if self.owned(name):
            self.on_leaving(name)
        self.gone.add(name)

    # ---- what is read ------------------------------------------------------

    def on_record(self, name, p, offset, value):
        if value != "%s/%s" % (p, offset):
            self.finding("loss", "partition %s offset %s is %s" % (
                p, offset, value))
        s, offset = self.of(p), int(offset)
        self.records += 1
        if s.owner != name or name in self.gone:
            self.finding("owners", "%s reads partition %s that %s has" % (
                name, p, s.owner))
            return
        if s.next is None:
            self.begin(name, p, s, offset)
        elif offset != s.next:
            self.finding("regress" if offset < s.next else "loss",
                         "partition %s: %s reads %d after %d" % (
                             p, name, offset, s.next - 1))
        s.next = offset + 1
        if s.sought:
            s.reread = s.next
            self.again["sought"] += offset < s.high
        s.high = max(s.high, s.next)

    def begin(self, name, p, s, offset):
        """The first record of an owner: where the one before it stopped."""
        if offset not in s.starts:
            self.finding(
                "double" if offset < min(s.starts) else "loss",
                "partition %s: %s begins at %d, committed was %s" % (
                    p, name, offset, sorted(s.starts)[-3:]))
        if offset < s.high:
            excuse = s.ended
            if excuse in ("revoked", "left") and s.refused:
                excuse = "refused"
            if excuse in self.again:
                self.again[excuse] += s.high - offset
            else:
                self.finding("double", "partition %s: %s begins at %d, and %d "
                             "had been read by one that had %s" % (
                                 p, name, offset, s.high - 1, s.ended))
        # That tells what became of commits that got no answer.
        s.committed, s.starts, s.refused = offset, {offset}, False

    def on_seek(self, name, p, offset):
        s = self.of(p)
        if s.owner != name:
            self.finding("owners", "%s seeks in %s" % (name, p))
        s.next, s.sought, s.reread = int(offset), True, int(offset)

    # ---- what is committed -------------------------------------------------

    @staticmethod
    def pairs(args):
        return [(a.split(":")[0], int(a.split(":")[1])) for a in args]

    def on_committing(self, name, *args):
        for p, offset in self.pairs(args):
            s = self.of(p)
            s.starts.add(offset)
            if s.next is None or offset > s.next:
                self.finding("books", "%s commits %d of partition %s unread" % (
                    name, offset, p))

    def on_committed(self, name, *args):
        for p, offset in self.pairs(args):
            s = self.of(p)
            if s.owner not in (None, name):
                self.finding("owners", "%s commits partition %s that %s has" % (
                    name, p, s.owner))
            if offset < s.committed and not s.sought:
                self.finding("regress", "partition %s: commit of %d after %d"
                             % (p, offset, s.committed))
            s.committed, s.starts, s.refused = offset, {offset}, False

    def on_refused(self, name, *args):
        for p, _ in self.pairs(args):
            self.of(p).refused = True
        if args:
            return
        for s in self.partitions.values():
            if s.owner == name:
                s.refused = True
            elif s.owner is None and s.last == name:
                s.refused, s.committed = True, s.floor
                s.starts |= set(range(s.floor, s.high + 1))

    # ---- the end -----------------------------------------------------------

    def on_end(self, name, p, offset):
        self.of(p).end = int(offset)

    def on_stored(self, name, p, offset):
        self.of(p).stored = int(offset)

    def on_closed(self, name):
        self.closed = True

    def close(self):
        if not self.closed:
            self.finding("books", "they are not closed")
        for p, s in sorted(self.partitions.items()):
            if s.end is None:
                self.finding("books", "partition %d has no end" % p)
            elif s.high < s.end:
                self.finding("loss", "partition %d: read up to %d of %d" % (
                    p, s.high, s.end))
            elif s.high > s.end:
                self.finding("books", "partition %d: %d is above its end %d" % (
                    p, s.high, s.end))
            if s.stored != s.end:
                self.finding("loss", "partition %d: committed in the end is "
                             "%s of %s" % (p, s.stored, s.end))
            if s.committed != s.stored and not s.refused:
                self.finding("loss", "partition %d: committed is %s, a member "
                             "had committed %d" % (p, s.stored, s.committed))
        if not self.partitions:
            self.finding("books", "nothing in them")
        return self.findings

    def summary(self):
        again = ", ".join("%d %s" % (n, why) for why, n in self.again.items()
                          if n > 0)
        return "%d records, again: %s" % (self.records, again or "none")


def judged(lines):
    judge = Judge()
    for line in lines:
        judge.hear(line)
    judge.close()
    return judge


# ---- the self-test ----------------------------------------------------------

GOOD = """a start x manual
a assigned 0 1
a record 0 0 0/0
a record 0 1 0/1
a record 1 0 1/0
a committing 0:2 1:1
a committed 0:2 1:1
a record 0 2 0/2
a committing 0:3
a committed 0:3
a revoked 0 1
b start x manual
a assigned 0
b assigned 1
b record 1 1 1/1
b record 1 2 1/2
b killed
a assigned 1
a record 1 1 1/1
a record 1 2 1/2
a record 0 3 0/3
a committing 0:4 1:3
a committed 0:4 1:3
a leaving
a ended 0
c start x auto
c assigned 0 1
c record 0 4 0/4
c record 1 3 1/3
c seek 0 1
c record 0 1 0/1
c record 0 2 0/2
c record 0 3 0/3
c record 0 4 0/4
c leaving
c ended 0
- end 0 5
- end 1 4
- stored 0 5
- stored 1 4
- closed""".split("\n")

# A commit of one that does not say what it commits was refused.
EXCUSED = """a start kcat auto
% Group g rebalanced (memberid a-1-2): assigned: t [0], t [1]
a record 0 0 0/0
a record 1 0 1/0
% Reached end of topic t [0] at offset 1
% Group g rebalanced (memberid a-1-2): revoked: t [0], t [1]
%4|17.1|COMMITFAIL|a#consumer-1| [thrd:main]: Offset commit failed
a ended 0
b start kcat auto
b assigned 0 1
b record 0 0 0/0
b leaving
b ended 0
- end 0 1
- end 1 1
- stored 0 1
- stored 1 1
- closed""".split("\n")

# What is planted: kind of finding, line, what comes in its place.
PLANTED = [
    ("double", "b record 1 1 1/1", "b record 1 0 1/0"),
    ("double", "c record 0 4 0/4", "c record 0 3 0/3|c record 0 4 0/4"),
    # One that left in order had not committed what it read.
    ("double", "a committing 0:4 1:3|a committed 0:4 1:3|a leaving|a ended 0|"
     "c start x auto|c assigned 0 1",
     "a leaving|a ended 0|c start x auto|c assigned 0 1|c record 1 1 1/1|"
     "c record 1 2 1/2"),
    # So had one that gave partitions up, and was not refused.
    ("double", "a committing 0:3|a committed 0:3|a revoked 0 1|b start x manual"
     "|a assigned 0|b assigned 1",
     "a revoked 0 1|b start x manual|a assigned 0|a record 0 2 0/2|b assigned 1"
     ),
    ("loss", "a record 0 1 0/1|", ""),
    ("loss", "b record 1 1 1/1|", ""),
    ("loss", "a record 1 1 1/1|", ""),
    ("loss", "c record 1 3 1/3|", ""),
    ("books", "a record 1 2 1/2|", ""),
    ("loss", "- end 1 4", "- end 1 5"),
    ("loss", "- stored 0 5", "- stored 0 4"),
    ("loss", "- stored 0 5", "- end 0 5"),
    ("loss", "a record 0 3 0/3", "a record 0 3 0/4"),
    ("regress", "a record 0 1 0/1", "a record 0 1 0/1|a record 0 0 0/0"),
    ("regress", "a record 0 3 0/3", "a record 0 3 0/3|a record 0 3 0/3"),
    ("regress", "c record 0 1 0/1|", "c record 0 1 0/1|c record 0 0 0/0|"),
    ("regress", "a committed 0:3", "a committed 0:1"),
    ("owners", "a revoked 0 1", "a revoked 0"),
    ("owners", "a leaving", "a leaving|a record 0 4 0/4"),
    ("owners", "b assigned 1", "b assigned"),
    ("owners", "b killed|", ""),
    ("owners", "b record 1 1 1/1", "a committed 1:1|b record 1 1 1/1"),
    ("books", "a committing 0:3", "a committing 0:9"),
    ("books", "c ended 0", "c ended 1"),
    ("books", "b killed", "b killed|b reco"),
    ("books", "b killed", "b record 1"),
    ("books", "- end 0 5|", ""),
    ("books", "|- closed", ""),
]


def selftest():
    failed = 0
    found = judged(GOOD)
    if found.findings or found.again != {
            "killed": 2, "lost": 0, "refused": 0, "sought": 4}:
        print("good books:", found.findings, found.again)
        failed += 1
    found = judged(EXCUSED)
    if found.findings or found.again["refused"] != 1:
        print("excused books:", found.findings, found.again)
        failed += 1
    without = [line for line in EXCUSED if "COMMITFAIL" not in line]
    if not any(": double: " in f for f in judged(without).findings):
        print("excused without an excuse")
        failed += 1
    text = "|".join(GOOD)
    for kind, line, instead in PLANTED:
        assert text.count(line) >= 1, line
        bad = judged(text.replace(line, instead, 1).split("|"))
        if not any(": %s: " % kind in f for f in bad.findings):
            print("not found: %s, %s for %s: %s" % (
                kind, instead, line, bad.findings))
            failed += 1
    if not judged([]).findings:
        print("empty books are good")
        failed += 1
    print("%d planted, %d not found" % (len(PLANTED), failed))
    return failed


def main():
    if sys.argv[1:] == ["--selftest"]:
        sys.exit(1 if selftest() else 0)
    with open(sys.argv[1]) as f:
        judge = judged(f.read().splitlines())
    print("\n".join(judge.findings + [judge.summary()]))
    sys.exit(1 if judge.findings else 0)


if __name__ == "__main__":
    main()
