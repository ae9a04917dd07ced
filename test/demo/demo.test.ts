import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import tap, { test } from 'tap'
import { call } from '../support/client.ts'
import { halfAnHour } from '../simulator/client.ts'

const mainPath = fileURLToPath(new URL('main.ts', import.meta.url))
const { ecg, heartRate } = halfAnHour()
const folder = mkdtempSync(join(tmpdir(), 'amsu-demo-'))
tap.teardown(() => { rmSync(folder, { recursive: true }) })
const recordingPath = join(folder, 'half-an-hour.ecg')
writeFileSync(recordingPath, ecg)

function start (...args: string[]) {
  return spawn(process.execPath, ['--import', 'tsx', mainPath, ...args], { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function run (...args: string[]) {
  const child = start(...args)
  const [output, complaint, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit') as Promise<[number | null]>])
  return { output, complaint, code }
}

/** Stops a demo at the first line that matches, and returns its exit code, its lines and where its proxy was. */
async function stopAt (pattern: RegExp, signal: 'SIGINT' | 'SIGTERM', ...args: string[]) {
  const child = start(...args)
  const lines: string[] = []
  createInterface(child.stdout).on('line', line => {
    lines.push(line)
    if (pattern.test(line)) child.kill(signal)
  })
  const [code] = await once(child, 'close') as [number | null]
  const origin = /^amsu-proxy +(\S+)/m.exec(lines.join('\n'))?.[1] ?? ''
  return { code, lines, origin }
}

// Both mostly wait for a token to be renewed, so they run at the same time, and while the
// first tests below run.
const once30Minutes = run('--once')
const untilCtrlC = stopAt(/Ctrl-C ends both/, 'SIGINT', recordingPath)

await test('a demo that is stopped between two steps takes the proxy along', async t => {
  const { code, lines, origin } = await stopAt(/^3\/7/, 'SIGTERM')
  t.equal(code, 143, lines.join('\n'))
  await t.rejects(call(origin, '/livez'), { code: 'ECONNREFUSED' })
})

await test('a demo with an unknown option ends with 2', async t => {
  t.match(await run('--twice'), { code: 2, output: '', complaint: '--twice' })
})

await test('a demo of a file that is missing, or not named .ecg, ends with 2', async t => {
  const [missing, misnamed] = await Promise.all([run('missing.ecg'), run(mainPath)])
  t.match(missing, { code: 2, output: '', complaint: 'there is no file missing.ecg' })
  t.match(misnamed, { code: 2, output: '', complaint: 'ends in .ecg' })
})

await test('--help prints the usage', async t => {
  t.match(await run('--help'), { code: 0, output: /npm run demo -- \[--once\] \[recording\.ecg\]/, complaint: '' })
})

await test('the demo ends with 0 and shows a renewal', async t => {
  const { output, complaint, code } = await once30Minutes
  t.equal(code, 0, complaint + output)
  t.match(output, /renewed after [\d.]+ s by PUT \/token/)
  t.match(output, /\d+ calls, none failed/)
  t.match(output, '1 with the client secret')
})

await test('the demo shows each call with its curl command, and the response in words', async t => {
  const { output } = await once30Minutes
  for (const path of ['available-times', 'hrv/rr-list/', 'hrv/common/results/', 'arrhythmia/common/results/', 'calorie/running/results/']) {
    t.match(output, new RegExp(`\\$ curl .*http://127\\.0\\.0\\.1:\\d+/amsu-analysis/v2/${path}\\n +✓ 200 in`), path)
  }
  t.match(output, /2,161 beats/)
  t.match(output, '-F model=offline -F device=V6 -F ecg_file=@')
  t.notMatch(output, '\x1b', 'no colours and no movement where there is no terminal')
})

await test('the demo searches the app\'s side for the credentials and all tokens', async t => {
  const { output } = await once30Minutes
  const bytes = Number(/searched ([\d,]+) bytes .* for 6 secrets: none found/.exec(output)?.[1]?.replaceAll(',', ''))
  t.ok(bytes > 3 * 900_000, `${bytes} bytes, the three uploads among them`)
  t.notMatch(output, /demo-app-secret/)
})

await test('the mean rate of a user\'s own recording is printed, within 2 beats', async t => {
  const output = (await untilCtrlC).lines.join('\n')
  const rate = Number(/: ([\d.]+) beats a minute/.exec(output)?.[1])
  t.ok(Math.abs(rate - heartRate) <= 2, `${rate} a minute`)
  t.match(output, `ecg_file=@${recordingPath}`)
})

await test('without --once the demo stays up until Ctrl-C, and takes the proxy along', async t => {
  const { code, lines, origin } = await untilCtrlC
  t.equal(code, 0, lines.join('\n'))
  t.match(lines.join('\n'), `The proxy stays up at ${origin}, the simulator at http://127.0.0.1:`)
  await t.rejects(call(origin, '/livez'), { code: 'ECONNREFUSED' })
})
