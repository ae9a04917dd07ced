/** Node's fetch as it comes. Each line of stdin is one POST (see clients.ts), and gets one line back. */
import { createInterface } from 'node:readline'

/** A body of unknown length, which is sent in chunks. */
function chunked (size) {
  let sent = 0
  return new ReadableStream({
    pull (controller) {
      const piece = Math.min(16_384, size - sent)
      if (piece === 0) return controller.close()
      sent += piece
      controller.enqueue(new Uint8Array(piece).fill(97))
    },
  })
}

async function post (id, url, size, mode, way, outcome) {
  const headers = { 'Content-Type': 'application/json', 'X-Way': way, 'X-Id': id }
  const content = mode === 'chunked' ? { body: chunked(size), duplex: 'half' } : { body: 'a'.repeat(size) }
  const response = await fetch(url, { method: 'POST', headers, ...content })
  outcome.status = response.status
  outcome.code = response.headers.get('x-amsu-proxy-error') ?? '-'
  for await (const piece of response.body) outcome.bytes += piece.length
}

for await (const line of createInterface({ input: process.stdin })) {
  const [id, url, size, mode, way] = line.split('\t')
  const outcome = { status: 0, code: '-', bytes: 0 }
  let error = '-'
  try {
    await post(id, url, Number(size), mode, way, outcome)
  } catch (thrown) {
    error = `${thrown.message}: ${thrown.cause?.code ?? thrown.cause}`.replaceAll(/\s/g, ' ')
  }
  console.log([id, outcome.status, outcome.code, outcome.bytes, error].join('\t'))
}
