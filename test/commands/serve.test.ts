import { test } from 'tap'
import { serve, type Process } from '../../src/commands/serve.ts'
import { call } from '../support/client.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'
import { startUpstream } from '../support/upstream.ts'

const HELD = '/amsu-analysis/v2/held'

/** A process whose signals and errors the test sends. */
function fakeProcess (upstream: string) {
  const lines: string[] = []
  const forgotten: string[] = []
  const complaints: string[] = []
  let onLine = (): void => {}
  let stop = (_signal: string): void => {}
  let fatal = (_error: unknown): void => {}
  const given: Process = {
    environment: { AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, AMSU_BASE_URL: upstream, PORT: '0' },
    dotenvPath: '/nonexistent/.env',
    nodeVersion: 'v26.0.0',
    version: () => '0.0.0',
    destination: { write (line: string) { lines.push(line); onLine() }, droppedLines: 0 },
    printError: line => { complaints.push(line) },
    unsetEnv: names => { forgotten.push(...names) },
    untilStopped: async () => await new Promise(resolve => { stop = resolve }),
    onFatal: handle => { fatal = handle },
    onReload: () => {},
  }
  async function untilListening (): Promise<string> {
    return await new Promise(resolve => {
      onLine = () => {
        const address = /"address":"([^"]+)"/.exec(lines.join(''))?.[1]
        if (address !== undefined) resolve(address)
      }
      onLine()
    })
  }
  return { given, lines, forgotten, complaints, untilListening, stop: () => { stop('SIGTERM') }, fail: (error: unknown) => { fatal(error) } }
}

test('secrets are taken out of the environment once they are read', async t => {
  const upstream = await startUpstream()
  const { given, forgotten, stop, untilListening } = fakeProcess(upstream.origin)
  t.teardown(upstream.close)
  const exit = serve(given)
  await untilListening()
  t.same(forgotten, ['AMSU_CLIENT_ID', 'AMSU_CLIENT_SECRET', 'AMSU_HTTP_PROXY', 'CALLERS'])
  stop()
  t.equal(await exit, 0)
})

test('an uncaught error is logged once, masked, lets requests in flight finish, and ends with 1', async t => {
  let release = (): void => {}
  const upstream = await startUpstream({ onRequest: (_received, res) => { release = () => { res.end('finished') } } })
  t.teardown(upstream.close)
  const { given, lines, fail, untilListening } = fakeProcess(upstream.origin)
  const exit = serve(given)
  const underWay = call(await untilListening(), HELD)
  while (upstream.received.length === 0) await new Promise(resolve => setImmediate(resolve))
  fail(new Error(`a defect near ${CLIENT_SECRET}`))
  release()
  t.equal((await underWay).text, 'finished')
  t.equal(await exit, 1)
  const fatal = lines.filter(line => line.includes('"level":60'))
  t.equal(fatal.length, 1)
  t.match(fatal[0], /uncaught error/)
  t.notMatch(lines.join(''), new RegExp(CLIENT_SECRET))
})

test('what is wrong with the configuration is said line by line', async t => {
  const { given, complaints } = fakeProcess('http://127.0.0.1:9')
  t.equal(await serve({ ...given, environment: {} }), 2)
  t.match(complaints.join('\n'), /not configured:\n {2}AMSU_CLIENT_ID must be given/)
})
