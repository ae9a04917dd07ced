/**
 * Looks up a header in a flat list of names and values.
 */

/** The value of the first header of this name, or undefined. `name` is lower case. */
export function headerValue (headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const candidate = headers[i] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) return headers[i + 1]
  }
  return undefined
}

/** The values of all headers of this name. `name` is lower case. */
export function headerValues (headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name)
}
