import { test } from 'tap'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { controlProblem, hasControlCharacter, SettingFiles, withPath } from '../../src/config/setting-files.ts'
import { fingerprintAt } from '../../src/config/text-file.ts'

test('a secret is the text of its file without one line end and without the byte order mark of an editor', t => {
  for (const [content, secret] of [['s3cret', 's3cret'], ['s3cret\n', 's3cret'], ['s3cret\r\n', 's3cret'], ['\uFEFFs3cret\n', 's3cret'], [' s3cret ', ' s3cret '], ['geh\u00ebim\u20ac', 'geh\u00ebim\u20ac']] as const) {
    const problems: string[] = []
    const path = join(t.testdir({ secret: content }), 'secret')
    t.equal(new SettingFiles().readSecret('NAME_FILE', path, problems)?.reveal(), secret, JSON.stringify(content))
    t.strictSame(problems, [])
  }
  t.end()
})

test('a secret with a line break or another control character is a problem, not something to send', t => {
  for (const content of ['s3cret\n\n', 's3\ncret', 's3cret\r', 's3cret\r\n\r\n', 's3\tcret', 's3cret\u007f', 's3\u0085cret', '\u001bs3cret']) {
    const problems: string[] = []
    const path = join(t.testdir({ secret: content }), 'secret')
    t.equal(new SettingFiles().readSecret('NAME_FILE', path, problems), undefined)
    t.strictSame(problems, [`NAME_FILE contains a line break or another control character: ${path}`], JSON.stringify(content))
  }
  t.ok(hasControlCharacter('a\0b'))
  t.notOk(hasControlCharacter('a b\u00a0\u20ac'))
  t.equal(controlProblem('NAME'), 'NAME contains a line break or another control character')
  t.end()
})

test('a file that brings no secret is a problem that names setting and path', t => {
  const dir = t.testdir({ blank: ' \n', empty: '', directory: {}, wide: Buffer.from('s3cret', 'utf16le') })
  for (const [name, problem] of [
    ['blank', 'NAME_FILE names an empty file'],
    ['empty', 'NAME_FILE names an empty file'],
    ['missing', 'NAME_FILE cannot be read (ENOENT)'],
    ['directory', 'NAME_FILE is a directory, not a regular file'],
    ['wide', 'NAME_FILE is UTF-16; save it as UTF-8'],
  ] as const) {
    const problems: string[] = []
    t.equal(new SettingFiles().readSecret('NAME_FILE', join(dir, name), problems), undefined)
    t.strictSame(problems, [`${problem}: ${join(dir, name)}`])
  }
  t.end()
})

test('a secret that was put where a path belongs is not repeated', t => {
  for (const [path, isShown] of [['value-never-shown', false], ['c2VjcmV0==', false], ['secret.txt', true], ['run/secret', true]] as const) {
    const problems: string[] = []
    new SettingFiles().read('NAME_FILE', path, problems)
    t.strictSame(problems, [`NAME_FILE cannot be read (ENOENT)${isShown ? `: ${path}` : ''}`])
  }
  t.equal(withPath('NAME is wrong', '/a\nb'), 'NAME is wrong: "/a\\nb"', 'a path breaks no line')
  t.end()
})

test('what was seen of a file is remembered: its fingerprint, and whether everybody can read it', t => {
  const dir = t.testdir({ open: 's3cret', own: 's3cret' })
  chmodSync(join(dir, 'open'), 0o644)
  chmodSync(join(dir, 'own'), 0o600)
  const files = new SettingFiles()
  for (const name of ['open', 'own', 'missing']) files.read(name, join(dir, name), [])
  t.strictSame(files.seen, { [join(dir, 'open')]: fingerprintAt(join(dir, 'open')), [join(dir, 'own')]: fingerprintAt(join(dir, 'own')) })
  t.strictSame(files.openToAll, ['open'])
  t.strictSame(files.pipeNames, [])
  t.end()
})

test('what a FIFO held is taken like a file, but has no fingerprint', t => {
  const files = new SettingFiles(new Map([['/fifo', Buffer.from('s3cret\n')]]))
  t.equal(files.readSecret('NAME_FILE', '/fifo', [])?.reveal(), 's3cret')
  t.strictSame(files.seen, {})
  t.strictSame(files.pipeNames, ['NAME_FILE'])
  t.end()
})
