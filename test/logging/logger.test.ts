import { test } from 'tap'
import type { Logger } from 'pino'
import { TokenCallError } from '../../src/amsu/token-api.ts'
import { loggedError } from '../../src/logging/logger.ts'
import { REDACTED, Secret } from '../../src/secrets/secret.ts'
import { createLog } from './log-lines.ts'

/** Contains characters that JSON, a URL and base64 encode differently. */
const SECRET = 'h"idd\\en/ö+value\n21c8'

/** An error with a code: its stack is not logged. */
function coded (message: string, code: string, rest: object = {}): Error {
  return Object.assign(new Error(message), { code }, rest)
}

test('a secret is masked in whatever field of a line it stands', async t => {
  const cyclic: Record<string, unknown> = { SECRET }
  cyclic['self'] = cyclic
  const inside: ReadonlyArray<readonly [string, (log: Logger) => void]> = [
    ['the message', log => { log.info(`before ${SECRET} after`) }],
    ['an argument of the message', log => { log.info('before %s after %j', SECRET, { SECRET }) }],
    ['a field', log => { log.info({ token: SECRET }) }],
    ['part of a field', log => { log.info({ header: `Bearer ${SECRET}` }) }],
    ['a nested object', log => { log.info({ a: { b: { c: SECRET } } }) }],
    ['an array', log => { log.info({ list: ['x', [SECRET]] }) }],
    ['a key', log => { log.info({ [SECRET]: 1 }) }],
    ['a cyclic object', log => { log.info(cyclic) }],
    ['JSON in a field', log => { log.info({ body: JSON.stringify({ client_secret: SECRET }) }) }],
    ['a form in a field', log => { log.info({ body: new URLSearchParams({ client_secret: SECRET }).toString() }) }],
    ['a URL in a field', log => { log.info({ url: `http://h/?s=${encodeURIComponent(SECRET)}` }) }],
    ['a Basic header in a field', log => { log.info({ header: `Basic ${Buffer.from(`name:${SECRET}`).toString('base64')}` }) }],
    ['the message of an error, and its stack', log => { log.error({ err: new Error(SECRET) }) }],
    ['an error that is the line', log => { log.error(new Error(SECRET)) }],
    ['the cause of an error', log => { log.error({ err: new Error('outer', { cause: new Error('inner', { cause: new Error(SECRET) }) }) }) }],
    ['the name of an error', log => { log.error({ err: Object.assign(new Error('x'), { name: SECRET }) }) }],
    ['the code of an error', log => { log.error({ err: coded('x', SECRET) }) }],
    ['a child of the log', log => { log.child({ bound: SECRET }).info('x') }],
  ]
  for (const [name, write] of inside) {
    const { log, lines, last } = createLog('trace', [SECRET])
    write(log)
    const line = lines.join()
    t.notMatch(line, 'idd', name)
    t.notMatch(line, Buffer.from(SECRET).toString('base64').slice(4, -4), name)
    t.match(line, REDACTED, `${name}: something was masked`)
    t.doesNotThrow(last, `${name}: the line is still JSON`)
  }
})

test('a secret that the masker does not know prints as [redacted] all the same', async t => {
  const { log, last } = createLog()
  log.info({ secret: new Secret('unknown'), nest: [{ secret: new Secret('unknown') }] })
  t.match(last(), { secret: REDACTED, nest: [{ secret: REDACTED }] })
})

test('a line is one JSON object, whatever is in it', async t => {
  const { log, lines, last } = createLog()
  log.info({ text: 'a\nb\r\nc\u2028d', nothing: undefined, none: null }, 'more\nthan\none line')
  log.error({ err: new Error('first\nsecond') }, 'stack')
  t.equal(lines.length, 2)
  for (const line of lines) t.equal(line.indexOf('\n'), line.length - 1)
  t.match(JSON.parse(lines[0] ?? ''), { level: 30, time: Number, text: 'a\nb\r\nc\u2028d', none: null, msg: 'more\nthan\none line' })
  t.match(last(), { level: 50, msg: 'stack' })
})

test('a line does not contain the host name and the process id', async t => {
  const { log, last } = createLog()
  log.info('x')
  t.strictSame(Object.keys(last()), ['level', 'time', 'msg'])
})

test('what is below the level is not written, and silent writes nothing', async t => {
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
  for (const [i, level] of levels.entries()) {
    const { log, lines } = createLog(level)
    for (const each of levels) log[each](each)
    t.equal(lines.length, levels.length - i, level)
  }
  const { log, lines } = createLog('silent')
  for (const each of levels) log[each](each)
  t.strictSame(lines, [])
})

test('an error is logged by type, code and message; its other fields are omitted', async t => {
  const { log, last } = createLog()
  const error = coded('Parse error', 'HPE_INVALID_CONSTANT', { data: 'bytes of somebody', address: '10.1.2.3', headers: { authorization: 'x' } })
  log.error({ err: error }, 'it broke')
  t.strictSame(last()['err'], { type: 'Error', message: 'Parse error', code: 'HPE_INVALID_CONSTANT' })
  t.equal(last()['msg'], 'it broke')
})

test('an error without a code is a defect, and brings its stack', async t => {
  t.match(loggedError(new TypeError('x is not a function')), { type: 'TypeError', message: 'x is not a function', stack: /logger\.test\.ts/ })
  t.notOk('stack' in loggedError(coded('x', 'ECONNRESET')))
  t.strictSame(loggedError(new TokenCallError('credentials', 'rejected', 'status 401', { status: 401 })), { type: 'TokenCallError', message: 'credentials: status 401' }, 'AMSU’s response is no defect of ours')
  t.match(loggedError(Object.assign(new Error('x'), { code: 7, stack: 'at home' })), { stack: 'at home' }, 'a number is no code')
  t.notOk('stack' in loggedError(Object.assign(new Error('x'), { stack: undefined })))
})

test('causes are followed, to the fifth error and no deeper', async t => {
  let error: Error | undefined
  for (let i = 9; i >= 0; i--) error = coded(`number ${i}`, `E${i}`, error === undefined ? {} : { cause: error })
  const messages: string[] = []
  for (let logged: ReturnType<typeof loggedError> | undefined = loggedError(error); logged !== undefined; logged = logged.cause) messages.push(logged.message)
  t.strictSame(messages, ['number 0', 'number 1', 'number 2', 'number 3', 'number 4'])
})

test('an error that is its own cause ends', async t => {
  const error = coded('round', 'EROUND')
  error.cause = error
  t.equal(JSON.stringify(loggedError(error)).match(/EROUND/g)?.length, 5)
})

test('a thrown value that is no error is logged by its type only', async t => {
  for (const [thrown, type] of [['a text with a secret', 'string'], [42, 'number'], [{ secret: 'x' }, 'object'], [null, 'object'], [undefined, 'undefined']] as const) {
    t.strictSame(loggedError(thrown), { type, message: 'not an error' })
  }
  t.strictSame(loggedError(coded('x', 'E', { cause: 'a text with a secret' })).cause, { type: 'string', message: 'not an error' })
})
