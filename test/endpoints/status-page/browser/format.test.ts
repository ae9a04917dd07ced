import { test } from 'tap'
import { fill, formatDuration, formatMilliseconds, formatNumber } from '../../../../src/endpoints/status-page/browser/format.ts'
import { words } from '../../../../src/endpoints/status-page/words.ts'

test('a duration is said in its two largest units, and in seconds as long as they matter', async t => {
  for (const [seconds, en, zh] of [
    [null, 'a moment', '片刻'], [0, 'a moment', '片刻'], [1, '1 s', '1 秒'], [60, '1 min', '1 分钟'], [168, '2 min 48 s', '2 分钟 48 秒'], [599, '9 min 59 s', '9 分钟 59 秒'], [659, '10 min', '10 分钟'],
    [3600, '1 h', '1 小时'], [3661, '1 h 1 min', '1 小时 1 分钟'], [86_400, '1 d', '1 天'], [90_059, '1 d 1 h', '1 天 1 小时'],
  ] as const) t.strictSame([formatDuration(words.en, seconds), formatDuration(words.zh, seconds)], [en, zh], String(seconds))
})

test('a request is timed in milliseconds below a second, and in tenths of a second above', async t => {
  for (const [ms, expected] of [[0.4, '0 ms'], [96, '96 ms'], [999.4, '999 ms'], [1000, '1 s'], [48_213, '48.2 s'], [1_260_000, '1,260 s']] as const) t.equal(formatMilliseconds(words.en, ms), expected)
})

test('a number has the separators of the language, and a blank without a value stays empty', async t => {
  t.equal(formatNumber(words.en, 1_234_567), '1,234,567')
  t.equal(fill('{a} of {b}{c}', { a: 0, b: 'x' }), '0 of x')
})
