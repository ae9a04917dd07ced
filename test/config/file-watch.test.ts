import { test } from 'tap'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { watchFiles } from '../../src/config/file-watch.ts'
import type { Fingerprints } from '../../src/config/setting-files.ts'
import { fingerprintAt, readTextFile } from '../../src/config/text-file.ts'
import { until } from '../support/until.ts'

/** Longer than the interval between two polls. */
const SOME_LOOKS_MS = 2_500

/** Ways to change a secret, each in a directory of its own that contains `secret`. */
const CHANGES: Readonly<Record<string, { before: (dir: string) => void, change: (dir: string) => void, found: string }>> = {
  'written in place, with the same length': {
    before: dir => { writeFileSync(join(dir, 'secret'), 'old-secret') },
    change: dir => { writeFileSync(join(dir, 'secret'), 'new-secret') },
    found: 'new-secret',
  },
  'replaced by a rename': {
    before: dir => { writeFileSync(join(dir, 'secret'), 'old-secret') },
    change: dir => {
      writeFileSync(join(dir, 'next'), 'new-secret')
      renameSync(join(dir, 'next'), join(dir, 'secret'))
    },
    found: 'new-secret',
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
    found: '2',
  },
  'made where there was none': {
    before: () => {},
    change: dir => { writeFileSync(join(dir, 'secret'), 'new-secret') },
    found: 'new-secret',
  },
  'taken away and put there again': {
    before: dir => { writeFileSync(join(dir, 'secret'), 'old-secret') },
    change: dir => {
      rmSync(join(dir, 'secret'))
      setTimeout(() => { writeFileSync(join(dir, 'secret'), 'new-secret') }, 1_200)
    },
    found: 'new-secret',
  },
}

/** Watches files as a reader of secrets does; `texts` are the contents that were read, one for each change. */
function watch (paths: readonly string[], seen: Fingerprints = Object.fromEntries(paths.map(path => [path, fingerprintAt(path)]))): { texts: string[], readings: () => number, fail: (isFailing: boolean) => void, close: () => void } {
  const texts: string[] = []
  let readings = 0
  let isFailing = false
  const close = watchFiles(seen, () => {
    readings++
    if (isFailing) return undefined
    try {
      const files = paths.map(path => readTextFile(path))
      const text = files.map(file => file.text).join(' ')
      if (text !== texts.at(-1)) texts.push(text)
      return Object.fromEntries(paths.map((path, i) => [path, String(files[i]?.fingerprint)]))
    } catch {
      return undefined
    }
  })
  return { texts, readings: () => readings, fail (next) { isFailing = next }, close }
}

test('a change is noticed once, whatever way it was made, and not when the watch has ended', async t => {
  const parent = t.testdir({})
  await Promise.all(Object.entries(CHANGES).map(async ([name, { before, change, found }], i) => {
    const dir = join(parent, String(i))
    mkdirSync(dir)
    before(dir)
    const { texts, close } = watch([join(dir, 'secret')])
    const ended = watch([join(dir, 'secret')])
    ended.close()
    change(dir)
    await until(() => texts.at(-1) === found)
    await pause(SOME_LOOKS_MS)
    t.strictSame(texts, [found], name)
    t.equal(ended.readings(), 0, name)
    close()
  }))
})

test('files that change together are read together, and unchanged files are no longer read', async t => {
  const dir = t.testdir({ cert: '1', key: '1' })
  const paths = [join(dir, 'cert'), join(dir, 'key')]
  const { texts, readings, close } = watch(paths)
  for (const path of paths) writeFileSync(path, '2')
  await until(() => texts.length > 0)
  await pause(SOME_LOOKS_MS)
  t.strictSame(texts, ['2 2'])
  const count = readings()
  await pause(SOME_LOOKS_MS)
  t.equal(readings(), count)
  close()
})

test('a change between the reading of a file and the first look is seen', async t => {
  const path = join(t.testdir({ secret: 'old' }), 'secret')
  const { fingerprint } = readTextFile(path)
  writeFileSync(path, 'new')
  const { texts, close } = watch([path], { [path]: fingerprint })
  await until(() => texts.includes('new'))
  close()
})

test('a second change within a tick of the clock of the file system, which leaves no trace, is seen', async t => {
  const path = join(t.testdir({ secret: 'old' }), 'secret')
  let count = 0
  const seen = { [path]: fingerprintAt(path) }
  const end = watchFiles(seen, () => { count++; return seen })
  await until(() => count === 1)
  await pause(SOME_LOOKS_MS)
  t.equal(count, 1, 'what was read at the start is read once more, although it looks the same')
  end()
})

test('a file that cannot be read for a while is read as soon as it can be, however long that takes', async t => {
  const path = join(t.testdir({ secret: 'old' }), 'secret')
  const { texts, readings, fail, close } = watch([path])
  fail(true)
  writeFileSync(path, 'new')
  await until(() => readings() >= 3)
  t.strictSame(texts, [])
  fail(false)
  await until(() => texts.length > 0)
  t.strictSame(texts, ['new'])
  close()
})
