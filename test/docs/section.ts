/**
 * The parts of a Markdown file that are rendered: the lines between `<!-- name:start -->` and `<!-- name:end -->`.
 */

/** Reads a rendered part, without its markers and its last line end. */
export function readSection (document: string, name: string): string {
  const [from, to] = boundsOf(document, name)
  return document.slice(from, to).replace(/\n$/, '')
}

/** Replaces a rendered part; its markers stay. */
export function replaceSection (document: string, name: string, content: string): string {
  const [from, to] = boundsOf(document, name)
  return `${document.slice(0, from)}${content}\n${document.slice(to)}`
}

/** Where a part begins, after the line of its first marker, and where its last marker begins. */
function boundsOf (document: string, name: string): readonly [from: number, to: number] {
  const start = `<!-- ${name}:start -->\n`
  const from = document.indexOf(start) + start.length
  const to = document.indexOf(`<!-- ${name}:end -->`, from)
  if (from < start.length || to < 0) throw new Error(`no part named ${name}`)
  return [from, to]
}
