import { test } from 'tap'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isOpenToAll, readSecretFile, watchFiles } from '../../src/config/secret-file.ts'
import { until } from '../support/until.ts'

/** Longer than the watch waits between two looks. */
const SOME_LOOKS_MS = 2_500

test('a secret is the text of its file without one line end and without the byte order mark of an editor', t => {
  for (const [content, secret] of [['s3cret', 's3cret'], ['s3cret\n', 's3cret'], ['s3cret\r\n', 's3cret'], ['s3cret\n\n', 's3cret\n'], ['\uFEFFs3cret\n', 's3cret'], [' s3cret ', ' s3cret ']] as const) {
    const path = join(t.testdir({ secret: content }), 'secret')
    const read = readSecretFile('NAME_FILE', path)
    t.equal('secret' in read && read.secret.reveal(), secret, JSON.stringify(content))
  }
  t.end()
})

test('a file that brings no secret is a problem that names the setting, and neither path nor content', t => {
  const dir = t.testdir({ blank: ' \n', directory: {} })
  for (const [path, problem] of [['blank', 'NAME_FILE names an empty file'], ['missing', 'NAME_FILE can not be read (ENOENT)'], ['directory', 'NAME_FILE can not be read (EISDIR)']] as const) {
    t.strictSame(readSecretFile('NAME_FILE', join(dir, path)), { problem })
  }
  t.end()
})

test('a file that everybody can read or change is told from one that only owner and group can', t => {
  const dir = t.testdir({ secret: 's3cret' })
  const path = join(dir, 'secret')
  for (const [mode, isOpen] of [[0o644, true], [0o444, true], [0o604, true], [0o666, true], [0o602, true], [0o600, false], [0o640, false], [0o440, false], [0o660, false], [0o661, false], [0o400, false]] as const) {
    chmodSync(path, mode)
    t.equal(isOpenToAll(path), isOpen, mode.toString(8))
  }
  chmodSync(path, 0o644)
  symlinkSync(path, join(dir, 'link'))
  t.equal(isOpenToAll(join(dir, 'link')), true, 'the file counts, not the link')
  t.equal(isOpenToAll(join(dir, 'missing')), false, 'reading it says what is wrong')
  t.end()
})

/** Ways a secret comes to be another, each from a directory of its own that holds `secret`. */
const CHANGES: Readonly<Record<string, { before: (dir: string) => void, change: (dir: string) => void }>> = {
  'written in place, with the same length': {
    before: dir => { writeFileSync(join(dir, 'secret'), 'old-secret') },
    change: dir => { writeFileSync(join(dir, 'secret'), 'new-secret') },
  },
  'replaced by a rename': {
    before: dir => { writeFileSync(join(dir, 'secret'), 'old-secret') },
    change: dir => {
      writeFileSync(join(dir, 'next'), 'new-secret')
      renameSync(join(dir, 'next'), join(dir, 'secret'))
    },
  },
  'reached through another link, as Kubernetes does it': {
    before: dir => {
      for (const version of ['1', '2']) {
        mkdirSync(join(dir, `..version-${version}`))
        writeFileSync(join(dir, `..version-${version}`, 'secret'), version)
      }
      symlinkSync('..version-1', join(dir, '..data'))
      symlinkSync('..data/secret', join(dir, 'secret'))
    },
    change: dir => {
      symlinkSync('..version-2', join(dir, '..data_tmp'))
      renameSync(join(dir, '..data_tmp'), join(dir, '..data'))
    },
  },
  'made where there was none': {
    before: () => {},
    change: dir => { writeFileSync(join(dir, 'secret'), 'new-secret') },
  },
  'taken away': {
    before: dir => { writeFileSync(join(dir, 'secret'), 'old-secret') },
    change: dir => { rmSync(join(dir, 'secret')) },
  },
}

test('a change is noticed once, whatever way it was made, and not when the watch has ended', async t => {
  const parent = t.testdir({})
  await Promise.all(Object.entries(CHANGES).map(async ([name, { before, change }], i) => {
    const dir = join(parent, String(i))
    mkdirSync(dir)
    before(dir)
    let count = 0
    const close = watchFiles([join(dir, 'secret'), join(dir, 'other')], () => { count++ })
    const closeEnded = watchFiles([join(dir, 'secret')], () => { t.fail(`${name}: this watch has ended`) })
    closeEnded()
    change(dir)
    await until(() => count > 0)
    await pause(SOME_LOOKS_MS)
    t.equal(count, 1, name)
    close()
  }))
})

test('files that change together are told of once', async t => {
  const dir = t.testdir({ cert: '1', key: '1' })
  const paths = [join(dir, 'cert'), join(dir, 'key')]
  let count = 0
  const close = watchFiles(paths, () => { count++ })
  for (const path of paths) writeFileSync(path, '2')
  await until(() => count > 0)
  await pause(SOME_LOOKS_MS)
  t.equal(count, 1)
  close()
})
