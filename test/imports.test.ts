/**
 * How the files of src/ know each other. Which folder may know which is in eslint.config.js and docs/internals/architecture.md.
 */
import { test } from 'tap'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const files = readdirSync('src', { encoding: 'utf8', recursive: true }).filter(file => file.endsWith('.ts'))

/** What each file imports of ours, types included. */
const imports = new Map(files.map(file => {
  const paths = [...readFileSync(join('src', file), 'utf8').matchAll(/(?:from|import)\(? ?'(\.[^']+)'/g)]
  return [file, paths.map(([, path = '']) => normalize(join(dirname(file), path)))]
}))

/** A way from `file` back to itself, or undefined. */
function circle (known: ReadonlyMap<string, readonly string[]>, file: string, way: readonly string[] = [file], seen = new Set<string>()): readonly string[] | undefined {
  for (const next of known.get(way.at(-1) ?? '') ?? []) {
    if (next === file) return [...way, next]
    if (seen.has(next)) continue
    seen.add(next)
    const found = circle(known, file, [...way, next], seen)
    if (found !== undefined) return found
  }
  return undefined
}

test('no file of src knows itself by way of others, not even its types', async t => {
  t.same(circle(new Map([['a', ['b']], ['b', ['c', 'd']], ['c', []], ['d', ['a']]]), 'a'), ['a', 'b', 'd', 'a'], 'a circle is found')
  t.ok([...imports.values()].flat().length > files.length, 'the imports are read')
  for (const file of files) t.equal(circle(imports, file)?.join(' → '), undefined, file)
})
