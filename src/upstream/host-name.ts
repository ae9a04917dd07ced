/**
 * Host names with a final dot (fully qualified). The dot tells a resolver that the name is complete. Otherwise the name is the same
 * without it (RFC 1034 section 3.1), and TLS forbids it (RFC 6066 section 3).
 */

/** The name without its final dot, if it has one. */
export function withoutFinalDot (name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/** Whether no label of a name is empty, except the one after a final dot (RFC 1034 section 3.1). */
export function hasNoEmptyLabel (name: string): boolean {
  return !withoutFinalDot(name).split('.').includes('')
}
