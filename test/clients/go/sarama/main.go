// sarama: admin, producer with every acks and codec, partition consumer.
package main

import (
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
	check(admin.DeleteTopic(topic))
	fmt.Printf("sarama: %d records\n", len(expected))
}
