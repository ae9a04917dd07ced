/**
 * The calls of AMSU that have a name in metrics. A label has few values, whatever callers send: all other paths are one.
 */

/** The paths AMSU documents, as it spells them: the slash at the end counts. Its token endpoints are answered here and never relayed. */
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

/** The route a path is counted under: itself if AMSU documents it, else `other`. */
export function routeOf (path: string): string {
  return KNOWN_ROUTES.has(path) ? path : 'other'
}
