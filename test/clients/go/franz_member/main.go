// A member of a group, as groups/schedule.py starts it, of franz-go.
//
// client SERVERS GROUP TOPIC ASSIGNOR SESSION_MS COMMIT_MS NAME
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type position struct{ next, committed int64 }

type member struct {
	name, topic string
	client      *kgo.Client
	mu          sync.Mutex
	at          map[int32]position
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func milliseconds(text string) time.Duration {
	n, err := strconv.ParseInt(text, 10, 64)
	check(err)
	return time.Duration(n) * time.Millisecond
}

// One write a line: all members write to one pipe.
func (m *member) say(word string, args ...any) {
	line := m.name + " " + word
	for _, a := range args {
		line += fmt.Sprintf(" %v", a)
	}
	os.Stdout.WriteString(line + "\n")
}

func (m *member) numbers(all map[string][]int32) []any {
	some := all[m.topic]
	sort.Slice(some, func(i, j int) bool { return some[i] < some[j] })
	var out []any
	for _, p := range some {
		out = append(out, p)
	}
	return out
}

func (m *member) forget(all map[string][]int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range all[m.topic] {
		delete(m.at, p)
	}
}

// commit what was read and is not committed.
func (m *member) commit(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	offsets := map[int32]kgo.EpochOffset{}
	var said []any
	for p, at := range m.at {
		if at.next != at.committed {
			offsets[p] = kgo.EpochOffset{Epoch: -1, Offset: at.next}
			said = append(said, fmt.Sprintf("%d:%d", p, at.next))
		}
	}
	if len(said) == 0 {
		return
	}
	m.say("committing", said...)
	var failure error
	m.client.CommitOffsetsSync(ctx,
		map[string]map[int32]kgo.EpochOffset{m.topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest,
			said *kmsg.OffsetCommitResponse, err error) {
			failure = err
			if err != nil {
				return
			}
			for _, t := range said.Topics {
				for _, p := range t.Partitions {
					if p.ErrorCode != 0 {
						failure = kerr.ErrorForCode(p.ErrorCode)
					}
				}
			}
		})
	if failure != nil {
		m.say("refused", said...)
		fmt.Fprintln(os.Stderr, "refused:", failure)
		return
	}
	m.say("committed", said...)
	for p, o := range offsets {
		m.at[p] = position{o.Offset, o.Offset}
	}
}

func (m *member) assigned(_ context.Context, _ *kgo.Client,
	all map[string][]int32) {
	m.say("assigned", m.numbers(all)...)
}

func (m *member) revoked(ctx context.Context, _ *kgo.Client,
	all map[string][]int32) {
	m.commit(ctx)
	m.forget(all)
	m.say("revoked", m.numbers(all)...)
}

func (m *member) lost(_ context.Context, _ *kgo.Client,
	all map[string][]int32) {
	m.forget(all)
	m.say("lost", m.numbers(all)...)
}

func (m *member) seek(offset int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	to := map[int32]kgo.EpochOffset{}
	for p := range m.at {
		m.say("seek", p, offset)
		to[p] = kgo.EpochOffset{Epoch: -1, Offset: offset}
	}
	m.at = map[int32]position{}
	m.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{m.topic: to})
}

func (m *member) poll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	fetches := m.client.PollFetches(ctx)
	fetches.EachError(func(_ string, p int32, err error) {
		if err != context.DeadlineExceeded {
			fmt.Fprintln(os.Stderr, p, err)
		}
	})
	m.mu.Lock()
	fetches.EachRecord(func(r *kgo.Record) {
		m.say("record", r.Partition, r.Offset, string(r.Value))
		m.at[r.Partition] = position{r.Offset + 1, m.at[r.Partition].committed}
	})
	m.mu.Unlock()
	// Nothing is given up between a poll and this.
	m.client.AllowRebalance()
}

func listen(orders chan []string) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		orders <- strings.Fields(in.Text())
	}
	orders <- []string{"leave"}
}

func main() {
	args := os.Args[1:]
	m := &member{name: args[6], topic: args[2], at: map[int32]position{}}
	interval := milliseconds(args[5])
	balancers := map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(),
		"roundrobin": kgo.RoundRobinBalancer(), "sticky": kgo.StickyBalancer(),
		"cooperative-sticky": kgo.CooperativeStickyBalancer()}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(args[0], ",")...),
		kgo.ClientID(m.name), kgo.ConsumerGroup(args[1]),
		kgo.ConsumeTopics(m.topic), kgo.Balancers(balancers[args[3]]),
		kgo.SessionTimeout(milliseconds(args[4])),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(m.assigned),
		kgo.OnPartitionsRevoked(m.revoked), kgo.OnPartitionsLost(m.lost))
	check(err)
	m.client = client
	ctx := context.Background()
	orders := make(chan []string, 1)
	go listen(orders)
	last := time.Now()
	holding := false
	for {
		m.poll(ctx)
		if !holding && time.Since(last) >= interval {
			m.commit(ctx)
			last = time.Now()
		}
		select {
		case order := <-orders:
			switch order[0] {
			case "leave":
				m.commit(ctx)
				m.say("leaving")
				client.CloseAllowingRebalance()
				return
			case "hold":
				holding = true
			case "seek":
				offset, err := strconv.ParseInt(order[1], 10, 64)
				check(err)
				m.seek(offset)
			}
		default:
		}
	}
}
