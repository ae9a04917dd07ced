import { test } from 'tap'
import { chartText, peakOf, peakText } from '../../../../src/endpoints/status-page/browser/traffic-summary.ts'
import { words } from '../../../../src/endpoints/status-page/words.ts'

const QUIET = { requests: 0, errors: 0 }

test('the chart of an idle proxy says that there were no requests, and names no peak', async t => {
  const idle = { requests: 0, errors: 0, minutes: [QUIET, QUIET] }
  t.equal(peakOf(idle.minutes), 0)
  for (const [language, expected] of [['en', 'No requests in the last hour.'], ['zh', '最近一小时没有请求。']] as const) {
    t.equal(chartText(words[language], idle), expected)
    t.equal(peakText(words[language], idle), expected)
  }
})

test('the chart of a busy proxy names its requests, its errors and its busiest minute', async t => {
  const busy = { requests: 1201, errors: 1, minutes: [QUIET, { requests: 1200, errors: 1 }, { requests: 1, errors: 0 }] }
  t.equal(chartText(words.en, busy), 'Requests in the last hour: 1,201, of which 1 failed.')
  t.equal(peakText(words.en, busy), 'peak: 1,200 a minute')
  t.equal(peakText(words.zh, busy), '峰值：每分钟 1,200 个')
})
