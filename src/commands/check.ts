/**
 * `amsu-proxy check`: diagnoses the configuration, the network and the credentials. It runs what the proxy will do step by step, and
 * names the cause of the first step that fails.
 */
import type { Clock } from '../clock.ts'
import { loadConfigAtStart, type Config, type Environment } from '../config/config.ts'
import { secretSettings } from '../config/settings.ts'
import { ConfigError } from '../errors.ts'
import { createMasker, type Masker } from '../secrets/masker.ts'
import { AmsuCalls } from './check-calls.ts'
import { apiClientOf, checkDns, checkForwardProxy, checkTcp, checkTls, type CheckContext } from './check-network.ts'
import { isGood, checkRefreshes, renderJson, renderStep, renderSummary, type Step, type StepName, type StepOutcome } from './check-report.ts'

/** What other programs read for a forward proxy, as this one reads AMSU_HTTP_PROXY. */
const FOREIGN_PROXY_SETTINGS = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy']

/** What this command needs of the process. */
export interface CheckProcess {
  readonly environment: Environment
  readonly dotenvPath: string
  readonly clock: Clock
  readonly isColored: boolean
  /** Writes text to standard output. */
  readonly write: (text: string) => void
  /** Removes variables from the environment. */
  readonly unsetEnv: (names: readonly string[]) => void
  /** Resolves names. @default the system's resolver */
  readonly lookup?: CheckContext['lookup']
}

/** Runs steps and measures each. After a required step failed, it skips the others. */
class CheckRunner {
  readonly steps: Step[] = []
  readonly #clock: Clock
  readonly #onStep: (step: Step) => void
  #isBlocked = false

  constructor (clock: Clock, onStep: (step: Step) => void) {
    this.#clock = clock
    this.#onStep = onStep
  }

  /** Runs a step that all later steps need. */
  async run (name: StepName, action: () => Promise<StepOutcome> | StepOutcome): Promise<void> {
    const step = await this.try(name, action)
    if (step.status === 'failed') this.#isBlocked = true
    this.add(step)
  }

  /** Runs a step and returns its result for the caller of this method to evaluate. */
  async try (name: StepName, action: () => Promise<StepOutcome> | StepOutcome): Promise<Step> {
    const startedAt = this.#clock.monotonic()
    const outcome: StepOutcome = this.#isBlocked ? { status: 'not_tried', found: 'not tried' } : await action()
    return { name, ...outcome, durationMs: outcome.status === 'not_tried' ? undefined : this.#clock.monotonic() - startedAt }
  }

  add (step: Step): void {
    this.steps.push(step)
    this.#onStep(step)
  }
}

/**
 * Runs all steps.
 *
 * @returns the exit code: 0 all good, 1 a step failed, 2 not configured
 */
export async function check ({ environment, dotenvPath, clock, isColored, write, unsetEnv, lookup }: CheckProcess, isJson: boolean): Promise<number> {
  const masker = createMasker()
  const startedAt = clock.monotonic()
  const runner = new CheckRunner(clock, step => { if (!isJson) write(masker.mask(renderStep(step, isColored))) })
  let config: Config | undefined
  await runner.run('configuration', async () => {
    const read = await readConfig(environment, dotenvPath)
    if ('config' in read) config = read.config
    return read.outcome
  })
  const hasForeignProxySetting = FOREIGN_PROXY_SETTINGS.some(name => (environment[name] ?? '') !== '')
  unsetEnv(secretSettings)
  if (config !== undefined) await runSteps(runner, { config, clock, hasForeignProxySetting, ...(lookup === undefined ? {} : { lookup }) }, masker)
  write(masker.mask(isJson ? renderJson(runner.steps, clock.monotonic() - startedAt) : renderSummary(runner.steps)))
  if (config === undefined) return 2
  return isGood(runner.steps) ? 0 : 1
}

async function readConfig (environment: Environment, dotenvPath: string): Promise<{ outcome: StepOutcome } | { outcome: StepOutcome, config: Config }> {
  try {
    const config = await loadConfigAtStart(environment, dotenvPath)
    const { warnings, amsu: { origin } } = config
    const found = `settings are complete; AMSU is ${origin}`
    const data = { baseUrl: origin, warnings }
    return { config, outcome: warnings.length === 0 ? { status: 'ok', found, data } : { status: 'note', found: [found, ...warnings].join('; '), data } }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { outcome: { status: 'failed', found: error.problems.join('; '), cause: 'a setting is missing or invalid', advice: 'correct the named settings; .env.example describes every setting', data: { problems: error.problems } } }
  }
}

async function runSteps (runner: CheckRunner, context: CheckContext, masker: Masker): Promise<void> {
  const { amsu } = context.config
  const { forwardProxy, credentials: { clientId, clientSecret } } = amsu
  for (const secret of [clientId, clientSecret, forwardProxy?.secret]) if (secret !== undefined) masker.add('configured', secret)
  if (forwardProxy === undefined) {
    await runner.run('dns', async () => await checkDns(context))
    await runner.run('tcp', async () => await checkTcp(context))
  } else {
    await runner.run('forward_proxy', async () => await checkForwardProxy(context, forwardProxy))
    for (const name of ['dns', 'tcp'] as const) await runner.run(name, () => ({ status: 'not_tried', found: 'done by the forward proxy' }))
  }
  if (amsu.origin.startsWith('https:')) await runner.run('tls', async () => await checkTls(context))
  const client = apiClientOf(context)
  try {
    const calls = new AmsuCalls({ context, client, masker })
    await runner.run('token', async () => await calls.token())
    const put = await runner.try('refresh_put', async () => await calls.refresh('refresh_put'))
    const post = await runner.try('refresh_post', async () => await calls.refresh('refresh_post'))
    for (const step of checkRefreshes(put, post)) runner.add(step)
    await runner.run('available_times', async () => await calls.availableTimes())
  } finally {
    await client.destroy()
  }
}
