#!/bin/sh
# terminal.sh - what only a person at a terminal sees: the shell of ostraka sql
# with its history, also that of an earlier time, and the progress of produce
# and consume.
set -u
# shellcheck source=test/integration/cluster.sh
. "$OSTRAKA_SRC/test/integration/cluster.sh"
command -v python3 >/dev/null || skip "python3 is not installed"
test_begin
cluster_up --nodes 1
"$ostraka" topic create t -p 1 -r 1 >/dev/null || fail "topic create"
HOME=$work/home
TERM=xterm
export HOME TERM
mkdir "$HOME" || exit 1

# A terminal with a program: its standard error, and input and output but those
# that are given as files. Steps: "say TEXT" types, "see TEXT" waits until the
# terminal shows it, each behind what was seen before; "raw" waits until keys
# go to the program one by one (before that the terminal itself makes something
# of Ctrl-D); "end" waits for the exit.
cat >"$work/person.py" <<'PYTHON'
import os, pty, select, signal, sys, termios, time

stdin, stdout, command = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    if stdin != "-":
        os.dup2(os.open(stdin, os.O_RDONLY), 0)
    if stdout != "-":
        os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT, 0o600), 1)
    os.execvp(command[0], command)

shown, seen, over = "", 0, False

def look(until):
    """What comes in until then, or until something came."""
    global shown, over
    ready = select.select([fd], [], [], max(0, until - time.monotonic()))[0]
    if ready:
        try:
            some = os.read(fd, 4096)
        except OSError:  # the other end is closed
            some = b""
        over = over or not some
        shown += some.decode(errors="replace")

def give_up(why):
    os.kill(pid, signal.SIGKILL)
    print(shown)
    sys.exit(why)

for line in sys.stdin:
    step, _, text = line.rstrip("\n").partition(" ")
    text = text.encode().decode("unicode_escape")
    until = time.monotonic() + 30
    if step == "say":
        os.write(fd, text.encode())
    elif step == "see":
        while text not in shown[seen:]:
            if over or time.monotonic() >= until:
                give_up("not seen: %r" % text)
            look(until)
        seen = shown.index(text, seen) + len(text)
    elif step == "raw":
        while termios.tcgetattr(fd)[3] & termios.ICANON:
            if over or time.monotonic() >= until:
                give_up("keys are not read one by one")
            look(min(until, time.monotonic() + 0.01))
    elif step == "kill":
        os.kill(pid, signal.SIGTERM)
    elif step == "end":
        while not over and time.monotonic() < until:
            look(until)
        if not over:
            give_up("it does not end")
status = os.waitpid(pid, 0)[1]
print("exit", os.WEXITSTATUS(status) if os.WIFEXITED(status) else "signal")
PYTHON

# person STDIN STDOUT COMMAND...: the steps come on standard input.
person()
{
    python3 "$work/person.py" "$@" >"$work/shown" 2>&1 || {
        cat "$work/shown"
        fail "at a terminal: $*"
    }
}

# ---- the shell --------------------------------------------------------------

if ldd "$ostraka" | grep -q libedit; then
    person - - "$ostraka" sql <<'END'
see ostraka>\x20
say SELECT 40 + 2\n
see     ...>\x20
say AS x;\n
see 42
see ostraka>\x20
say SELECT 6 * 111;\n
see 666
see ostraka>\x20
raw
say \x1b[A\n
see 666
see ostraka>\x20
raw
say \x04
end
END
    grep -qx 'exit 0' "$work/shown" || fail "the shell: $(cat "$work/shown")"
    history=$HOME/.ostraka_history
    [ "$(stat -c %a "$history")" = 600 ] || fail "others may read $history"
    # Another one knows what was typed then.
    person - - "$ostraka" sql <<'END'
see ostraka>\x20
raw
say \x1b[A\n
see 666
see ostraka>\x20
say .quit\n
end
END
else
    echo "not checked, built without libedit: the shell's history"
fi

# ---- progress ---------------------------------------------------------------

mkfifo "$work/lines" || exit 1
exec 9<>"$work/lines" # what reads it finds no end
seq -f 'line %.0f' 0 299 >&9
person "$work/lines" "$work/result" "$ostraka" produce t <<'END'
see lines read,
see acknowledged
kill
end
END
exec 9>&-
# Fewer than it takes to look at the clock while they come.
"$ostraka" topic create few -p 1 -r 1 >/dev/null || fail "topic create"
seq -f 'line %.0f' 0 99 | "$ostraka" produce few >/dev/null || fail "produce"
person - "$work/records" "$ostraka" consume few --follow <<'END'
see \x20records,
kill
end
END
grep -q '^line 0$' "$work/records" || fail "the records are not in the file"
grep -q 'records, ' "$work/records" && fail "the progress is among the records"
exit 0
