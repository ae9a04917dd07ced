/**
 * Least privilege: which calls may be made at all. An entry is `METHOD /path`; `*` stands for anything within a segment, `**` for
 * anything.
 */

/** One entry, compiled. */
export interface AllowedRoute {
  readonly method: string
  readonly path: RegExp
}

const ENTRY = /^([A-Z]+|\*) (\/amsu-analysis\/[\x21-\x7e]*)$/

/** Parses a list of entries separated by commas; undefined when one is none, or the list is empty. */
export function parseRoutes (text: string): readonly AllowedRoute[] | undefined {
  const entries = text.split(',').map(entry => ENTRY.exec(entry.trim().replace(/\s+/, ' ')))
  if (entries.includes(null)) return undefined
  return entries.map(entry => ({ method: entry?.[1] ?? '', path: compile(entry?.[2] ?? '') }))
}

/** Whether a call may be made. `target` is a canonical request target; its query is not looked at. */
export function isAllowedRoute (routes: readonly AllowedRoute[], method: string, target: string): boolean {
  const path = target.split('?', 1)[0] as string
  return routes.some(route => (route.method === '*' || route.method === method) && route.path.test(path))
}

function compile (pattern: string): RegExp {
  const source = pattern.split(/(\*\*|\*)/).map(part => part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('')
  return new RegExp(`^${source}$`)
}
