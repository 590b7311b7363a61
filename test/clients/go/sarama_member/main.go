// A member of a group, as groups/schedule.py starts it, of sarama.
//
// client SERVERS GROUP TOPIC ASSIGNOR SESSION_MS COMMIT_MS NAME
//
// session.Commit() does not say whether it was done, so that what is committed
// is known when a partition is given up: unless an error was reported.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

type member struct {
	name, topic string
	interval    time.Duration
	holding     atomic.Bool
	seek        atomic.Int64 // where the next session begins, or -1
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

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	if offset := m.seek.Load(); offset >= 0 {
		for _, p := range session.Claims()[m.topic] {
			session.ResetOffset(m.topic, p, offset, "")
		}
	}
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession,
	claim sarama.ConsumerGroupClaim) error {
	m.say("assigned", claim.Partition())
	if offset := m.seek.Load(); offset >= 0 {
		m.say("seek", claim.Partition(), offset)
	}
	tick := time.NewTicker(m.interval)
	defer tick.Stop()
	for {
		select {
		case r, more := <-claim.Messages():
			if !more {
				session.Commit()
				m.say("revoked", claim.Partition())
				return nil
			}
			m.say("record", r.Partition, r.Offset, string(r.Value))
			session.MarkMessage(r, "")
		case <-tick.C:
			if !m.holding.Load() {
				session.Commit()
			}
		}
	}
}

func main() {
	args := os.Args[1:]
	m := &member{name: args[6], topic: args[2], interval: milliseconds(args[5])}
	m.seek.Store(-1)
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.ClientID = m.name
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Return.Errors = true
	config.Consumer.Group.Session.Timeout = milliseconds(args[4])
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{
		map[string]func() sarama.BalanceStrategy{
			"range":              sarama.NewBalanceStrategyRange,
			"roundrobin":         sarama.NewBalanceStrategyRoundRobin,
			"sticky":             sarama.NewBalanceStrategySticky,
			"cooperative-sticky": sarama.NewBalanceStrategyCooperativeSticky,
		}[args[3]]()}
	group, err := sarama.NewConsumerGroup(strings.Split(args[0], ","), args[1],
		config)
	check(err)
	go func() {
		for err := range group.Errors() {
			m.say("refused")
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	orders := make(chan []string)
	go m.listen(orders)
	for leaving := false; !leaving; {
		ctx, end := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- m.consume(ctx, group) }()
		order := <-orders
		end()
		check(<-done)
		if leaving = order[0] == "leave"; !leaving {
			offset, err := strconv.ParseInt(order[1], 10, 64)
			check(err)
			m.seek.Store(offset)
		}
	}
	m.say("leaving")
	check(group.Close())
}

// listen passes on what the consuming must stop for.
func (m *member) listen(orders chan []string) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "hold" {
			m.holding.Store(true)
		} else {
			orders <- strings.Fields(in.Text())
		}
	}
	orders <- []string{"leave"}
}

// consume goes from session to session until ctx ends.
func (m *member) consume(ctx context.Context, group sarama.ConsumerGroup) error {
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{m.topic}, m); err != nil {
			return err
		}
	}
	return nil
}
