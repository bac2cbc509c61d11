// An application with Segment's library for Node: node node_application.mjs FOLDER URL KEY.
// It tracks events until its input ends, then closes and prints the ids of all and of those lost.
import { createRequire } from 'node:module'

const [folder, host, writeKey] = process.argv.slice(2)
const { Analytics } = createRequire(`${folder}/x.js`)('@segment/analytics-node')
const analytics = new Analytics({ writeKey, host, flushAt: 10, flushInterval: 100 })
const lost = []
const ids = []
let errors = 0
analytics.on('error', (error) => {
  errors += 1
  if (error.ctx) lost.push(error.ctx.event.messageId)
})
const timer = setInterval(() => {
  const messageId = `node-${ids.length}`
  ids.push(messageId)
  analytics.track(
    {
      userId: 'u1',
      event: 'Upgraded',
      messageId,
      properties: { revenue: 1 },
      context: { device: { id: 'B5372DB0-C21E-11E4-8DFC-AA07A5B093DB', type: 'ios' } },
    },
    (error, ctx) => error && lost.push(messageId),
  )
}, 5)
process.stdin.resume()
process.stdin.on('end', async () => {
  clearInterval(timer)
  await analytics.flush({ close: true, timeout: 60000 })
  console.log(JSON.stringify({ ids, lost, errors }))
  process.exit(0)
})
