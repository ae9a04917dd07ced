import { test } from 'tap'
import { createTerminalFormat } from '../../src/logging/terminal.ts'
import { outcomeOf } from '../telemetry/outcomes.ts'
import { createLog } from './log-lines.ts'

const format = createTerminalFormat(false)

test('a request is one line for people, and says what happened first', async t => {
  const { logOutcome, lines } = createLog()
  logOutcome(outcomeOf({ method: 'POST', path: '/amsu-analysis/v2/hrv/', status: 200, durationMs: 12.899, caller: 'ward-app' }))
  const line = format(lines[0] ?? '')
  t.match(line, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO <ward-app>: POST \/amsu-analysis\/v2\/hrv\/ 200 in 13 ms \{"requestId":.*\}\n$/)
  t.notMatch(line, /"(?:method|path|status|durationMs)"/, 'nothing is said twice')
})

test('an error that has a code is one line with its causes, each of them once', async t => {
  const { log, lines } = createLog()
  const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' })
  log.warn({ err: Object.assign(new Error('no token', { cause }), { code: 'E_CALL' }) }, 'call failed')
  const line = format(lines[0] ?? '')
  t.match(line, /^\[[^\]]+\] WARN: call failed \{[^\n]+\}\n$/)
  t.equal(line.match(/connect refused/g)?.length, 1)
})

test('a defect is a line, and its stack below it, whether it ended a request or not', async t => {
  const { log, logOutcome, lines } = createLog()
  log.fatal({ err: new TypeError('x is not a function') }, 'uncaught error')
  logOutcome(outcomeOf({ status: 500, errorCode: 'INTERNAL', cause: new TypeError('y is not a function') }))
  t.match(format(lines[0] ?? ''), /^\[[^\]]+\] FATAL: uncaught error \{[^\n]+\}\n {4}TypeError: x is not a function\n {8}at /)
  t.match(format(lines[1] ?? ''), /500 in \d+ ms \{[^\n]+\}\n {4}TypeError: y is not a function\n {8}at /)
})

test('no text in a line is a command for the terminal', async t => {
  const { log, lines } = createLog()
  log.error({ err: new Error('\u001b]0;title\u0007'), field: '\u001b[2J\u009b2J' }, 'a\u001b[31mb\r\nc\u009b')
  t.strictSame([...format(lines[0] ?? '')].filter(character => (character < ' ' && character !== '\n') || (character > '~' && character < '\u00a0')), [])
})

test('colours are only there when they are wanted', async t => {
  const line = '{"level":30,"time":1,"msg":"x"}\n'
  t.notMatch(format(line), '\u001b')
  t.match(createTerminalFormat(true)(line), '\u001b[')
})
