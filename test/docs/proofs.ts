/**
 * The tests that a document names as proof: a file in backticks, followed by titles in quotes.
 */

/** A test the document names. */
export interface Named {
  readonly file: string
  readonly title: string
}

/** The titles of the tests in a file, as they are printed; what is filled in is an ellipsis, what is not run is left out. */
export function titlesOf (source: string): string[] {
  return [...source.matchAll(/^ *(?:await )?test\((['`])((?:\\.|(?!\1).)*)\1, (?!\{ (?:todo|skip))/gm)]
    .map(([, , title = '']) => title.replaceAll(/\$\{[^}]*\}/g, '…').replaceAll(/\\(.)/g, '$1'))
}

/** The tests that a cell names. */
export function testsOf (cell: string): Named[] {
  return cell.split('`').flatMap((part, i, parts) => part.startsWith('test/')
    ? [...(parts[i + 1] ?? '').matchAll(/“([^“”]+)”/g)].map(([, title = '']) => ({ file: part, title: title.replaceAll(/\\([\\|])/g, '$1') }))
    : [])
}
