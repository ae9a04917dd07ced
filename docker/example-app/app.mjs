/**
 * A stand-in for a legacy app: it has a base URL, and has no app_key, app_secret or token.
 * It asks AMSU for the remaining quota, prints the response and ends.
 */
import { get } from 'node:http'

const url = new URL('/amsu-analysis/v2/available-times', process.env.AMSU_URL)

/** Containers start together, so the proxy may be a moment away. */
const RETRIES = 20
const RETRY_DELAY_MS = 500

function ask (retriesLeft) {
  get(url, response => {
    response.setEncoding('utf8')
    response.toArray().then(chunks => {
      console.log(`GET ${url} -> ${response.statusCode}\n${chunks.join('')}`)
      process.exitCode = response.statusCode === 200 ? 0 : 1
    })
  }).on('error', error => {
    if (retriesLeft > 0) return setTimeout(ask, RETRY_DELAY_MS, retriesLeft - 1)
    console.error(`GET ${url} failed: ${error.message}`)
    process.exitCode = 1
  })
}

ask(RETRIES)
