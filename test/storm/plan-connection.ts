/** The script of a connection, from seed and index alone. */
import { createRandom } from '../soak/random.ts'
import { connectionKinds } from './connection-kinds.ts'
import type { Plan } from './plan.ts'
import { createPlan } from './plan.ts'
import type { ConnectionScript, ProxyName } from './script.ts'

const total = connectionKinds.reduce((sum, { weight }) => sum + weight, 0)

/** Plans connection `index` of the storm `seed`. */
export function planConnection (seed: number, index: number, proxies: readonly ProxyName[]): ConnectionScript {
  const random = createRandom(Math.imul(seed + 1, 0x9E3779B1) ^ Math.imul(index + 1, 0x85EBCA6B))
  const plan: Plan = createPlan(`storm-${seed}-${index}`, random, random.pick(proxies))
  let place = random.between(0, total)
  const kind = connectionKinds.find(({ weight }) => (place -= weight) < 0) ?? connectionKinds[0]!
  kind.make(plan)
  return { index, name: kind.name, proxy: plan.proxy, requests: plan.requests, steps: plan.steps }
}
