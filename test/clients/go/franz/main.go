// franz-go: admin, producer with every acks and codec, consumer by partition
// and in a group.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const topic = "franz-go"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func produce(ctx context.Context, servers []string, acks string, codec string,
	expected []string) []string {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(),
		"zstd": kgo.ZstdCompression()}
	opts := []kgo.Opt{kgo.SeedBrokers(servers...), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[codec])}
	switch acks {
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	}
	client, err := kgo.NewClient(opts...)
	check(err)
	defer client.Close()
	for i := 0; i < 20; i++ {
		value := strings.Repeat(fmt.Sprintf("%s %s %d ", acks, codec, i), 5)
		// acks=0 promises nothing while a leader moves: those go elsewhere.
		var partition int32
		if acks == "0" {
			partition = 1
		} else {
			expected = append(expected, value)
		}
		check(client.ProduceSync(ctx, &kgo.Record{
			Partition: partition, Value: []byte(value)}).FirstErr())
	}
	return expected
}

// A member of the group reads n records of partition 0, and commits.
func readInGroup(ctx context.Context, servers []string, n int) []*kgo.Record {
	consumer, err := kgo.NewClient(kgo.SeedBrokers(servers...),
		kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic),
		kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	check(err)
	defer consumer.Close()
	var got []*kgo.Record
	for len(got) < n {
		fetches := consumer.PollFetches(ctx)
		check(fetches.Err())
		for _, r := range fetches.Records() {
			if r.Partition == 0 {
				got = append(got, r)
			}
		}
	}
	check(consumer.CommitUncommittedOffsets(ctx))
	if len(got) != n {
		panic(fmt.Sprintf("%d records, not %d", len(got), n))
	}
	return got
}

func main() {
	servers := strings.Split(os.Args[1], ",")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(servers...))
	check(err)
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(ctx, 2, 3, nil, topic)
	check(err)
	brokers, err := admin.ListBrokers(ctx)
	check(err)
	if len(brokers) != 3 {
		panic("not three brokers")
	}
	var expected []string
	for _, acks := range []string{"0", "1", "all"} {
		for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
			expected = produce(ctx, servers, acks, codec, expected)
		}
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(servers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			topic: {0: kgo.NewOffset().AtStart()}}))
	check(err)
	var got []*kgo.Record
	for len(got) < len(expected) {
		fetches := consumer.PollFetches(ctx)
		check(fetches.Err())
		got = append(got, fetches.Records()...)
	}
	for i, r := range got {
		if string(r.Value) != expected[i] {
			panic(fmt.Sprintf("record %d is %q", i, r.Value))
		}
	}
	at := got[30].Timestamp.UnixMilli()
	offsets, err := admin.ListOffsetsAfterMilli(ctx, at, topic)
	check(err)
	found, _ := offsets.Lookup(topic, 0)
	if got[found.Offset].Timestamp.UnixMilli() < at ||
		got[found.Offset-1].Timestamp.UnixMilli() >= at {
		panic("offset by time")
	}
	consumer.Close()
	for i, r := range readInGroup(ctx, servers, len(expected)) {
		if string(r.Value) != expected[i] {
			panic(fmt.Sprintf("record %d of the group is %q", i, r.Value))
		}
	}
	produce(ctx, servers, "all", "none", nil)
	if r := readInGroup(ctx, servers, 20)[0]; r.Offset != int64(len(expected)) {
		panic(fmt.Sprintf("it resumed at %d", r.Offset))
	}
	groups, err := admin.DescribeGroups(ctx, topic)
	check(err)
	if groups[topic].State != "Empty" {
		panic("state of the group: " + groups[topic].State)
	}
	_, err = admin.DeleteTopics(ctx, topic)
	check(err)
	fmt.Printf("franz-go: %d records\n", len(got))
}
