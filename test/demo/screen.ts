/** What the demo writes: lines, and on a terminal one line at the bottom that moves while something takes its time. */
import { styleText } from 'node:util'

/** Milliseconds before the progress line is shown: shorter steps need none. */
const patienceMs = 300
/** Milliseconds after which something slow is mentioned where no line can move. */
const mentionAfterMs = 1_000
/** Milliseconds between two pictures of the moving line. */
const frameMs = 80
/** Pictures of the spinner. */
const frames = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'
/** Characters of a progress bar. */
const barWidth = 24
/** Moves to the start of the line and empties it. */
const clearLine = '\r\x1b[2K'

/** How a text looks on a terminal that knows colours. */
export type Style = 'bold' | 'dim' | 'cyan' | 'green' | 'red'

/** Where the demo writes to. */
export interface Screen {
  /** Writes a line. */
  say: (line?: string) => void
  /** Returns the text in a style, or as it is where there are no colours. */
  paint: (style: Style, text: string) => string
  /** Returns a progress bar and a space; nothing where no line can move. `share` is from 0 to 1. */
  bar: (share: number) => string
  /** Shows `describe` until `work` is settled, if that takes a while. */
  during: <T>(describe: () => string, work: Promise<T>) => Promise<T>
}

/** Returns the screen of an output. Colours and movement are for terminals only; `NO_COLOR` and `TERM=dumb` are respected. */
export function createScreen (output: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Screen {
  const canMove = output.isTTY && env['TERM'] !== 'dumb'
  const isColoured = canMove && (env['NO_COLOR'] ?? '') === ''

  function draw (frame: number, text: string): void {
    const line = `   ${frames[frame % frames.length]} ${text}`
    // A terminal without a size, as some scripts make, says 0.
    const columns = output.columns > 0 ? output.columns : 80
    output.write(clearLine + line.slice(0, columns - 1))
  }

  return {
    say: (line = '') => { output.write(`${line}\n`) },
    paint: (style, text) => isColoured ? styleText(style, text) : text,
    bar: share => canMove ? `${drawBar(share)} ` : '',
    async during (describe, work) {
      const startedAt = performance.now()
      let frame = 0
      const timer = canMove
        ? setInterval(() => { if (performance.now() - startedAt > patienceMs) draw(frame++, describe()) }, frameMs)
        : setTimeout(() => { output.write(`   ... ${describe()}\n`) }, mentionAfterMs)
      try {
        return await work
      } finally {
        clearInterval(timer)
        if (frame > 0) output.write(clearLine)
      }
    },
  }
}

function drawBar (share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * barWidth)
  return '█'.repeat(full) + '░'.repeat(barWidth - full)
}
