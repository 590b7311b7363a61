// @platformatic/kafka: admin and producer; its consumer needs groups.
import { createRequire } from 'node:module'
const { Admin, Producer, stringSerializers } =
  createRequire(import.meta.url)('@platformatic/kafka')

const topic = 'platformatic'
const bootstrapBrokers = process.argv[2].split(',')

function check(condition, what) {
  if (!condition) throw new Error(what)
}

const admin = new Admin({ clientId: 'test', bootstrapBrokers })
const created = await admin.createTopics(
  { topics: [topic], partitions: 2, replicas: 3 })
check(created[0].partitions === 2 && created[0].replicas === 3, 'create')
check((await admin.listTopics()).includes(topic), 'list')
let sent = 0
for (const acks of [0, 1, -1]) {
  for (const compression of ['none', 'gzip', 'snappy', 'lz4']) {
    const producer = new Producer({
      clientId: 'test', bootstrapBrokers, serializers: stringSerializers,
      compression, idempotent: acks === -1 })
    for (let i = 0; i < 20; i++) {
      // acks=0 promises nothing while a leader moves: those go elsewhere.
      await producer.send({ acks, messages: [{
        topic, partition: acks === 0 ? 1 : 0, key: 'k',
        value: `${acks} ${compression} ${i} `.repeat(9),
        headers: { h: 'v' } }] })
      if (acks !== 0) sent++
    }
    await producer.close()
  }
}
const offsets = await admin.listOffsets({ topics: [
  { name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }] })
check(Number(offsets[0].partitions[0].offset) === sent, 'offsets')
const configs = await admin.describeConfigs({ resources: [
  { resourceType: 2, resourceName: topic }] })
check(configs[0].configs.length > 0, 'configs')
await admin.deleteTopics({ topics: [topic] })
check(!(await admin.listTopics()).includes(topic), 'delete')
await admin.close()
console.log(`@platformatic/kafka: ${sent} records`)
