import { test } from 'tap'
import { MessageError, MessageReader, requestFraming, responseFraming } from './message-reader.ts'
import type { Framing, MessageHead } from './message-reader.ts'

function read (text: string, size: number, framing: (head: MessageHead) => Framing): { messages: string[], reader: MessageReader } {
  const messages: string[] = []
  let current = ''
  const reader = new MessageReader({
    onHead: head => {
      current = `${head.startLine} `
      return framing(head)
    },
    onBody: chunk => { current += chunk.toString('latin1') },
    onEnd: () => { messages.push(current) },
  })
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += size) reader.feed(bytes.subarray(at, at + size))
  return { messages, reader }
}

const requests = 'POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: h\r\n\r\nPUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nGET\r\n2\r\n /\r\n0\r\nX: y\r\n\r\n'
const responses = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end'

await test('messages are read whole, however their bytes are cut', t => {
  for (let size = 1; size <= requests.length; size++) {
    t.same(read(requests, size, requestFraming).messages, ['POST /a HTTP/1.1 hello', 'GET /b HTTP/1.1 ', 'PUT /c HTTP/1.1 GET /'])
  }
  for (let size = 1; size <= responses.length; size++) {
    const { messages, reader } = read(responses, size, head => responseFraming(head, 'GET'))
    t.same(messages, ['HTTP/1.1 100 Continue ', 'HTTP/1.1 200 OK {}', 'HTTP/1.1 204 No Content '])
    t.equal(reader.hasBegun, true)
    t.equal(reader.end(), true, 'a body without a length ends with its connection')
    t.equal(messages.at(-1), 'HTTP/1.1 200 OK to the end')
  }
  t.end()
})

await test('a response to HEAD has no body whatever its length', t => {
  t.same(read('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 7, head => responseFraming(head, 'HEAD')).messages, ['HTTP/1.1 200 OK ', 'HTTP/1.1 200 OK '])
  t.end()
})

await test('a message that is cut is not whole', t => {
  for (const text of ['HTTP/1.1 200', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n']) {
    const { messages, reader } = read(text, 1_000, head => responseFraming(head, 'GET'))
    t.equal(reader.end(), false, text)
    t.same(messages, [])
  }
  t.end()
})

await test('what is no HTTP is no message', t => {
  const bad = ['HTTP/1.1 200 OK\n\n', 'HTTP/1.1 OK\r\n\r\n', 'SSH-2.0\r\n\r\n', 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n', '\r\n']
  for (const text of bad) t.throws(() => read(text, 1_000, head => responseFraming(head, 'GET')), new MessageError(), text)
  t.end()
})
