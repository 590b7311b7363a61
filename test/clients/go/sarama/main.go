// sarama: admin, producer with every acks and codec, partition consumer, and a
// consumer in a group.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

const topic = "sarama"

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func produce(servers []string, acks sarama.RequiredAcks,
	codec sarama.CompressionCodec, expected []string) []string {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Producer.RequiredAcks = acks
	config.Producer.Compression = codec
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	if acks == sarama.WaitForAll {
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1
	}
	producer, err := sarama.NewSyncProducer(servers, config)
	check(err)
	for i := 0; i < 20; i++ {
		value := strings.Repeat(fmt.Sprintf("%d %s %d ", acks, codec, i), 5)
		// acks=0 promises nothing while a leader moves: those go elsewhere.
		var partition int32
		if acks == sarama.NoResponse {
			partition = 1
		} else {
			expected = append(expected, value)
		}
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{
			Topic: topic, Partition: partition, Value: sarama.StringEncoder(value)})
		check(err)
	}
	check(producer.Close())
	return expected
}

// A member of the group that reads n records of partition 0, and commits.
type member struct {
	n    int
	got  []string
	from int64
	end  context.CancelFunc
}

func (m *member) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession,
	claim sarama.ConsumerGroupClaim) error {
	for r := range claim.Messages() {
		session.MarkMessage(r, "")
		if r.Partition != 0 {
			continue
		}
		if len(m.got) == 0 {
			m.from = r.Offset
		}
		m.got = append(m.got, string(r.Value))
		if len(m.got) == m.n {
			session.Commit()
			m.end()
		}
	}
	return nil
}

func readInGroup(servers []string, n int) *member {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	group, err := sarama.NewConsumerGroup(servers, topic, config)
	check(err)
	ctx, end := context.WithTimeout(context.Background(), 40*time.Second)
	m := &member{n: n, end: end}
	for ctx.Err() == nil {
		check(group.Consume(ctx, []string{topic}, m))
	}
	check(group.Close())
	if len(m.got) != n {
		panic(fmt.Sprintf("%d records of the group, not %d", len(m.got), n))
	}
	return m
}

func main() {
	servers := strings.Split(os.Args[1], ",")
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	admin, err := sarama.NewClusterAdmin(servers, config)
	check(err)
	check(admin.CreateTopic(topic, &sarama.TopicDetail{
		NumPartitions: 2, ReplicationFactor: 3}, false))
	brokers, _, err := admin.DescribeCluster()
	check(err)
	if len(brokers) != 3 {
		panic("not three brokers")
	}
	var expected []string
	for _, acks := range []sarama.RequiredAcks{sarama.NoResponse,
		sarama.WaitForLocal, sarama.WaitForAll} {
		for codec := sarama.CompressionNone; codec <= sarama.CompressionZSTD; codec++ {
			expected = produce(servers, acks, codec, expected)
		}
	}
	client, err := sarama.NewClient(servers, config)
	check(err)
	consumer, err := sarama.NewConsumerFromClient(client)
	check(err)
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	check(err)
	var times []time.Time
	for i, value := range expected {
		select {
		case m := <-partition.Messages():
			if string(m.Value) != value {
				panic(fmt.Sprintf("record %d is %q", i, m.Value))
			}
			times = append(times, m.Timestamp)
		case <-time.After(30 * time.Second):
			panic(fmt.Sprintf("record %d did not come", i))
		}
	}
	found, err := client.GetOffset(topic, 0, times[30].UnixMilli())
	check(err)
	if times[found].Before(times[30]) || !times[found-1].Before(times[30]) {
		panic("offset by time")
	}
	check(partition.Close())
	for i, value := range readInGroup(servers, len(expected)).got {
		if value != expected[i] {
			panic(fmt.Sprintf("record %d of the group is %q", i, value))
		}
	}
	produce(servers, sarama.WaitForAll, sarama.CompressionNone, nil)
	if from := readInGroup(servers, 20).from; from != int64(len(expected)) {
		panic(fmt.Sprintf("it resumed at %d", from))
	}
	check(admin.DeleteConsumerGroup(topic))
	check(admin.DeleteTopic(topic))
	fmt.Printf("sarama: %d records\n", len(expected))
}
