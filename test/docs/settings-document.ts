/**
 * The texts that describe the settings to people, rendered from the table they are checked against.
 */
import { settings, type Setting, type SettingName } from '../../src/config/settings.ts'
import { settingsZh, wordsZh } from './words-zh.ts'

/** Longest line of a comment in `.env.example`. */
const MAX_LINE_LENGTH = 100

/** What stands above the settings in `.env.example`. */
const PREAMBLE = [
  'Settings of amsu-proxy. Copy this file to .env, or set the same names in the environment, which wins. A commented setting shows its default.',
  'Written by `npx tsx test/docs/main.ts` from src/config/settings.ts.',
]

const entries = Object.entries<Setting>(settings)

/** Renders `.env.example`. */
export function renderEnvExample (): string {
  const blocks = entries.map(([name, setting]) => [
    comment(setting.meaning),
    comment(`Must be ${setting.rule}.`),
    isRequired(name) ? `${name}=` : `#${name}=${setting.default ?? ''}`,
  ].join('\n'))
  return `${[PREAMBLE.map(comment).join('\n'), ...blocks].join('\n\n')}\n`
}

/** The words of a table of settings in one language. */
interface Words {
  readonly head: readonly string[]
  /** The default of a setting that must be given, here or by file. */
  readonly required: (file: string) => string
  readonly meaning: (name: SettingName) => string
}

const ENGLISH: Words = { head: ['variable', 'default', 'meaning'], required: file => `required, or \`${file}\``, meaning: name => settings[name].meaning }

const CHINESE: Words = { ...wordsZh.settings, meaning: name => settingsZh[name] }

/** Renders the table of settings of a README, in Markdown. */
export function renderSettingsTable (language: 'en' | 'zh' = 'en'): string {
  const words = language === 'zh' ? CHINESE : ENGLISH
  const rows = entries.map(([name, { default: value }]) => row(`\`${name}\``, defaultCell(name, value, words), words.meaning(name as SettingName)))
  return [row(...words.head), '|---|---|---|', ...rows].join('\n')
}

/** Whether the program does not start without this setting or its other form, a file. */
function isRequired (name: string): boolean {
  return name.startsWith('AMSU_CLIENT_') && Object.hasOwn(settings, `${name}_FILE`)
}

function defaultCell (name: string, value: string | number | boolean | undefined, { required }: Words): string {
  if (isRequired(name)) return required(`${name}_FILE`)
  return value === undefined ? '' : `\`${value}\``
}

function row (...cells: readonly string[]): string {
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

/** Breaks a text into comment lines between words. */
function comment (text: string): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1) ?? '#'} ${word}`
    if (line.length > MAX_LINE_LENGTH) lines.push(`# ${word}`)
    else lines.splice(-1, 1, line)
  }
  return lines.join('\n')
}
