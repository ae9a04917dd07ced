/**
 * Elements of the page. Text never becomes markup: the content security policy requires it (`require-trusted-types-for`).
 */

const SVG = 'http://www.w3.org/2000/svg'

/** Tags of the SVG name space, which need another call to be made. */
const SVG_TAGS = ['svg', 'rect']

/** Returns an element that the document has from the start. */
export function byId (id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found
}

/** Creates an element. */
export function element (tag: string, attributes: Readonly<Record<string, string | number>> = {}, ...children: ReadonlyArray<Element | string>): Element {
  const node = SVG_TAGS.includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value))
  node.append(...children)
  return node
}

/** Creates a paragraph in the colour of secondary text. */
export function softText (...children: ReadonlyArray<Element | string>): Element {
  return element('p', { class: 'soft' }, ...children)
}

/** Sets the text of an element if it differs: a screen reader reads a live region again whenever it is written. */
export function setText (id: string, text: string): void {
  const node = byId(id)
  if (node.textContent !== text) node.textContent = text
}

/** Creates a table with a caption and one row of headings. */
export function table (className: string, caption: string, headings: readonly string[], rows: readonly Element[]): Element {
  const head = element('tr', {}, ...headings.map(text => element('th', { scope: 'col' }, text)))
  return element('table', { class: className }, element('caption', {}, caption), element('thead', {}, head), element('tbody', {}, ...rows))
}
