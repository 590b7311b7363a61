# Results as JSON lines -> a table: per row and measure the medians of both
# sides, and the median and range of the ratios of the rounds' pairs.
def median: sort | if length == 0 then null
    elif length % 2 == 1 then .[length / 2 | floor]
    else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def short: if . == null then "-" elif . >= 100 then (round | tostring)
    elif . >= 10 then (. * 10 | round / 10 | tostring)
    else (. * 100 | round / 100 | tostring) end;
def span: if length == 0 then "-" elif length == 1 then (.[0] | short)
    else "\(median | short) (\(min | short)..\(max | short))" end;
def measures: {
    t: [["MB/s", ["mb_per_s"]], ["request p50 ms", ["latency_ms", "p50"]],
        ["request p99 ms", ["latency_ms", "p99"]],
        ["server CPU-s/GB", ["servers", "cpu_s_per_gb"]],
        ["client CPU-s/GB", ["client_cpu_s_per_gb"]],
        ["written per byte", ["servers", "written_per_byte"]],
        ["disk per byte", ["disk_written_per_byte"]],
        ["kernel threads, share", ["kernel_share"]],
        ["largest RSS MB", ["servers", "rss_max_bytes"]]],
    l: [["ack p50 ms", ["latency_ms", "p50"]],
        ["ack p99 ms", ["latency_ms", "p99"]],
        ["ack p99.9 ms", ["latency_ms", "p999"]],
        ["records/s", ["records_per_s"]],
        ["server cores", ["servers", "cores"]]],
    consume: [["MB/s", ["mb_per_s"]],
        ["server CPU-s/GB", ["servers", "cpu_s_per_gb"]],
        ["client CPU-s/GB", ["client_cpu_s_per_gb"]]],
    failover: [["longest gap s", ["gap_max_s"]]],
    start: [["first ack s", ["first_ack_s"]],
        ["all partitions s", ["all_acked_s"]]],
    gidle: [["server cores", ["servers", "cores"]],
        ["heartbeat p99 ms", ["latency_ms", "p99"]],
        ["rejoins", ["rejoins"]]],
    gcommit: [["offsets/s", ["offsets_per_s"]],
        ["commit p50 ms", ["latency_ms", "p50"]],
        ["commit p99 ms", ["latency_ms", "p99"]],
        ["server cores", ["servers", "cores"]]],
    gfetch: [["fetch p50 ms", ["latency_ms", "p50"]],
        ["fetch p99 ms", ["latency_ms", "p99"]]],
    gjoin: [["rebalance p50 ms", ["latency_ms", "p50"]],
        ["longest rebalance ms", ["latency_ms", "max"]]],
    gfail: [["longest until a heartbeat ms", ["heartbeat_back_ms", "max"]],
        ["longest until a commit ms", ["commit_back_ms", "max"]],
        ["groups not back", ["lost"]], ["rejoins", ["rejoins"]]],
    idle: [["RSS MB", ["rss_bytes"]]]};
def kind: if . as $r | ["t1", "t16", "t100", "rd16", "volume"] | index($r)
    then "t" elif startswith("l1") then "l"
    elif . == "restart" then "start"
    elif . == "failrd" then "failover" else . end;
def scale($name): if . != null and ($name | test("RSS MB")) then . / 1e6
    else . end;

[.[] | select(.row != null)] as $all
# The last try of a round counts; what failed does not.
| [$all | group_by([.row, .side, .round])[] | max_by(.attempt)
    | select(.result.failed | not)] as $runs
| ["row", "measure", "ostraka", "kafka", "ratio", "rounds", "disturbed"],
  (["idle", "start", "t1", "t16", "t100", "rd16", "consume", "l1k", "l10k",
    "failover", "failrd", "restart", "volume", "gidle", "gcommit", "gfetch",
    "gjoin", "gfail"][] as $row
   | measures[$row | kind][] as [$name, $path]
   | [$runs[] | select(.row == $row)] as $mine
   | def of($side): [$mine[] | select(.side == $side)
        | {round, v: (.result | getpath($path) | scale($name))}
        | select(.v != null)];
     # What is written later than the run has no ratio worth showing.
     of("ostraka") as $o | of("kafka") as $k
   | select(($o | length) + ($k | length) > 0)
   | [$o[] as $a | $k[]
      | select(.round == $a.round and .v > 0 and $name != "disk per byte")
      | $a.v / .v] as $ratios
   | [$row, $name, ([$o[].v] | span), ([$k[].v] | span), ($ratios | span),
      ($ratios | length | tostring),
      ([$mine[] | select(.disturbed)] | length | tostring)])
| "| " + join(" | ") + " |"
