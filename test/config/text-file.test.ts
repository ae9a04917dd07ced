import { test } from 'tap'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeText, fingerprintAt, MAX_FILE_BYTES, readTextFile, toFileError } from '../../src/config/text-file.ts'

test('a text is what its file holds, without the byte order mark of an editor', t => {
  const dir = t.testdir({ marked: '\uFEFFA=1\n', plain: 'A=\uFEFF1' })
  t.equal(readTextFile(join(dir, 'marked')).text, 'A=1\n')
  t.equal(readTextFile(join(dir, 'plain')).text, 'A=\uFEFF1', 'inside it stays')
  t.equal(readTextFile('/proc/self/status').text.startsWith('Name:'), true, 'a file that states no size is read to its end')
  t.end()
})

test('what is no regular file is rejected at once, with what it is', async t => {
  const dir = t.testdir({ directory: {} })
  execFileSync('mkfifo', [join(dir, 'fifo')])
  symlinkSync(join(dir, 'fifo'), join(dir, 'link'))
  const short = mkdtempSync(join(tmpdir(), 'amsu-')) // a socket's path has 108 bytes
  const server = net.createServer()
  await new Promise<void>(resolve => { server.listen(join(short, 'socket'), resolve) })
  t.teardown(() => { server.close(); rmSync(short, { recursive: true }) })
  for (const [path, kind] of [['directory', 'directory'], ['fifo', 'FIFO'], ['link', 'FIFO'], [join(short, 'socket'), 'socket'], ['/dev/zero', 'device'], ['/dev/null', 'device']] as const) {
    t.throws(() => readTextFile(path.startsWith('/') ? path : join(dir, path)), { message: `is a ${kind}, not a regular file` }, path)
  }
})

test('a missing or unreadable file is reported with its system error code', t => {
  const dir = t.testdir({ file: 'text' })
  t.throws(() => readTextFile(join(dir, 'missing')), { name: 'FileError', message: 'cannot be read (ENOENT)', code: 'ENOENT' })
  t.throws(() => readTextFile(join(dir, 'file/below')), { message: 'cannot be read (ENOTDIR)' })
  t.throws(() => readTextFile(join(dir, 'a\0b')), { message: 'cannot be read (ERR_INVALID_ARG_VALUE)' })
  t.end()
})

test('a file of the size limit is read, and one byte more is rejected', t => {
  const path = join(t.testdir({}), 'file')
  writeFileSync(path, 'x'.repeat(MAX_FILE_BYTES))
  t.equal(readTextFile(path).text.length, MAX_FILE_BYTES)
  writeFileSync(path, 'x'.repeat(MAX_FILE_BYTES + 1))
  t.throws(() => readTextFile(path), { message: 'is larger than 1048576 bytes' })
  t.end()
})

test('any encoding other than UTF-8 is named, with what to do', t => {
  const text = 'CALLERS=app:4f0c6a1b\n# \u8c01\u53ef\u4ee5\u8c03\u7528\n'
  const wide = Buffer.from(text, 'utf16le')
  const utf32 = Buffer.concat([...text].map(character => Buffer.from([character.charCodeAt(0) & 0xff, character.charCodeAt(0) >> 8, 0, 0])))
  for (const [name, bytes, problem] of [
    ['UTF-16 LE with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), wide]), 'is UTF-16; save it as UTF-8'],
    ['UTF-16 BE with its mark', Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(wide).swap16()]), 'is UTF-16; save it as UTF-8'],
    ['UTF-16 LE', wide, 'is UTF-16; save it as UTF-8'],
    ['UTF-16 BE', Buffer.from(wide).swap16(), 'is UTF-16; save it as UTF-8'],
    ['UTF-32 LE with its mark', Buffer.concat([Buffer.from([0xff, 0xfe, 0, 0]), utf32]), 'is UTF-32; save it as UTF-8'],
    ['UTF-32 LE', utf32, 'is UTF-32; save it as UTF-8'],
    ['Chinese in UTF-16', Buffer.from(`${'\u8c01'.repeat(40)}=\n`, 'utf16le'), 'contains a NUL character; if it is UTF-16, save it as UTF-8'],
    ['Latin-1', Buffer.from('A=1\n# geh\xe9im\n', 'latin1'), 'is not UTF-8 (line 2); save it as UTF-8'],
    ['GBK', Buffer.from([0x41, 0x3d, 0xb2, 0xe2, 0xca, 0xd4]), 'is not UTF-8 (line 1); save it as UTF-8'],
    ['cut UTF-8', Buffer.from('A=1\n€').subarray(0, 6), 'is not UTF-8 (line 2); save it as UTF-8'],
  ] as const) t.throws(() => decodeText(bytes), { message: problem }, name)
  t.equal(decodeText(Buffer.from(text)), text)
  t.equal(decodeText(Buffer.alloc(0)), '')
  t.end()
})

test('a file that everybody can read or change is distinguished from one that only owner and group can', t => {
  const dir = t.testdir({ secret: 's3cret' })
  const path = join(dir, 'secret')
  symlinkSync(path, join(dir, 'link'))
  for (const [mode, isOpen] of [[0o644, true], [0o444, true], [0o604, true], [0o666, true], [0o602, true], [0o600, false], [0o640, false], [0o440, false], [0o660, false], [0o661, false], [0o400, false]] as const) {
    chmodSync(path, mode)
    for (const each of [path, join(dir, 'link')]) t.equal(readTextFile(each).isOpenToAll, isOpen, mode.toString(8))
  }
  t.end()
})

test('the fingerprint of a file is that of its path until it changes', t => {
  const path = join(t.testdir({ file: 'one' }), 'file')
  const { fingerprint } = readTextFile(path)
  t.equal(fingerprintAt(path), fingerprint)
  writeFileSync(path, 'longer')
  t.not(fingerprintAt(path), fingerprint)
  t.equal(fingerprintAt(`${path}-missing`), 'ENOENT')
  t.end()
})

test('a failed read reports only its error code', t => {
  for (const error of [new Error('value-never-shown'), 'value-never-shown', { code: 'value-never-shown' }, undefined]) {
    t.equal(toFileError(error).message, 'cannot be read (not readable)')
  }
  t.equal(toFileError(Object.assign(new Error('value-never-shown'), { code: 'EACCES' })).message, 'cannot be read (EACCES)')
  t.end()
})
