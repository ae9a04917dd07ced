import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { getTimes, sendForm } from './client.ts'

await test('npm run simulator says where it listens and for whom, has the quota and the clock it is given, and ends on SIGTERM', async t => {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('main.ts', import.meta.url))], {
    env: { PATH: process.env['PATH'], SIMULATOR_PORT: '0', SIMULATOR_TOKEN_LIFE_SECONDS: '30', SIMULATOR_CLIENT_ID: 'my-key', SIMULATOR_CLIENT_SECRET: 'my-secret', SIMULATOR_HEALTH_LEFT: '0', SIMULATOR_CLOCK_SECONDS: '-7200' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line') as [string]
  const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? ''
  t.match(line, /my-key.*my-secret/)
  const bought = await sendForm(origin, 'POST', '/token', { client_id: 'my-key', client_secret: 'my-secret' })
  t.match(bought, { status: 200, body: { expires_in: 30 } })
  const { body, headers } = await getTimes(origin, String(bought.body['access_token']))
  t.match(body, { health_analysis: 0, calorie_analysis: 1000 })
  t.ok(Math.abs(Date.now() - 7_200_000 - Date.parse(String(headers['date']))) < 60_000, 'its clock is two hours behind')
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
})
