/**
 * Asks the proxy for `/livez` every 100 ms and notes how long that takes: what is left of its event loop, seen from outside. It runs in
 * a thread of its own, so that the stand-in's computing does not count.
 */
import { Agent, get } from 'node:http'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const everyMs = 100
/** A response that takes longer than this counts as none. */
const timeoutMs = 5_000

/** How long responses took, in milliseconds, rising; Infinity for those that did not come. */
export type Latencies = readonly number[]

/** Something that asks. */
export interface Probe {
  /** Stops asking; resolves to all latencies. */
  stop: () => Promise<Latencies>
  /** Ends it at once, whatever it does. */
  end: () => Promise<unknown>
}

/** Starts asking. */
export function startProbe (address: string): Probe {
  // tsx serves the main thread only, unless it is told so.
  const code = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(import.meta.url)}) })`
  const worker = new Worker(code, { eval: true, workerData: address })
  const latencies = new Promise<Latencies>((resolve, reject) => {
    worker.once('message', (list: number[]) => { resolve(list.sort((a, b) => a - b)) })
    worker.once('error', reject)
  })
  latencies.catch(() => {})
  return {
    async stop () {
      worker.postMessage('stop')
      return await latencies
    },
    end: () => worker.terminate(),
  }
}

/** The value below which this share of a rising list lies; 0 for an empty one. */
export function quantile (rising: readonly number[], share: number): number {
  return rising[Math.min(rising.length - 1, Math.floor(rising.length * share))] ?? 0
}

function probe (address: string): void {
  const latencies: number[] = []
  const agent = new Agent({ keepAlive: true })
  const timer = setInterval(() => {
    const from = performance.now()
    const asked = get(`${address}/livez`, { agent, timeout: timeoutMs }, incoming => {
      incoming.resume().once('end', () => { latencies.push(incoming.statusCode === 200 ? performance.now() - from : Infinity) })
    })
    asked.once('error', () => { latencies.push(Infinity) })
    asked.once('timeout', () => { asked.destroy() })
  }, everyMs)
  parentPort?.once('message', () => {
    clearInterval(timer)
    agent.destroy()
    parentPort?.postMessage(latencies)
  })
}

if (!isMainThread && typeof workerData === 'string') probe(workerData)
