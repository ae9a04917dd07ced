import { test } from 'tap'
import { tokenLifeMs } from '../../src/amsu/token-call.ts'
import { renewAtAgeMs } from '../../src/token/renewal-policy.ts'

const DAY_S = 86_400
const DAY_MS = DAY_S * 1000

test('a life is believed up to what the refresh token lives', async t => {
  t.equal(tokenLifeMs(DAY_S), DAY_MS)
  t.equal(tokenLifeMs(0.5), 500)
  t.ok(tokenLifeMs(1e300) < 30 * DAY_MS)
  t.ok(renewAtAgeMs(tokenLifeMs(Number.MAX_VALUE), 0.999) < 30 * DAY_MS)
})
