/**
 * Takes the given variables to checked values: types, ranges and defaults by env-schema, and what a schema can not say.
 */
import { envSchema } from 'env-schema'
import { settings, type Setting, type SettingName } from './settings.ts'

/** How a number is written: env-schema alone would take blanks for 0, `0x10` for 16, and let `Infinity` past every bound. */
const DIGITS = /^\d{1,16}$/

/** Values as the schema leaves them. */
export type Values = Partial<Record<SettingName, string | number | boolean>>

/** Checks types and ranges and fills in defaults; what does not hold is reported and left out. */
export function validate (given: Readonly<Record<string, string>>, problems: string[]): Values {
  const data = Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(settings, name)))
  const report = (name: SettingName): void => {
    problems.push(problem(name))
    delete data[name]
  }
  for (const [name, text] of Object.entries(data) as Array<[SettingName, string]>) {
    if (settings[name].type === 'integer' && !DIGITS.test(text)) report(name)
  }
  for (;;) {
    try {
      return envSchema<Values>({ schema: jsonSchema(), data, env: false })
    } catch (error) {
      const names = new Set(schemaErrors(error).map(({ instancePath }) => instancePath.slice(1)))
      if (names.size === 0) throw error
      for (const name of names) report(name as SettingName)
    }
  }
}

/** The sentence that says what a setting must be. */
export function problem (name: SettingName): string {
  return `${name} must be ${settings[name].rule}`
}

/** The table of settings as a JSON schema. */
export function jsonSchema (): object {
  const properties = Object.fromEntries(Object.entries<Setting>(settings).map(([name, { type, default: value, minimum, maximum, values }]) => [name, {
    type,
    ...(value === undefined ? {} : { default: value }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(values === undefined ? {} : { enum: values }),
  }]))
  return { type: 'object', properties }
}

function schemaErrors (error: unknown): Array<{ instancePath: string }> {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? error.errors : []
}
