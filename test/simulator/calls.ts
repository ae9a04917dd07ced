/** The calls of the AMSU API by name, and the prepaid quota that each draws on. */

/** Where all calls live. */
export const basePath = '/amsu-analysis/v2'

/** The calls that hand out tokens. */
export const tokenCalls = ['POST /token', 'PUT /token', 'POST /token/refreshment'] as const

/** The call that returns the remaining quotas. */
export const quotaCall = 'GET /available-times'

/** The analyses and their quota. That rr-list draws on hrv_analysis is inferred from its path. */
export const analysisFamilies = {
  'POST /arrhythmia/common/results/': 'arrhythmia_analysis',
  'POST /arrhythmia/af/results/': 'arrhythmia_analysis',
  'POST /hrv/common/results/': 'hrv_analysis',
  'POST /hrv/rr-list/': 'hrv_analysis',
  'POST /hrv/state/results/': 'hrv_analysis',
  'POST /health/cvdr/results/': 'health_analysis',
  'POST /health/cpf/results/': 'health_analysis',
  'POST /calorie/running/results/': 'calorie_analysis',
} as const

/** A call that hands out tokens, by name. */
export type TokenCall = typeof tokenCalls[number]
/** A call that is charged, by name. */
export type AnalysisCall = keyof typeof analysisFamilies
/** Any call, by method and path under {@link basePath}. */
export type CallName = TokenCall | typeof quotaCall | AnalysisCall
/** The four prepaid quotas, as /available-times names them. */
export type Family = typeof analysisFamilies[AnalysisCall]

/** All calls, the token calls first. */
export const callNames: readonly CallName[] = [...tokenCalls, quotaCall, ...Object.keys(analysisFamilies) as AnalysisCall[]]

/** Splits a call's name into method and full path. */
export function methodAndPath (call: CallName): { method: string, url: string } {
  const [method = '', path = ''] = call.split(' ')
  return { method, url: basePath + path }
}

/** Returns the methods that a full path knows; none if there is no such path. */
export function methodsOf (url: string): string[] {
  return callNames.map(methodAndPath).filter(known => known.url === url).map(known => known.method)
}
