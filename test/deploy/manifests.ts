/**
 * Kubernetes manifests, read and checked against what Kubernetes publishes: its schemas for the values, and the types made from them for the
 * names, because a schema lets a field pass that it does not know, as the API server does unless it is asked not to.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import type { IContainer } from 'kubernetes-models/v1/Container'
import { Service } from 'kubernetes-models/v1/Service'
import ts from 'typescript'
import { parseAllDocuments } from 'yaml'

/** What can be checked here, by kind: the group and version it must name, and its schema. */
const kinds = {
  Deployment: { path: 'apps/v1', model: Deployment },
  HorizontalPodAutoscaler: { path: 'autoscaling/v2', model: HorizontalPodAutoscaler },
  NetworkPolicy: { path: 'networking.k8s.io/v1', model: NetworkPolicy },
  PodDisruptionBudget: { path: 'policy/v1', model: PodDisruptionBudget },
  Service: { path: 'v1', model: Service },
} as const

/** One object of a manifest file. */
export interface Manifest {
  readonly file: string
  readonly apiVersion: string
  readonly kind: keyof typeof kinds
  readonly content: Record<string, unknown>
}

/** A container of a pod; an init container has the same fields. */
export type Container = IContainer & { readonly name: string }

/** Reads YAML 1.1, as Kubernetes does, and rejects ambiguous values. */
export function readYaml (path: string): unknown[] {
  return parseAllDocuments(readFileSync(path, 'utf8'), { version: '1.1', strict: true, uniqueKeys: true }).map(document => {
    const problem = document.errors[0] ?? document.warnings[0]
    if (problem !== undefined) throw problem
    return document.toJS() as unknown
  })
}

/** Reads every manifest below a folder, but kustomizations, which never reach a cluster. */
export function readManifests (folder: string): Manifest[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.yaml') && !name.endsWith('kustomization.yaml')).sort()
  return files.flatMap(file => readYaml(join(folder, file)).map(document => {
    const content = document as Record<string, unknown>
    return { file, apiVersion: String(content['apiVersion']), kind: content['kind'] as Manifest['kind'], content }
  }))
}

/** The errors of a manifest by its schema; undefined if there are none. */
export function schemaProblem ({ kind, apiVersion, content }: Manifest): string | undefined {
  const { path, model: Model } = kinds[kind]
  if (apiVersion !== path) return `${kind} must be of ${path}`
  try {
    new Model(content).validate()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Names every field Kubernetes does not know, by compiling the manifests as literals of its types into `folder`. */
export function unknownFields (manifests: readonly Manifest[], folder: string): string[] {
  const file = join(folder, 'manifests.ts')
  writeFileSync(file, manifests.map(({ kind, content }, i) =>
    `import type { I${kind} as Type${i} } from 'kubernetes-models/${kinds[kind].path}/${kind}'\nexport const manifest${i}: Type${i} = ${JSON.stringify(content)}\n`).join(''))
  const program = ts.createProgram([file], {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    types: [],
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  })
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}
