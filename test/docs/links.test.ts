import { test } from 'tap'
import { existsSync, statSync } from 'node:fs'
import { anchorsOf, blocksOf, documents, linksOf, operatorPages, pages, pagesIn, read, resolveLink, root } from './markdown.ts'

test('every link in a page leads to a file, and its anchor to a heading there', async t => {
  t.ok(pages().length > 40, `${pages().length} pages`)
  for (const file of pages()) {
    for (const { path, anchor } of linksOf(read(file))) {
      const target = resolveLink(file, path)
      t.ok(existsSync(new URL(target, root)), `${file}: ${path}`)
      if (anchor !== '' && target.endsWith('.md')) t.ok(anchorsOf(read(target)).has(anchor), `${file}: ${path}#${anchor}`)
    }
  }
})

test('every page can be reached by links from the README in its language', async t => {
  const reached = reach('README.md')
  for (const page of pages().filter(page => !page.startsWith('docs/zh-CN/'))) t.ok(reached.has(page), page)
  const inChinese = reach('README.zh-CN.md')
  for (const page of pagesIn('docs/zh-CN')) t.ok(inChinese.has(page), page)
})

test('from each page that an operator reads another one leads on', async t => {
  for (const page of operatorPages()) t.ok(linksOf(read(page)).some(({ path }) => path.endsWith('.md') && resolveLink(page, path) !== page), page)
})

test('no picture is left that no page shows', async t => {
  const shown = new Set(pages().flatMap(page => linksOf(read(page)).map(({ path }) => resolveLink(page, path))))
  for (const picture of ['bench.svg', 'status-dark-zh.png', 'status-phone.png', 'status-serving.png']) t.ok(shown.has(`docs/images/${picture}`), picture)
})

test('anchors are made as GitHub makes them, links and blocks are read as they are written', async t => {
  t.strictSame([...anchorsOf("# A b\n## `c_d`, e's — f!\n## A b\n```sh\n# no heading\n```\n## 设置")], ['a-b', 'c_d-es--f', 'a-b-1', '设置'])
  t.strictSame(linksOf('[a](b.md#c) [d](#e) [f](https://g.example) ![h](i.png)'), [{ path: 'b.md', anchor: 'c' }, { path: '', anchor: 'e' }, { path: 'i.png', anchor: '' }])
  t.strictSame(blocksOf('x.md', 'a\n<!-- from f.py -->\n```python\nb\n```\n- c\n  ```sh\n  d\n  ```\n'), [
    { file: 'x.md', line: 3, language: 'python', text: 'b\n', quotedFrom: 'f.py' },
    { file: 'x.md', line: 7, language: 'sh', text: 'd\n', quotedFrom: undefined },
  ])
  t.equal(resolveLink('docs/guides/a.md', '../b.md'), 'docs/b.md')
  t.ok(documents().includes('README.md'))
})

/** The pages that links lead to from a first one; a link to a folder leads to all that is in it. */
function reach (first: string): Set<string> {
  const reached = new Set([first])
  for (const page of reached) {
    for (const { path } of linksOf(read(page))) {
      const target = resolveLink(page, path).replace(/\/$/, '')
      if (target.endsWith('.md')) reached.add(target)
      else if (statSync(new URL(target, root)).isDirectory()) for (const below of target.startsWith('docs/') ? pagesIn(target) : []) reached.add(below)
    }
  }
  return reached
}
