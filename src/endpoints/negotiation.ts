/**
 * Content negotiation by `Accept` and `Accept-Language` (RFC 9110 sections 12.4.2 and 12.5).
 */

/** One entry of a list: a name and its quality value, from 0 to 1. */
interface Preference {
  readonly name: string
  readonly quality: number
}

/** Whether `Accept` prefers JSON to HTML. A type is more specific than a wildcard; the default is HTML. */
export function prefersJson (accept: string | undefined): boolean {
  const wanted = parse(accept)
  const json = bestOf(wanted, ['application/json', 'application/*', '*/*'])
  const html = bestOf(wanted, ['text/html', 'text/*', '*/*'])
  return json.quality > html.quality || (json.quality > 0 && json.quality === html.quality && json.rank < html.rank)
}

/** Returns the `offered` language that `Accept-Language` prefers; without a match, the first one. Regions are ignored (RFC 4647 section 3.4). */
export function preferredLanguage<T extends string> (acceptLanguage: string | undefined, offered: readonly [T, ...T[]]): T {
  const wanted = parse(acceptLanguage).sort((a, b) => b.quality - a.quality)
  for (const { name, quality } of wanted) {
    const language = offered.find(each => each === name.split('-', 1)[0])
    if (language !== undefined && quality > 0) return language
  }
  return offered[0]
}

/** Returns the quality of the first of `names` that is listed, and its index as the rank. */
function bestOf (wanted: readonly Preference[], names: readonly string[]): { quality: number, rank: number } {
  for (const [rank, name] of names.entries()) {
    const found = wanted.find(each => each.name === name)
    if (found !== undefined) return { quality: found.quality, rank }
  }
  return { quality: 0, rank: names.length }
}

function parse (list: string | undefined): Preference[] {
  return (list ?? '').split(',').map(entry => {
    const [name = '', ...parameters] = entry.split(';').map(part => part.trim().toLowerCase())
    const weight = parameters.find(parameter => parameter.startsWith('q='))
    const quality = weight === undefined ? 1 : Number(weight.slice(2))
    return { name, quality: quality >= 0 && quality <= 1 ? quality : 0 }
  })
}
