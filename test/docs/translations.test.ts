import { test } from 'tap'
import { dirname, relative } from 'node:path'
import { settings } from '../../src/config/settings.ts'
import { words } from '../../src/endpoints/status-page/words.ts'
import { codeSpans, linksOf, pattern, read, resolveLink, rowsOf, sectionOf, slugOf, translations } from './markdown.ts'

/** A heading and what stands below it. */
interface Part {
  readonly level: number
  /** What a link to it is. */
  readonly anchor: string
  readonly lines: readonly string[]
}

const both = translations().map(([english, chinese]) => ({ english, chinese, parts: [partsOf(read(english)), partsOf(read(chinese))] as const }))
const pairs = both.flatMap(({ english, chinese, parts: [first, second] }) => first.map((part, i) => ({ name: `${chinese}#${part.anchor}`, english: { file: english, ...part }, chinese: { file: chinese, ...second[i] ?? { level: 0, anchor: '', lines: [] } } })))

test('operations, every guide and the README are there in Chinese', async t => {
  const chinese = both.map(({ english }) => english)
  for (const page of ['README.md', 'docs/operations.md', ...['install', 'recipes', 'rotation', 'monitoring', 'forward-proxy', 'several-accounts'].map(name => `docs/guides/${name}.md`)]) t.ok(chinese.includes(page), page)
})

test('each page in two languages begins with a link to the other one', async t => {
  for (const { english, chinese } of both) {
    t.ok(read(english).startsWith(`English · [简体中文](${relative(dirname(english), chinese)})\n`), english)
    t.ok(read(chinese).startsWith(`[English](${relative(dirname(chinese), english)}) · 简体中文\n`), chinese)
  }
})

test('a page has the same headings in both languages, in the same order, and the same links lead to them', async t => {
  t.ok(pairs.length > 60)
  for (const { chinese, parts } of both) t.strictSame(parts[1].map(({ level, anchor }) => [level, anchor]), parts[0].map(({ level, anchor }) => [level, anchor]), chinese)
})

test('a page has the same code blocks in both languages', async t => {
  let count = 0
  for (const { english, chinese } of both) {
    const blocks = [english, chinese].map(file => read(file).match(/^(?:<!-- from .+ -->\n)?```[^]*?^```$/gm))
    count += blocks[0]?.length ?? 0
    t.strictSame(blocks[1], blocks[0], chinese)
  }
  t.ok(count > 60)
})

test('a table has the same shape in both languages, and each row the same names in backticks', async t => {
  for (const { name, english, chinese } of pairs) {
    const [expected, found] = [english, chinese].map(({ lines }) => lines.filter(line => line.startsWith('|')).map(line => [line.split(/(?<!\\)\|/).length, namesOf(line)]))
    t.strictSame(found, expected, name)
  }
})

test('each part of a page has as many list items, the same names in backticks and the same links in both languages', async t => {
  for (const { name, english, chinese } of pairs) {
    const [expected, found] = [english, chinese].map(({ file, lines }) => [lines.filter(line => /^(?:-|\d\.) /.test(line)).length, namesOf(lines.join('\n')), targetsOf(file, lines.join('\n'))])
    t.strictSame(found, expected, name)
  }
})

test('the Chinese page of operations quotes the status page as its Chinese form shows it', async t => {
  const texts = JSON.stringify(words.zh).replaceAll(/\{\w+\}/g, '…')
  const document = read('docs/zh-CN/operations.md')
  const quoted = [
    ...rowsOf(document).filter(([place]) => place === '状态页').flatMap(([, cell = '']) => codeSpans(cell)),
    ...rowsOf(sectionOf(document, '<a id="at-a-glance"></a>一览')).slice(1).flatMap(([, , , , cell = '']) => codeSpans(cell)),
  ].filter(span => !(span in settings))
  t.ok(quoted.length > 20)
  for (const text of quoted) t.match(texts, pattern(text), text)
})

test('a Chinese page has one word for each thing', async t => {
  for (const { chinese } of both) t.notMatch(read(chinese).replaceAll(/`[^`\n]+`/g, ''), /应答|正文|调用者|请求正文|停机|(?<!健康)检查|(?<!访问|刷新|占位)令牌(?!调用|端点|请求)/, chinese)
})

/** Splits a page at its headings. GitHub makes an anchor of an English one; a Chinese one carries the same as an element. */
function partsOf (document: string): Part[] {
  const found: Array<{ level: number, anchor: string, lines: string[] }> = []
  for (const line of document.replace(/^```[^]*?^```$/gm, '').replace(/<!-- bench:start -->[^]*?<!-- bench:end -->/, '').split('\n')) {
    const [, marks, id, title = ''] = /^(#+) (?:<a id="([\w-]+)"><\/a>)?(.+)$/.exec(line) ?? []
    if (marks !== undefined) found.push({ level: marks.length, anchor: id ?? (marks.length === 1 ? '' : slugOf(title)), lines: [] })
    else found.at(-1)?.lines.push(line)
  }
  return found
}

/** What stands in backticks, in the order of the alphabet: a sentence may have another order in Chinese. Texts of the status page have a language. */
function namesOf (text: string): string[] {
  const spans = text.startsWith('|') ? codeSpans(text) : text.split('\n').flatMap(codeSpans)
  return spans.map(span => isPageText(span) ? 'text of the status page' : span).sort()
}

/** A name that is no text of the page stays what it is. */
function isPageText (span: string): boolean {
  return [words.en, words.zh].some(each => pattern(span).test(JSON.stringify(each).replaceAll(/\{\w+\}/g, '…'))) && (/\p{Script=Han}/u.test(span) || /^[A-Z].* /.test(span))
}

/** Where links lead within the project, in English; pictures of the page are those in the reader's language. */
function targetsOf (file: string, text: string): string[] {
  return linksOf(text)
    .map(({ path, anchor }) => `${resolveLink(file, path).replace('docs/zh-CN/', 'docs/').replace('README.zh-CN.md', 'README.md').replace(/status-[a-z-]+\.png$/, 'status.png')}#${anchor}`)
    .sort()
}
