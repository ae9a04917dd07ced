/** Loaded before a program on Node.js (`--import`, with --expose-gc): at each SIGUSR2 it collects garbage and writes the bytes in use to $HEAP_FILE. */
import { renameSync, writeFileSync } from 'node:fs'

const file = process.env.HEAP_FILE
process.on('SIGUSR2', () => {
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  writeFileSync(`${file}.new`, String(heapUsed + external))
  renameSync(`${file}.new`, file)
})
