/** CPU time and memory of processes, as the kernel counts them; the programs themselves are not asked. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Ticks of /proc/stat in a second; USER_HZ is 100 on every Linux machine of today. */
const TICKS_PER_SECOND = 100

/** Resident memory of a group of processes, in MiB. */
export interface Memory {
  readonly nowMib: number
  /** Peak since {@link forgetPeak}, or since the start. */
  readonly peakMib: number
}

/** The processes of a group: a master and its workers share the group of the first. */
export function processesOf (group: number): number[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).filter(pid => {
    const stat = read(`/proc/${pid}/stat`)
    // The name in parentheses may hold anything; behind it: state, parent, group.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === group
  })
}

/** CPU seconds of all threads of a group, to the nanosecond (sched_info: time on the CPU). */
export function cpuSecondsOf (group: number): number {
  let nanoseconds = 0
  for (const pid of processesOf(group)) {
    for (const thread of list(`/proc/${pid}/task`)) nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0])
  }
  return nanoseconds / 1e9
}

/** Resident memory of a group. Pages that its processes share count once for each. */
export function memoryOf (group: number): Memory {
  let [nowMib, peakMib] = [0, 0]
  for (const pid of processesOf(group)) {
    const status = read(`/proc/${pid}/status`)
    nowMib += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
    peakMib += Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
  }
  return { nowMib, peakMib }
}

/** Resets the peak of a group to what is resident now. */
export function forgetPeak (group: number): void {
  for (const pid of processesOf(group)) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Seconds a core has worked, and seconds its host had no time for it. */
export function coreSeconds (core: string): { readonly busy: number, readonly stolen: number } {
  const line = read('/proc/stat').split('\n').find(text => text.startsWith(`cpu${core} `)) ?? ''
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = line.split(' ').slice(1).map(Number)
  return { busy: (user + nice + system + irq + softirq) / TICKS_PER_SECOND, stolen: stolen / TICKS_PER_SECOND }
}

/** A file of /proc; empty when its process has ended meanwhile. */
function read (path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function list (path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
