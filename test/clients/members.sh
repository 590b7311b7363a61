# shellcheck shell=sh
# members.sh - sourced by the tests of groups of foreign clients, after
# common.sh and clients.sh: how a member of each client is started, and
# groups/schedule.py, which lets them join, leave and die, and judges.

# members_begin: then no kind is known yet.
members_begin()
{
    clients_begin
    : >"$work/kinds"
    check 'the judge finds what is planted' python3 -B \
        "$OSTRAKA_SRC/test/clients/groups/judge.py" --selftest
}

# kind NAME COMMITS STOP COMMAND: see schedule.py.
kind()
{
    printf '%s\t%s\t%s\t%s\n' "$@" >>"$work/kinds"
}

# members_kind NAME: fetch what it needs, or skip.
members_kind()
{
    sources=$OSTRAKA_SRC/test/clients
    words='{servers} {group} {topic} {assignor} {session} {commit} {name}'
    case $1 in
    kcat)
        needs kcat stdbuf
        kcat_words="-X client.id={name} -X session.timeout.ms={session}"
        kcat_words="$kcat_words -X heartbeat.interval.ms=500"
        kcat_words="$kcat_words -X auto.commit.interval.ms={commit}"
        kcat_words="$kcat_words -X auto.offset.reset=earliest"
        kcat_words="$kcat_words -X partition.assignment.strategy={assignor}"
        # By lines: all members write to one pipe.
        kind kcat auto term "stdbuf -oL -eL kcat -b {servers} -G {group} \
$kcat_words -f '{name} record %p %o %s\\n' {topic}"
        ;;
    java)
        needs java javac mvn
        # shellcheck source=test/clients/java_fetch.sh
        . "$sources/java_fetch.sh"
        kind java manual eof "java -Xshare:auto -XX:TieredStopAtLevel=1 \
-Xmx128m -cp $classpath Member $words"
        ;;
    librdkafka | kafka-python | aiokafka)
        python_fetch
        library=$1
        [ "$1" != librdkafka ] || library=confluent-kafka
        kind "$1" manual eof \
            "$venv/bin/python $sources/python/member.py $library $words"
        ;;
    kafka-python-old)
        python_fetch
        "$old/bin/python" -c 'import kafka' 2>/dev/null ||
            skip "kafka-python 2.0.2 is not for this Python"
        kind "$1" manual eof \
            "$old/bin/python $sources/python/member.py kafka-python $words"
        ;;
    franz-go | sarama)
        command -v go >/dev/null || skip "Go is not installed"
        program=${1%-go}_member
        fetched "$1" go_built "$program"
        commits=manual
        [ "$1" != sarama ] || commits=auto
        kind "$1" "$commits" eof "$clients_cache/go/$program/client $words"
        ;;
    kafkajs)
        node_fetch kafkajs
        kind kafkajs manual eof "env \
NODE_PATH=$clients_cache/node/node_modules node $sources/node/member.js $words"
        ;;
    *) fail "no such client: $1" ;;
    esac
}

# members_run [OPTION...] GROUP...: as schedule.py takes them.
members_run()
{
    while IFS="$(printf '\t')" read -r name commits stop command; do
        set -- --kind "$name" "$commits" "$stop" "$command" "$@"
    done <"$work/kinds"
    clients_run 'the schedule' python3 -B \
        "$OSTRAKA_SRC/test/clients/groups/schedule.py" \
        --ostraka "$ostraka" --servers "$OSTRAKA_BOOTSTRAP" \
        --directory "$work/groups" "$@"
}
