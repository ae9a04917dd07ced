import { test } from 'tap'
import { simulatorDefaults, startSimulator } from '../simulator/simulator.ts'
import { endProgram, runProgram, startProgram } from '../support/program.ts'

const { clientId, clientSecret } = simulatorDefaults
const CREDENTIALS = { AMSU_CLIENT_ID: clientId, AMSU_CLIENT_SECRET: clientSecret }

test('the built program checks, waits and is asked for its health, against a whole AMSU, and no quota is spent', async t => {
  const simulator = await startSimulator()
  t.teardown(simulator.close)
  const settings = { ...CREDENTIALS, AMSU_BASE_URL: simulator.origin }
  const first = await runProgram(['check'], settings)
  t.match(first, { code: 0, stdout: /^ok {6}configuration[^]*left: arrhythmia 1000, hrv unlimited, health 100, calorie 1000\nAll steps passed\.\n$/, stderr: '' })
  t.notMatch(first.stdout, '\u001b')
  t.equal((await runProgram(['healthcheck'], { PORT: '9' })).code, 1, 'nothing runs yet')

  const program = await startProgram(simulator.origin, CREDENTIALS)
  t.teardown(async () => { await endProgram(program) })
  const { port } = new URL(program.origin)
  t.match(await runProgram(['wait', '--timeout', '20'], { PORT: port }), { code: 0, stdout: /^ready: the token expires in \d+ s\n$/ })
  t.match(await runProgram(['healthcheck'], { PORT: port, HOST: '0.0.0.0', AMSU_CLIENT_SECRET_FILE: '/nonexistent' }), { code: 0, stdout: /^ready/, stderr: '' })
  const beside = await runProgram(['check', '--json'], { ...settings, PORT: port })
  t.equal(beside.code, 0, 'a running proxy is not in the way')
  t.match(JSON.parse(beside.stdout), { ok: true, steps: [{ name: 'configuration' }, { name: 'dns' }, { name: 'tcp' }, { name: 'token' }, { name: 'refresh_put' }, { name: 'refresh_post' }, { name: 'available_times' }] })

  simulator.faults.rejectCredentials = true
  const refused = await runProgram(['check', '--json'], settings)
  t.equal(refused.code, 1)
  t.match(JSON.parse(refused.stdout), { ok: false, steps: [{}, {}, {}, { name: 'token', status: 'failed' }] })
  for (const secret of [clientId, clientSecret]) t.notOk([first, beside, refused].some(({ stdout, stderr }) => `${stdout}${stderr}`.includes(secret)))
  const made = Object.entries(simulator.record.calls).filter(([, count]) => count > 0).map(([name]) => name)
  t.strictSame(made.filter(name => !/token|available-times/.test(name)), [], 'no analysis was called')
})

test('help, version and wrong usage of the built program', async t => {
  t.match(await runProgram(['help']), { code: 0, stdout: /^Usage: amsu-proxy \[command\]/ })
  t.match(await runProgram(['wait', '--help']), { code: 0, stdout: /^Usage: amsu-proxy wait/ })
  t.match(await runProgram(['check', '--jsn']), { code: 2, stdout: '', stderr: /did you mean --json\?\nTry amsu-proxy --help\.\n$/ })
  t.match(await runProgram(['check'], { PORT: 'value-never-shown' }), { code: 2, stdout: /PORT must be/ })
})
