// Each unit is proved by its own test: test/token/renewal-policy.test.ts covers src/token/renewal-policy.ts and nothing else.
// What many units do together (integration, demo, simulator, documents) proves sentences, not lines.
import { existsSync, readdirSync } from 'node:fs'

/** What test/units.test.ts proves: each unit that has a test of its own. */
const units = readdirSync('test', { recursive: true })
  .filter(file => String(file).endsWith('.test.ts'))
  .map(file => `src/${String(file).replace(/\.test\.ts$/, '.ts')}`)
  .filter(file => existsSync(file))

export default test => {
  if (test === 'test/units.test.ts') return units
  const unit = test.replace(/^test\//, 'src/').replace(/\.test\.ts$/, '.ts')
  if (existsSync(unit)) return unit
  return test.startsWith('test/integration/') ? ['src/app.ts', 'src/server/server.ts', 'src/server/listener.ts', 'src/server/client-connection.ts', 'src/server/client-errors.ts', 'src/relay/exchange.ts', 'src/relay/attempt.ts', 'src/relay/request-body.ts', 'src/relay/client-response.ts', 'src/relay/local-reply.ts'] : []
}
