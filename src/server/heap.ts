/**
 * The size of V8's old space, which ends the process when it is full. V8 reports only the limit of the whole heap, which includes a young
 * generation of up to three times the old space that was asked for.
 */
import { getHeapStatistics } from 'node:v8'

const MIB = 1_048_576

/** Largest default size of one of the three semi-spaces of the young generation. */
const SEMI_SPACE_MIB = 64

/**
 * Returns the size of the old space, at most.
 *
 * @param options the options of Node.js, those of the command line last
 * @param heapBytes V8's limit of the whole heap
 */
export function oldSpaceBytes (options: string, heapBytes = getHeapStatistics().heap_size_limit): number {
  const oldSpaceMib = lastSize(options, 'old')
  if (oldSpaceMib !== undefined) return Math.min(oldSpaceMib * MIB, heapBytes)
  const youngBytes = 3 * (lastSize(options, 'semi') ?? SEMI_SPACE_MIB) * MIB
  return Math.max(heapBytes - youngBytes, heapBytes / 4)
}

/** Returns the last size in MiB that the options give a space. V8 reads `_` as `-`, and 0 as the default. */
function lastSize (options: string, space: 'old' | 'semi'): number | undefined {
  const [, size] = [...options.matchAll(new RegExp(`--max[-_]${space}[-_]space[-_]size(?:=|\\s+)["']?(\\d+)`, 'g'))].at(-1) ?? []
  return Number(size ?? 0) > 0 ? Number(size) : undefined
}
