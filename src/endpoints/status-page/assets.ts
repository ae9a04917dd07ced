/**
 * The script and the style sheet of the status page, as the texts that are sent. From source they are compiled here, when the page is
 * first asked for. The build does so once and bundles the texts in place of this module (`esbuild.config.ts`), so the built program
 * compiles nothing and reads no file.
 */
import { buildSync } from 'esbuild'

/** What the page contains. The content security policy has a hash of each, so every page has the same two texts. */
export interface PageAssets {
  readonly script: string
  readonly style: string
}

let compiled: PageAssets | undefined

/** Returns the script and the style sheet. */
export function pageAssets (): PageAssets {
  compiled ??= compile()
  return compiled
}

function compile (): PageAssets {
  const { outputFiles, warnings } = buildSync({
    absWorkingDir: `${import.meta.dirname}/browser`,
    entryPoints: ['main.ts', 'style.css'],
    outdir: '.',
    write: false,
    bundle: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
  })
  // A style sheet that is not valid is only warned of.
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join('\n'))
  const [script, style] = ['main.js', 'style.css'].map(name => outputFiles.find(({ path }) => path.endsWith(name))?.text.trim())
  if (script === undefined || style === undefined) throw new Error('esbuild has not made the script and the style sheet')
  return { script, style }
}
