/**
 * Allowed routes (allow list, `ALLOWED_ROUTES`): which methods and paths callers may use. An entry is `METHOD /path`; `*` matches anything
 * within a segment, `**` anything.
 */

import { pathOf } from './target-guard.ts'

/** One entry, compiled. */
export interface AllowedRoute {
  readonly method: string
  readonly path: RegExp
}

const ENTRY = /^([A-Z]+|\*) (\/amsu-analysis\/[\x21-\x7e]*)$/

/** Parses a comma-separated list; undefined if an entry is invalid or the list is empty. */
export function parseRoutes (text: string): readonly AllowedRoute[] | undefined {
  const entries = text.split(',').map(entry => ENTRY.exec(entry.trim().replace(/\s+/, ' ')))
  if (entries.includes(null)) return undefined
  return entries.map(entry => ({ method: entry?.[1] ?? '', path: compile(entry?.[2] ?? '') }))
}

/** Whether a request is allowed. `target` is a canonical request target; its query is ignored. */
export function isAllowedRoute (routes: readonly AllowedRoute[], method: string, target: string): boolean {
  const path = pathOf(target)
  return routes.some(route => (route.method === '*' || route.method === method) && route.path.test(path))
}

function compile (pattern: string): RegExp {
  const source = pattern.split(/(\*\*|\*)/).map(part => part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('')
  return new RegExp(`^${source}$`)
}
