/** The suites by name, in the order in which they run and stand in a document. */
import { big, uploads6 } from './bodies.ts'
import { leak, waiting } from './growth.ts'
import { latency } from './latency.ts'
import { idle, start } from './life.ts'
import { replicas } from './replicas.ts'
import type { Suite } from './suite.ts'
import { conns, featurePrices, get64, post64 } from './throughput.ts'

/** All suites. */
export const suites: Readonly<Record<string, Suite>> = { get64, post64, conns, latency, big, uploads6, idle, start, features: featurePrices, leak, waiting, replicas }
