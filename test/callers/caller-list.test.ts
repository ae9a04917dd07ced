import fc from 'fast-check'
import { test } from 'tap'
import { parseCallers, parseCallersFile, type CallerList } from '../../src/callers/caller-list.ts'

/** A parsed list, with the secrets revealed. */
function shown (list: CallerList): readonly string[] {
  return 'problems' in list ? list.problems : list.callers.map(({ name, secret }) => `${name} = ${secret.reveal()}`)
}

test('callers stand in one line, separated by commas', async t => {
  t.strictSame(shown(parseCallers('legacy:s3cret')), ['legacy = s3cret'])
  t.strictSame(shown(parseCallers('legacy:s3cret,batch:0ther')), ['legacy = s3cret', 'batch = 0ther'])
  t.strictSame(shown(parseCallers(' legacy:s3cret ,\n\tbatch:0ther\r\n')), ['legacy = s3cret', 'batch = 0ther'], 'blanks around an entry are no part of it')
})

test('a secret may hold colons: the first one ends the name', async t => {
  t.strictSame(shown(parseCallers('legacy:a:b::')), ['legacy = a:b::'])
  t.strictSame(shown(parseCallersFile('legacy::a')), ['legacy = :a'])
})

test('callers stand in a file, one a line, between comments and blank lines', async t => {
  t.strictSame(shown(parseCallersFile('# apps\n\nlegacy:s3cret\n   \n  # more\n batch:0ther \n')), ['legacy = s3cret', 'batch = 0ther'])
})

test('a file may come from any editor', async t => {
  const expected = ['legacy = s3cret', 'batch = 0ther']
  t.strictSame(shown(parseCallersFile('\uFEFF# apps\r\nlegacy:s3cret\r\nbatch:0ther\r\n')), expected, 'byte order mark and CRLF')
  t.strictSame(shown(parseCallersFile('\uFEFFlegacy:s3cret\nbatch:0ther')), expected, 'no newline at the end')
  t.strictSame(shown(parseCallersFile('legacy:s3cret\rbatch:0ther')), expected, 'CR alone')
})

test('a secret in a file may hold a comma and a number sign', async t => {
  t.strictSame(shown(parseCallersFile('legacy:a,b#c')), ['legacy = a,b#c'])
})

test('two callers may have one secret', async t => {
  t.strictSame(shown(parseCallers('a:same,b:same')), ['a = same', 'b = same'])
})

test('each problem names its line and column, counted as an editor counts, and all are reported together', async t => {
  t.strictSame(shown(parseCallersFile([
    '# a comment counts as a line', '', 'fine:secret', 'nocolon', ':nameless', 'empty:', 'fine:again', 'bl ank:secret', 'umlaut:gehe\u00efm', 'tab:a\tb',
  ].join('\r\n'))), [
    'CALLERS_FILE line 4 has no colon between name and secret (a secret that holds a comma can stand in CALLERS_FILE only)',
    'CALLERS_FILE line 5 has no name before the colon',
    'CALLERS_FILE line 6 has no secret after the colon',
    'CALLERS_FILE line 7 has the same name as CALLERS_FILE line 3',
    'CALLERS_FILE line 8 has a name that is not 1 to 64 visible ASCII characters without comma, quote or backslash',
    'CALLERS_FILE line 9 has a secret with a blank or a character outside visible ASCII',
    'CALLERS_FILE line 10 has a secret with a blank or a character outside visible ASCII',
  ])
  t.strictSame(shown(parseCallers('a:1,,b,a:2')), [
    'CALLERS entry 2 is empty',
    'CALLERS entry 3 has no colon between name and secret (a secret that holds a comma can stand in CALLERS_FILE only)',
    'CALLERS entry 4 has the same name as CALLERS entry 1',
  ])
  t.strictSame(shown(parseCallers('a:secret,')), ['CALLERS entry 2 is empty'], 'a comma at the end may be the end of a secret')
})

test('an empty list is a problem, never open access', async t => {
  for (const text of ['', ' ', '\n']) t.strictSame(shown(parseCallers(text)), ['CALLERS names no caller'])
  for (const text of ['', '\uFEFF', '# nobody yet\n\n']) t.strictSame(shown(parseCallersFile(text)), ['CALLERS_FILE names no caller'])
})

test('a name is 1 to 64 visible ASCII characters that need no escape anywhere', async t => {
  for (const name of ['a', 'A-b_c.d~9', 'x'.repeat(64), '#1', 'app@ward/3', '__proto__']) t.strictSame(shown(parseCallers(`${name}:s`)), [`${name} = s`])
  for (const name of ['x'.repeat(65), 'a b', 'na\u00efve', '\u{1F511}', 'a"b', "a'b", 'a`b', 'a\\b', 'a\u0000b', 'a\u00a0', '\u007f']) t.match(shown(parseCallers(`${name}:s`)), ['CALLERS entry 1 has a name that is not'], JSON.stringify(name))
  t.match(shown(parseCallersFile('a,b:s')), ['CALLERS_FILE line 1 has a name that is not'])
})

test('no problem repeats a name or a secret', async t => {
  const broken = fc.constantFrom('hunter2', ':hunter2', 'hun ter2:hunter2', 'a:hunter2\u00e9', 'a:hunter2 hunter2', 'hunter2:', 'a:hunter2\na:hunter2', '"hunter2":hunter2')
  t.doesNotThrow(() => {
    fc.assert(fc.property(fc.array(broken, { minLength: 1, maxLength: 5 }), lines => {
      for (const list of [parseCallersFile(lines.join('\n')), parseCallers(lines.join(','))]) {
        if (!('problems' in list) || list.problems.length === 0 || list.problems.join().includes('hunter2')) return false
      }
      return true
    }))
  })
})

test('no text makes the parsers throw, and what they take is within the rules', async t => {
  t.doesNotThrow(() => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', 'b', ':', ',', '#', ' ', '\n', '\r', '"', '\u00e9', '\uFEFF', '\u0000'), maxLength: 30 }), text => {
      for (const list of [parseCallers(text), parseCallersFile(text)]) {
        if ('problems' in list) {
          if (list.problems.length === 0) return false
          continue
        }
        const names = list.callers.map(({ name }) => name)
        if (names.length === 0 || new Set(names).size !== names.length) return false
        if (!list.callers.every(({ name, secret }) => /^[ab#]+$/.test(name) && /^[ab:,#"]+$/.test(secret.reveal()))) return false
      }
      return true
    }), { numRuns: 2_000 })
  })
})

test('a caller does not print its secret', async t => {
  t.notMatch(JSON.stringify(parseCallers('legacy:hunter2')), 'hunter2')
})
