/**
 * What the tests of the documents read in a Markdown file: its blocks of code, the anchors of its headings, and its links.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** The project's root. */
export const root = new URL('../../', import.meta.url)

/** A block between fences. */
export interface Block {
  readonly file: string
  /** Number of the line with its first fence. */
  readonly line: number
  /** The word behind the fence; empty without. */
  readonly language: string
  readonly text: string
  /** The file it says it is quoted from, in a comment right above. */
  readonly quotedFrom: string | undefined
}

/** Reads a file of the project. */
export function read (path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

/** The Markdown files in a folder and below it, by path. */
export function pagesIn (folder: string): string[] {
  return readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.md')).map(name => `${folder}/${name}`).sort()
}

/** The documents: every README, and everything below docs/. */
export function documents (): string[] {
  const readmes = readdirSync(root).filter(name => /^README.*\.md$/.test(name))
  return [...readmes, ...pagesIn('docs')].sort()
}

/** Every page of the project: the documents, and what else lies beside the READMEs. */
export function pages (): string[] {
  return [...readdirSync(root).filter(name => name.endsWith('.md')), ...pagesIn('docs')].sort()
}

/** The pages that an operator reads in English. Contributors have docs/internals, AGENTS.md and CONTRIBUTING.md besides. */
export function operatorPages (): string[] {
  return ['README.md', 'docs/operations.md', ...pagesIn('docs/guides'), ...pagesIn('docs/reference')]
}

/** The pages that exist in Chinese too, in both languages. */
export function translations (): ReadonlyArray<readonly [english: string, chinese: string]> {
  return [['README.md', 'README.zh-CN.md'], ...pagesIn('docs/zh-CN').map(chinese => [chinese.replace('zh-CN/', ''), chinese] as const)]
}

/** The blocks of code of a document. */
export function blocksOf (file: string, document = read(file)): Block[] {
  return [...document.matchAll(/^( *)```(\w*)\n([^]*?)^\1```$/gm)].map(match => {
    const [, indent = '', language = '', text = ''] = match
    const before = document.slice(0, match.index)
    return {
      file,
      line: before.split('\n').length,
      language,
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      quotedFrom: /<!-- from (\S+) -->\n$/.exec(before)?.[1],
    }
  })
}

/** A document without its blocks of code. */
export function proseOf (document: string): string {
  return document.replaceAll(/^( *)```\w*\n[^]*?^\1```$/gm, '')
}

/** What stands in backticks in a text. */
export function codeSpans (text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)
}

/** The anchor GitHub gives a heading. */
export function slugOf (heading: string): string {
  return heading.replaceAll(/<[^>]*>/g, '').toLowerCase().replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '').replaceAll(' ', '-')
}

/** The anchors GitHub gives the headings of a document, and those it writes itself. */
export function anchorsOf (document: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of proseOf(document).matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = slugOf(heading)
    const taken = [...anchors].filter(anchor => anchor.replace(/-\d+$/, '') === slug).length
    anchors.add(taken === 0 ? slug : `${slug}-${taken}`)
  }
  for (const [, id = ''] of proseOf(document).matchAll(/<a id="([^"]+)">/g)) anchors.add(id)
  return anchors
}

/** Where a document links to within the project: path and anchor, either perhaps empty. */
export function linksOf (document: string): Array<{ readonly path: string, readonly anchor: string }> {
  return [...proseOf(document).matchAll(/\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, path = '', anchor = '']) => ({ path, anchor }))
}

/** A path as it is from the root, of a link in a file; an empty one is the file itself. */
export function resolveLink (file: string, path: string): string {
  return path === '' ? file : normalize(join(dirname(file), path))
}

/** The rows of the tables in a text, as cells, without the lines under the heads. */
export function rowsOf (text: string): string[][] {
  return text.split('\n').filter(line => line.startsWith('| ')).map(line => line.split(/(?<!\\)\|/).slice(1, -1).map(cell => cell.trim()))
}

/** What stands below a heading of the second level, without what is below the next one. */
export function sectionOf (document: string, heading: string): string {
  const [, after] = document.split(`\n## ${heading}\n`)
  return after?.split(/^## /m)[0] ?? ''
}

/** A text as it stands in a source, `…` for what is filled in on the same line. */
export function pattern (text: string): RegExp {
  return new RegExp(text.split('…').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*'))
}
