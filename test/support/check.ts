/**
 * A suite that is run by itself, without the test runner, so that each line of its output is one finding.
 */

/** Runs one check and says how it went. A failed one does not stop the others; the exit code is 1 then. */
export async function check (title: string, body: () => Promise<void>): Promise<void> {
  const startedAt = performance.now()
  try {
    await body()
    console.log(`ok      ${title} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
  } catch (error) {
    process.exitCode = 1
    console.log(`FAILED  ${title}\n${String(error).replace(/^/gm, '        ')}`)
  }
}
