/**
 * A stand-in for a legacy app: it has a base URL, and knows nothing of an app_key, an app_secret or a token.
 * It asks AMSU what is left of the quotas, prints the answer and ends.
 */
import { get } from 'node:http'

const url = new URL('/amsu-analysis/v2/available-times', process.env.AMSU_URL)

/** Containers start together, so the proxy may be a moment away. */
const RETRIES = 20
const RETRY_DELAY_MS = 500

function ask (retriesLeft) {
  get(url, answer => {
    answer.setEncoding('utf8')
    answer.toArray().then(chunks => {
      console.log(`GET ${url} -> ${answer.statusCode}\n${chunks.join('')}`)
      process.exitCode = answer.statusCode === 200 ? 0 : 1
    })
  }).on('error', error => {
    if (retriesLeft > 0) return setTimeout(ask, RETRY_DELAY_MS, retriesLeft - 1)
    console.error(`GET ${url} failed: ${error.message}`)
    process.exitCode = 1
  })
}

ask(RETRIES)
