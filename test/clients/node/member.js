// A member of a group, as groups/schedule.py starts it, of kafkajs:
// SERVERS GROUP TOPIC ASSIGNOR SESSION_MS COMMIT_MS NAME.
//
// kafkajs asks nobody before it rejoins, so that each batch is committed when
// it was read, whatever COMMIT_MS is.
const fs = require('fs')
const readline = require('readline')
const { Kafka, logLevel } = require('kafkajs')

const [servers, groupId, topic, , session, , name] = process.argv.slice(2)
let owned = []
let holding = false

// One write a line: all members write to one pipe.
function say(word, ...args) {
  fs.writeSync(1, [name, word, ...args].join(' ') + '\n')
}

async function commit(consumer, partition, offset) {
  const what = `${partition}:${offset}`
  say('committing', what)
  try {
    await consumer.commitOffsets([{ topic, partition, offset }])
  } catch (e) {
    say('refused', what)
    throw e
  }
  say('committed', what)
}

async function main() {
  const kafka = new Kafka({
    clientId: name, brokers: servers.split(','), logLevel: logLevel.WARN,
    logCreator: () => ({ log }) => console.error(log.message, log.error || '') })
  const consumer = kafka.consumer({
    groupId, sessionTimeout: Number(session), heartbeatInterval: 500,
    maxWaitTimeInMs: 200 })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    owned = payload.memberAssignment[topic] || []
    say('assigned', ...owned)
  })
  consumer.on(consumer.events.REBALANCING, () => {
    say('revoked', ...owned)
    owned = []
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
      if (!isRunning() || isStale()) return
      for (const { offset, value } of batch.messages) {
        say('record', batch.partition, offset, value.toString())
      }
      resolveOffset(batch.lastOffset())
      if (!holding) {
        await commit(consumer, batch.partition, `${BigInt(batch.lastOffset()) + 1n}`)
      }
      await heartbeat()
    } })
  const lines = readline.createInterface({ input: process.stdin })
  lines.on('line', line => {
    const [order, offset] = line.split(' ')
    if (order === 'hold') holding = true
    if (order !== 'seek') return
    for (const partition of owned) {
      say('seek', partition, offset)
      consumer.seek({ topic, partition, offset })
    }
  })
  lines.on('close', async () => {
    await consumer.stop()
    say('leaving')
    await consumer.disconnect()
  })
}

main().catch(e => { console.error(e); process.exit(1) })
