import { test } from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { errorTable } from '../../src/errors.ts'

const root = new URL('../../', import.meta.url)
const document = readFileSync(new URL('docs/internals/failure-modes.md', root), 'utf8')

/** Codes that say what a caller did wrong or may not do: no fault breeds them. */
const NO_FAULTS = ['EXPECTATION_FAILED', 'HOST_REJECTED', 'ORIGIN_REJECTED', 'ROUTE_REJECTED', 'METHOD_REJECTED', 'NOT_FOUND', 'CALLER_UNAUTHENTICATED', 'INVALID_TOKEN_REQUEST', 'LOOP']

/** The cells of every row, without the heads of the tables. */
const rows = document.split('\n')
  .filter(line => line.startsWith('| ') && !line.startsWith('| what breaks |'))
  .map(line => line.split('|').slice(1, -1).map(cell => cell.trim()))

test('each failure says what the caller sees, whether it may be charged, what the operator sees, and what proves it', async t => {
  t.ok(rows.length > 25)
  for (const cells of rows) {
    const [breaks = '', , charged, , proof] = cells
    t.equal(cells.length, 5, breaks)
    t.notOk(cells.includes(''), breaks)
    t.match(charged, /^(?:no|maybe|as AMSU says)\b/, breaks)
    t.match(proof, /^(?:`test\/[^`]+\.test\.ts`(?: “[^”]+”)+ ?)+$/, breaks)
  }
})

test('the test named for each failure exists, and is run', async t => {
  for (const [breaks, , , , proof = ''] of rows) {
    for (const [, file = '', titles = ''] of proof.matchAll(/`([^`]+)`((?: “[^”]+”)+)/g)) {
      const path = new URL(file, root)
      const source = existsSync(path) ? readFileSync(path, 'utf8') : ''
      for (const [, title = ''] of titles.matchAll(/“([^”]+)”/g)) t.match(source, titlePattern(title), `${String(breaks)}: ${file} “${title}”`)
    }
  }
})

test('every code a fault can cause has a row, and every code in a row exists', async t => {
  const named = new Set([...document.matchAll(/`PROXY\.([A-Z_]+)`/g)].map(([, code = '']) => code))
  const faults = Object.keys(errorTable).filter(code => !NO_FAULTS.includes(code))
  t.strictSame([...named].sort(), faults.sort())
})

/** A title as it stands in a source, in quotes; `…` stands for what a template fills in. */
function titlePattern (title: string): RegExp {
  const parts = title.split('…').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`['\`]${parts.join('\\$\\{\\w+\\}')}['\`](?!, \\{ (?:todo|skip))`)
}
