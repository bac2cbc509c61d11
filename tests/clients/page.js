// What a shop's page does with Segment's library for browsers.
import { AnalyticsBrowser } from '@segment/analytics-next'

const { collector, writeKey, batching } = window.configuration
const strategy = batching ? { strategy: 'batching', config: { size: 3, timeout: 200 } } : undefined
const analytics = AnalyticsBrowser.load(
  { writeKey, cdnURL: `http://${collector}` },
  {
    integrations: {
      'Segment.io': { apiHost: `${collector}/v1`, protocol: 'http', deliveryStrategy: strategy },
    },
  },
)
analytics.page('Cart')
analytics.identify('u1', { email: 'ada@example.com' })
analytics.track('Order Completed', { orderId: 'o-1', total: 27.5, currency: 'EUR' })
analytics.track('Signed Up', { plan: 'Pro' })
window.more = () => analytics.track('Order Completed', { orderId: 'o-2', total: 5 })
setTimeout(window.more, window.configuration.laterMs)
