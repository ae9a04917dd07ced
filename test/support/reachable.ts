/**
 * Everything that can be reached from an object without a debugger: what a careless log call, a template or a crash dump of the proxy
 * could print.
 */

/** Collects every string (and every buffer, as Latin-1 text) reachable from `roots` by own properties, entries and prototypes' getters. */
export function reachableTexts (roots: readonly unknown[]): string[] {
  const texts: string[] = []
  const seen = new Set<unknown>()
  const queue: unknown[] = [...roots]
  while (queue.length > 0) {
    const value = queue.pop()
    if (typeof value === 'string') texts.push(value)
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue
    seen.add(value)
    if (ArrayBuffer.isView(value)) {
      texts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1'))
      continue
    }
    if (value instanceof Map) queue.push(...value.keys(), ...value.values())
    if (value instanceof Set) queue.push(...value)
    for (const key of Reflect.ownKeys(value)) {
      if (typeof key === 'string') texts.push(key)
      const property = Reflect.getOwnPropertyDescriptor(value, key)
      if (property !== undefined && 'value' in property) queue.push(property.value)
      else queue.push(valueOf(value, key))
    }
    queue.push(Reflect.getPrototypeOf(value))
  }
  return texts
}

/** The value of a getter; some throw, and some must not be called. */
function valueOf (owner: object, key: string | symbol): unknown {
  try {
    return Reflect.get(owner, key)
  } catch {
    return undefined
  }
}
