/**
 * A request body whose client and whose connection to AMSU are the test's.
 */
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { ReplayBudget } from '../../src/relay/replay-buffer.ts'
import { RequestBody, type RequestBodyOptions } from '../../src/relay/request-body.ts'

/** A body, and what became of it. */
export interface Scene {
  readonly body: RequestBody
  readonly source: PassThrough
  /** The chunks that a sink got, as text, and whether their memory may be released. */
  readonly written: string[]
  takesMore: boolean
  progress: number
  start: () => void
}

/** A body that a test feeds. */
export function setUp (options: Partial<RequestBodyOptions> & { keptBytes?: number } = {}): Scene {
  const source = new PassThrough()
  const scene: Scene = { source, written: [], takesMore: true, progress: 0, body: undefined as unknown as RequestBody, start: () => {} }
  const body = new RequestBody(source as unknown as IncomingMessage, {
    lengthBytes: undefined,
    limitBytes: 1_000,
    replayBudget: new ReplayBudget(options.keptBytes ?? 4),
    onProgress () { scene.progress++ },
    onTooLarge () { throw new Error('is not too large') },
    ...options,
  })
  return Object.assign(scene, {
    body,
    start () {
      body.start({
        write: (chunk: Buffer, mayFree: boolean) => {
          scene.written.push(`${chunk.toString()}${mayFree ? ' freed' : ''}`)
          return scene.takesMore
        },
        end: () => { scene.written.push('end') },
      })
    },
  })
}

/** Lets Node poll the sockets once more after the last byte: the last piece is sent after that. */
export async function poll (): Promise<void> {
  for (let i = 0; i < 3; i++) await turn()
}

/** Lets a stream emit its data. */
export async function turn (): Promise<void> {
  await new Promise(resolve => { setImmediate(resolve) })
}
