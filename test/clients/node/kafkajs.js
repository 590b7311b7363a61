// kafkajs: admin, producer, and consumers of a group.
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')

const topic = 'kafkajs'

function check(condition, what) {
  if (!condition) throw new Error(what)
}

// A member of the group reads until it has `n` records of partition 0.
async function read(kafka, n) {
  const consumer = kafka.consumer({ groupId: topic })
  const got = []
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const done = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${got.length} of ${n} records`)),
               40000).unref()
    consumer.run({ eachMessage: async ({ partition, message }) => {
      if (partition === 0 && got.push(message.offset) === n) resolve()
    } })
  })
  await done
  await consumer.disconnect()
  check(new Set(got).size === n, 'a record came twice')
  return got
}

async function main() {
  const kafka = new Kafka({ brokers: process.argv[2].split(','),
                            logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  check((await admin.describeCluster()).brokers.length === 3, 'brokers')
  check(await admin.createTopics({
    topics: [{ topic, numPartitions: 2, replicationFactor: 3 }] }), 'create')
  let sent = 0
  for (const acks of [0, 1, -1]) {
    for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
      const producer = kafka.producer({ idempotent: acks === -1,
                                        maxInFlightRequests: 1 })
      await producer.connect()
      for (let i = 0; i < 20; i++) {
        await producer.send({ topic, acks, compression, messages: [
          { key: 'k', value: `${acks} ${i} `.repeat(9), partition: acks === 0 ? 1 : 0 }] })
        // acks=0 promises nothing while a leader moves: those go elsewhere.
        if (acks !== 0) sent++
      }
      await producer.disconnect()
    }
  }
  const offsets = await admin.fetchTopicOffsets(topic)
  const high = offsets.find(o => o.partition === 0).high
  check(Number(high) === sent, `${high} of ${sent} records`)
  const before = await admin.fetchTopicOffsetsByTimestamp(topic, 0)
  check(before.find(o => o.partition === 0).offset === '0', 'offset by time')
  check((await read(kafka, sent))[0] === '0', 'not from the beginning')
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: [
    { value: 'last', partition: 0 }, { value: 'last', partition: 0 }] })
  await producer.disconnect()
  check((await read(kafka, 2))[0] === `${sent}`, 'it did not resume')
  check((await admin.describeGroups([topic])).groups[0].state === 'Empty',
        'state of the group')
  await admin.deleteGroups([topic])
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
  console.log(`kafkajs: ${sent} records`)
}

main().catch(e => { console.error(e); process.exit(1) })
