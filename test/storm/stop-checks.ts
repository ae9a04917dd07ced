/** SIGTERM: each accepted request gets a response, and the process ends with 0. */
import { setTimeout as delay } from 'node:timers/promises'
import { faultQuery, plain } from './amsu-fault.ts'
import { ask } from './ask.ts'
import { patternBytes } from './pattern.ts'
import { timeouts } from './proxies.ts'
import type { StormProxy } from './proxies.ts'
import type { Stage } from './storm.ts'

const calls = 4
const callMs = 900
/** Time that it may take beyond its grace period. */
const overtimeMs = 4_000

/** Stops a proxy with calls in flight: some end within the grace, one does not. */
export async function checkStop ({ findings }: Stage, proxy: StormProxy): Promise<void> {
  if (!proxy.process.isAlive) return
  const replies = Array.from({ length: calls }, async (_, i) => {
    const id = `storm-stop-0-${i}`
    const fault = i === 0 ? { ...plain, name: 'silent' as const } : { ...plain, delayMs: callMs }
    return await ask(proxy.address(0), { method: 'POST', path: `/amsu-analysis/v2/storm/${id}?${faultQuery(fault)}`, body: patternBytes(id, 0, 100) })
  })
  await delay(300)
  const exit = await proxy.stop(timeouts.grace + overtimeMs)
  if (exit === undefined) findings.add(`(i) ${proxy.name} does not end after SIGTERM`)
  else if (exit.code !== 0) findings.add(`(i) ${proxy.name} ends with ${JSON.stringify(exit)} after SIGTERM`)
  const [silent, ...responded] = await Promise.all(replies)
  if (silent!.status !== 504) findings.add(`(i) ${proxy.name}: a call that outlasts the grace gets ${silent!.status} ${silent!.error ?? ''}`)
  for (const { status, error } of responded) if (status !== 200) findings.add(`(i) ${proxy.name}: a call under way at SIGTERM gets ${status} ${error ?? ''}`)
}
