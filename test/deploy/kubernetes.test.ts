import { test } from 'tap'
import { readFileSync } from 'node:fs'
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment'
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec'
import { settings } from '../../src/config/settings.ts'
import { readManifests, readYaml, schemaProblem, unknownFields, type Container, type Manifest } from './manifests.ts'

const folder = new URL('../../docker/kubernetes/', import.meta.url).pathname
const manifests = readManifests(folder)
const shared = manifests.filter(({ file }) => file.startsWith('shared/'))
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }

/** The program's own endpoints. */
const OWN_PATHS = ['/livez', '/readyz', '/metrics', '/status']

const pods = manifests.filter(({ kind }) => kind === 'Deployment').map(({ file, content }) => ({ file, pod: podOf(content) }))
const proxies = pods.map(({ file, pod }) => ({ file, pod, proxy: containersOf(pod).find(({ name }) => name === 'amsu-proxy') as Container }))

function podOf (deployment: unknown): IPodSpec {
  return (deployment as IDeployment).spec?.template.spec as IPodSpec
}

function containersOf ({ initContainers = [], containers }: IPodSpec): Container[] {
  return [...initContainers, ...containers]
}

function byKind (kind: Manifest['kind']): Record<string, never> {
  return shared.find(manifest => manifest.kind === kind)?.content as Record<string, never>
}

function settingsOf ({ env = [] }: Container): Record<string, string> {
  return Object.fromEntries(env.map(({ name, value = '' }) => [name, value]))
}

test('every manifest holds against the schemas of Kubernetes, and has no field that Kubernetes does not know', async t => {
  t.ok(manifests.length >= 6)
  for (const manifest of manifests) t.equal(schemaProblem(manifest), undefined, manifest.file)
  t.same(unknownFields(manifests, t.testdir()), [])
})

test('the check finds a wrong value, a wrong version and an unknown field', async t => {
  const wrong = (apiVersion: string, content: object): Manifest => ({ file: 'x', kind: 'Service', apiVersion, content: { apiVersion, kind: 'Service', ...content } })
  t.match(schemaProblem(wrong('v1', { spec: { ports: [{ port: 'many' }] } })), /port must be integer/)
  t.match(schemaProblem(wrong('v2', {})), /must be of v1/)
  t.match(unknownFields([wrong('v1', { spec: { prots: [] } })], t.testdir()), ['prots'])
})

test('every variable of a proxy is a setting of the program, and holds no secret', async t => {
  t.equal(proxies.length, 2)
  for (const { file, proxy } of proxies) {
    for (const { name, value } of proxy.env ?? []) {
      t.ok(name in settings, `${file}: ${name}`)
      t.notOk('isSecret' in settings[name as keyof typeof settings], `${file}: ${name} comes from a file`)
      t.type(value, 'string', `${file}: ${name} is quoted`)
    }
  }
})

test('every file a setting names is in a mounted Secret, which only the user of the proxy can read', async t => {
  for (const { file, pod, proxy } of proxies) {
    for (const [name, path] of Object.entries(settingsOf(proxy)).filter(([name]) => name.endsWith('_FILE'))) {
      const mount = proxy.volumeMounts?.find(({ mountPath }) => path.startsWith(`${mountPath}/`))
      const volume = pod.volumes?.find(volume => volume.name === mount?.name)
      t.ok(mount?.readOnly, `${file}: ${name}`)
      t.notOk(mount?.subPath, `${file}: ${name} is renewed when its Secret changes`)
      t.equal(volume?.secret?.defaultMode, 0o440, `${file}: ${name}`)
      t.match(comments(), new RegExp(`secret generic ${String(volume?.secret?.secretName)} .*--from-file=${path.slice(path.lastIndexOf('/') + 1)}=`), `a command makes ${path}`)
    }
    t.equal(pod.securityContext?.fsGroup, 1000)
  }
})

test('ports and addresses fit: what is probed, served and scraped is what the proxy listens on', async t => {
  for (const { file, pod, proxy } of proxies) {
    const { HOST, PORT, ADMIN_HOST, ADMIN_PORT } = settingsOf(proxy)
    const ports = Object.fromEntries((proxy.ports ?? []).map(({ name, containerPort }) => [name, String(containerPort)]))
    t.equal(ports['admin'], ADMIN_PORT, file)
    t.equal(ADMIN_HOST, '0.0.0.0', 'the kubelet is outside the loopback of the pod')
    for (const probe of [proxy.startupProbe, proxy.livenessProbe, proxy.readinessProbe]) {
      t.equal(probe?.httpGet?.port, 'admin', file)
      t.ok(OWN_PATHS.includes(probe?.httpGet?.path ?? ''), file)
    }
    t.equal(proxy.livenessProbe?.httpGet?.path, '/livez', 'a token that is missing restarts nothing')
    t.ok(pod.enableServiceLinks === false, 'a Service must not put variables under names of ours')
    const app = pod.containers.find(({ name }) => name !== 'amsu-proxy')
    if (app === undefined) t.equal(ports['http'], PORT, file)
    else t.match([HOST, settingsOf(app as Container)['AMSU_URL']], ['127.0.0.1', `http://127.0.0.1:${String(PORT)}`], 'only the app beside it can call')
  }
})

test('the sidecar is a native one, and every pod outlasts the time its proxy may take to stop', async t => {
  t.match(proxies[1]?.pod.initContainers, [{ name: 'amsu-proxy', restartPolicy: 'Always' }])
  for (const { file, pod, proxy } of proxies) {
    const graceSeconds = Number(settingsOf(proxy)['SHUTDOWN_GRACE_MS']) / 1000 + (proxy.lifecycle?.preStop?.sleep?.seconds ?? 0)
    t.ok((pod.terminationGracePeriodSeconds ?? 0) > graceSeconds, file)
  }
})

test('every pod keeps to the restricted profile of the Pod Security Standards, writes nowhere, and has limits', async t => {
  for (const { file, pod } of pods) {
    t.match(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, file)
    t.ok((pod.securityContext?.runAsUser ?? 0) > 0, file)
    t.notOk(pod.hostNetwork ?? pod.hostPID ?? pod.hostIPC, file)
    t.equal(pod.automountServiceAccountToken, false, file)
    t.notOk(pod.volumes?.some(({ hostPath }) => hostPath !== undefined), file)
    for (const { name, securityContext, resources, ports = [] } of containersOf(pod)) {
      t.same(securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }, `${file}: ${name}`)
      t.ok(resources?.limits?.['memory'] !== undefined && resources.requests?.['cpu'] !== undefined, `${file}: ${name}`)
      t.notOk(ports.some(({ hostPort }) => hostPort !== undefined), file)
    }
  }
})

test('what selects the shared proxies selects them, and the kustomization names every file and the version', async t => {
  const labels = (byKind('Deployment') as unknown as IDeployment).spec?.template.metadata?.labels
  for (const kind of ['Deployment', 'PodDisruptionBudget'] as const) t.match(byKind(kind), { spec: { selector: { matchLabels: labels } } }, kind)
  t.match(byKind('Service'), { spec: { selector: labels, ports: [{ port: 8080, targetPort: 'http' }] } })
  t.match(byKind('NetworkPolicy'), { spec: { podSelector: { matchLabels: labels }, ingress: [{ ports: [{ port: 8080 }] }, { ports: [{ port: 9100 }] }] } })
  t.match(byKind('HorizontalPodAutoscaler'), { spec: { scaleTargetRef: { kind: 'Deployment', name: 'amsu-proxy' }, minReplicas: 2 } })
  t.equal((byKind('Deployment') as unknown as IDeployment).spec?.replicas, undefined, 'the autoscaler alone says how many')
  const [kustomization] = readYaml(`${folder}shared/kustomization.yaml`) as [{ resources: string[], images: { name: string, newTag: unknown }[] }]
  t.same(kustomization.resources.map(name => `shared/${name}`).sort(), shared.map(({ file }) => file))
  t.match(kustomization.images, [{ name: 'amsu-proxy', newTag: version }])
  for (const { file, proxy } of proxies) t.equal(proxy.image, `amsu-proxy:${version}`, file)
})

function comments (): string {
  return ['sidecar.yaml', 'shared/kustomization.yaml'].map(file => readFileSync(`${folder}${file}`, 'utf8')).join('\n')
}
