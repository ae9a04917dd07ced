/** Bodies that name the request they belong to, at every place, so that a mix-up is seen wherever it happens. */

/** The bytes of a body of `id` from `from` to `to`. */
export function patternBytes (id: string, from: number, to: number): Buffer {
  const period = id.length + 1
  const start = from % period
  return Buffer.alloc(start + to - from, `${id}|`).subarray(start)
}

/** Whether `chunk` is what stands at `from` in a body of `id`. */
export function isPattern (id: string, from: number, chunk: Buffer): boolean {
  return patternBytes(id, from, from + chunk.length).equals(chunk)
}
