import { test } from 'tap'
import { readFileSync } from 'node:fs'
import { renderErrorTable } from './error-document.ts'
import { readSection, replaceSection } from './section.ts'
import { renderSettingsTable } from './settings-document.ts'

const english = read('README.md')
const chinese = read('README.zh-CN.md')

/** A heading and what stands below it. */
interface Part {
  readonly level: number
  /** What a link to it is. */
  readonly anchor: string
  readonly lines: readonly string[]
}

/** The English figures of the benchmark are not repeated in Chinese. */
const parts = [partsOf(replaceSection(english, 'bench', '')), partsOf(chinese)] as const
const pairs = parts[0].map((part, i) => [part.anchor, part, parts[1][i] ?? { level: 0, anchor: '', lines: [] }] as const)

test('the settings in the Chinese README are those of the program; npx tsx test/docs/main.ts writes them', async t => {
  t.equal(readSection(chinese, 'settings'), renderSettingsTable('zh'))
})

test('the errors in the Chinese README are those of the program; npx tsx test/docs/main.ts writes them', async t => {
  t.equal(readSection(chinese, 'errors'), renderErrorTable('zh'))
})

test('each README begins with a link to the other one', async t => {
  t.match(english, /^English · \[简体中文\]\(README\.zh-CN\.md\)\n/)
  t.match(chinese, /^\[English\]\(README\.md\) · 简体中文\n/)
})

test('the READMEs have the same headings in the same order, and the same links lead to them', async t => {
  t.ok(pairs.length > 15)
  t.strictSame(parts[1].map(({ level, anchor }) => [level, anchor]), parts[0].map(({ level, anchor }) => [level, anchor]))
})

test('every link within a README leads to a heading of it', async t => {
  const anchors = parts[0].map(({ anchor }) => anchor)
  for (const [document, [, anchor = '']] of [english, chinese].flatMap(text => [...text.matchAll(/\]\((?:README\.md)?#([^)]+)\)/g)].map(match => [text.slice(0, 12), match] as const))) {
    t.ok(anchors.includes(anchor), `${document}: #${anchor}`)
  }
})

test('the READMEs have the same code blocks', async t => {
  const blocks = [english, chinese].map(text => text.match(/^```[^]*?^```$/gm))
  t.ok((blocks[0]?.length ?? 0) > 10)
  t.strictSame(blocks[1], blocks[0])
})

test('the tables of the READMEs have the same shape, and each row the same names in backticks', async t => {
  for (const [anchor, ...both] of pairs) {
    const [expected, found] = both.map(({ lines }) => lines.filter(line => line.startsWith('|')).map(line => [line.split(/(?<!\\)\|/).length, namesOf(line)]))
    t.strictSame(found, expected, anchor)
  }
})

test('each part of the READMEs has as many list items, the same names in backticks and the same links', async t => {
  for (const [anchor, ...both] of pairs) {
    const [expected, found] = both.map(({ lines }) => [lines.filter(line => line.startsWith('- ')).length, namesOf(lines.join('\n')), linksOf(lines.join('\n'))])
    t.strictSame(found, expected, anchor)
  }
})

/** Splits a README at its headings. GitHub makes an anchor of an English one; a Chinese one carries the same as an element. */
function partsOf (document: string): Part[] {
  const found: Array<{ level: number, anchor: string, lines: string[] }> = []
  for (const line of document.replace(/^```[^]*?^```$/gm, '').split('\n')) {
    const [, marks, id, title = ''] = /^(#+) (?:<a id="([a-z-]+)"><\/a>)?(.+)$/.exec(line) ?? []
    if (marks !== undefined) found.push({ level: marks.length, anchor: id ?? title.toLowerCase().replaceAll(/[^a-z -]/g, '').replaceAll(' ', '-'), lines: [] })
    else found.at(-1)?.lines.push(line)
  }
  return found
}

/** What stands in backticks, in the order of the alphabet: a sentence may have another order in Chinese. */
function namesOf (text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name).sort()
}

/** Where links lead, but for pictures of the page in the reader's language and the way to the English figures. */
function linksOf (text: string): string[] {
  return [...text.matchAll(/\]\(([^)]+)\)/g)]
    .map(([, target = '']) => target.replace(/status-[a-z-]+\.png$/, 'status.png'))
    .filter(target => target !== 'README.md#speed')
    .sort()
}

function read (path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
}
