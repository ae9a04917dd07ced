import { test } from 'tap'
import { inspect } from 'node:util'
import { call, sendBytes, type ReceivedResponse } from '../support/client.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy } from '../support/proxy.ts'
import { json, startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

test('no log line, response or error of a run at level trace holds a secret of the run', async t => {
  let fault = 0
  const upstream = await startUpstream({
    lifeSeconds: 2,
    onRequest: ({ headers, url }, res) => {
      const echo = String(headers.authorization)
      if (url.endsWith('reset')) res.socket?.resetAndDestroy()
      else if (url.endsWith('garbage')) res.socket?.end(`HTTP/1.1 200 OK\r\nX: ${echo}\x01\r\n\r\n${echo}`)
      else if (url.endsWith('cut')) res.socket?.end('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort')
      else {
        res.setHeader('x-echo', echo)
        res.setHeader('location', `http://elsewhere/?token=${encodeURIComponent(echo)}`)
        res.end('ok')
      }
    },
    onToken: ({ body }, res) => {
      fault++
      const form = new URLSearchParams(body.toString())
      if (fault === 2) json(res, 400, { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: `no such ${form.toString()}` } }, { 'x-echo': form.toString() })
      else if (fault === 3) res.socket?.end(`garbage ${form.toString()}`)
      else json(res, 200, { access_token: `secret-access-${fault}-${'a'.repeat(30)}`, token_type: 'bearer', expires_in: 2, refresh_token: `secret-refresh-${fault}-${'b'.repeat(30)}` })
    },
  })
  const proxy = await startProxy(upstream.origin, { UPSTREAM_RESPONSE_TIMEOUT_MS: '500' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })

  const responses: ReceivedResponse[] = []
  for (const path of ['/livez', '/readyz', '/metrics', '/status', '/nowhere', PATH, `${PATH}?q=secret`, `${PATH}reset`, `${PATH}garbage`, `${PATH}cut`, '/amsu-analysis/v2/token']) {
    for (const method of ['GET', 'POST']) {
      const got = await call(proxy.origin, path, { method, body: method === 'POST' ? 'client_id=a' : '' }).catch(() => undefined)
      if (got !== undefined) responses.push(got)
    }
  }
  const raw = await sendBytes(proxy.port, 'garbage\r\n\r\n')
  while (upstream.tokenCalls.length < 5) await call(proxy.origin, PATH)

  const said = [proxy.lines.join(''), inspect(responses, { depth: 10, maxArrayLength: 10_000, maxStringLength: 1e6 }), ...responses.map(({ text }) => text), raw.text].join('\n')
  const echoes = responses.filter(({ text }) => text === 'ok')
  t.ok(echoes.length > 0 && proxy.lines.length > 20, 'there is something to search')
  for (const secret of [CLIENT_ID, CLIENT_SECRET, 'secret-access-', 'secret-refresh-']) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64').replace(/.{2}=*$/, '')]) t.notOk(said.includes(form), form)
  }
})
