/**
 * Values of the `route` metric label: AMSU's documented paths, and `other`. This bounds the cardinality, whatever paths callers send.
 */

/** The paths that AMSU documents, in its spelling; the trailing slash counts. The token endpoints are served locally and never relayed. */
const KNOWN_ROUTES: ReadonlySet<string> = new Set([
  '/amsu-analysis/v2/available-times',
  '/amsu-analysis/v2/arrhythmia/common/results/',
  '/amsu-analysis/v2/arrhythmia/af/results/',
  '/amsu-analysis/v2/hrv/common/results/',
  '/amsu-analysis/v2/hrv/rr-list/',
  '/amsu-analysis/v2/hrv/state/results/',
  '/amsu-analysis/v2/health/cvdr/results/',
  '/amsu-analysis/v2/health/cpf/results/',
  '/amsu-analysis/v2/calorie/running/results/',
])

/** The route label of a path: itself if AMSU documents it, else `other`. */
export function routeOf (path: string): string {
  return KNOWN_ROUTES.has(path) ? path : 'other'
}
