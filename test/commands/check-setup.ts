/**
 * The context of the steps of `check`.
 */
import { systemClock } from '../../src/clock.ts'
import type { CheckContext } from '../../src/commands/check-network.ts'
import { loadConfig } from '../../src/config/config.ts'
import { CLIENT_ID, CLIENT_SECRET } from '../support/proxy.ts'

/** Creates a context with the settings of a test, and `more` in addition. */
export function contextOf (settings: Record<string, string>, more: Partial<CheckContext> = {}): CheckContext {
  const config = loadConfig({ AMSU_CLIENT_ID: CLIENT_ID, AMSU_CLIENT_SECRET: CLIENT_SECRET, ...settings }, '/nonexistent/.env')
  return { config, clock: systemClock, hasForeignProxySetting: false, ...more }
}
