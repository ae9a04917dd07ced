/**
 * Host names with a final dot. The dot says to a resolver that the name is complete; to everybody else the name is the same without it
 * (RFC 1034 section 3.1), and TLS forbids it (RFC 6066 section 3).
 */

/** The name without its final dot, if it has one. */
export function withoutFinalDot (name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/** Whether no label of a name is empty, but for the one behind a final dot (RFC 1034 section 3.1). */
export function hasNoEmptyLabel (name: string): boolean {
  return !withoutFinalDot(name).split('.').includes('')
}
