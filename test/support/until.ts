/**
 * Polls for a condition that emits no event: the outcome of a file watch, the state of another process.
 */
import { setTimeout as pause } from 'node:timers/promises'

/** Files are looked at each second; a machine that runs other tests as well may take several. */
const LIMIT_MS = 20_000

/** Resolves once `isSo` holds; rejects when that takes too long. */
export async function until (isSo: () => boolean | Promise<boolean>, limitMs = LIMIT_MS): Promise<void> {
  const end = performance.now() + limitMs
  while (!await isSo()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain`)
    await pause(20)
  }
}
