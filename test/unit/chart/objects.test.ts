// What would be installed, in properties that must hold whatever the values are.

import { CASES } from '../../../scripts/chart/files.ts'
import { parseControllerConfig, parseNodeConfig } from '../../../src/config/config.ts'
import { parseMutableParameters, parseParameters } from '../../../src/csi/parameters.ts'
import { type Container, readGolden } from '../../support/chart.ts'

const UNPRIVILEGED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}

const find = (containers: readonly Container[], name: string) =>
  containers.find(container => container.name === name)

describe.each(CASES)('%s', name => {
  const golden = readGolden(name)
  const { controller, node } = golden
  const ofTheDriver = golden.configMaps.filter(({ data }) => !('guest-disks.yaml' in data))
  const [controllerPod, nodePod] = [controller.spec.template.spec, node.spec.template.spec]

  test('the driver understands the files that the ConfigMaps hold', () => {
    const files = ofTheDriver.flatMap(({ data }) => Object.entries(data))

    const [first, ...nodes] = files
    const config = parseControllerConfig(first?.[1] ?? '', first?.[0] ?? '')
    for (const [file, text] of nodes) {
      const guest = parseNodeConfig(text, file)
      expect(config.machines.has(guest.machine)).toBe(true)
      const { driverName, health, snapshotTopology } = config
      expect(guest).toMatchObject({ driverName, health, snapshotTopology, platform: 'linux' })
    }
    expect(nodes).not.toEqual([])
  })

  test('the node plugin runs on the nodes whose files there are, and on no other', () => {
    const files = ofTheDriver.flatMap(({ data }) => Object.keys(data)).slice(1)
    const terms = files.map(file => ({
      matchFields: [{ key: 'metadata.name', operator: 'In', values: [file.replace('.yaml', '')] }],
    }))

    expect(nodePod.affinity).toEqual({
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
      },
    })
  })

  test('selectors hold nothing that another version or other values would change', () => {
    for (const { spec } of [controller, node]) {
      expect(Object.keys(spec.selector.matchLabels).sort()).toEqual([
        'app.kubernetes.io/component',
        'app.kubernetes.io/instance',
        'app.kubernetes.io/name',
      ])
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels)
    }
  })

  test('the fields of CSIDriver that cannot change are the same for all values', () => {
    const [driver] = golden.objects.filter(({ kind }) => kind === 'CSIDriver')

    expect(driver).toMatchObject({
      spec: { attachRequired: true, volumeLifecycleModes: ['Persistent'], storageCapacity: true },
    })
  })

  test('the driver takes the parameters of every class', () => {
    const { storageClasses, attributesClasses } = golden
    expect(storageClasses).not.toEqual([])
    for (const { parameters } of storageClasses) parseParameters(parameters)
    for (const { parameters } of attributesClasses) parseMutableParameters(parameters)
  })

  test('the controller runs as nobody, on a read-only root, without capabilities', () => {
    expect(controllerPod.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      fsGroup: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    expect(controllerPod.hostPID).toBe(false)
    for (const { securityContext } of controllerPod.containers) {
      expect(securityContext).toEqual(UNPRIVILEGED)
    }
    expect(controllerPod.volumes.filter(({ hostPath }) => hostPath)).toEqual([])
  })

  test('of the node pod only the driver is privileged', () => {
    expect(nodePod.securityContext).toEqual({ seccompProfile: { type: 'RuntimeDefault' } })
    expect(nodePod.hostPID).toBe(true)
    for (const { name: container, securityContext } of nodePod.containers) {
      expect(securityContext).toEqual(
        container === 'ldom-csi'
          ? { privileged: true, runAsUser: 0, runAsGroup: 0, readOnlyRootFilesystem: true }
          : { runAsUser: 0, ...UNPRIVILEGED },
      )
    }
  })

  test('no probe restarts a controller that waits for the Lease', () => {
    for (const { livenessProbe, readinessProbe, startupProbe } of controllerPod.containers) {
      expect([livenessProbe, readinessProbe, startupProbe]).toEqual([
        undefined,
        undefined,
        undefined,
      ])
    }
  })

  test('no sidecar elects a leader: the Lease of the driver decides', () => {
    const args = controllerPod.containers.flatMap(container => container.args)

    expect(args.filter(arg => arg.includes('leader-election'))).toEqual([])
    expect(find(controllerPod.containers, 'ldom-csi')?.args).toContain('--kubernetes')
    expect(find(nodePod.containers, 'ldom-csi')?.args).not.toContain('--kubernetes')
  })

  test('every container has a limit of memory, and a pinned image', () => {
    for (const { image } of [...controllerPod.containers, ...nodePod.containers]) {
      expect(image).toMatch(/(:v?[0-9]+\.[0-9]+\.[0-9]+|@sha256:[0-9a-f]{64})$/)
    }
  })

  test('mounts of the driver reach kubelet, in its directory under its own path', () => {
    const driver = find(nodePod.containers, 'ldom-csi')
    const shared = driver?.volumeMounts.filter(mount => mount.mountPropagation === 'Bidirectional')

    const volume = nodePod.volumes.find(each => each.name === 'kubelet')
    expect(shared).toEqual([
      {
        name: 'kubelet',
        mountPath: volume?.hostPath?.path,
        mountPropagation: 'Bidirectional',
      },
    ])
  })

  test('a pod reads one configuration for as long as it lives, and Helm leaves it that', () => {
    const used = [controllerPod, nodePod].flatMap(({ volumes }) =>
      volumes.flatMap(({ configMap, projected }) => [
        ...(configMap === undefined ? [] : [configMap.name]),
        ...(projected?.sources ?? []).flatMap(source => source.configMap?.name ?? []),
      ]),
    )

    expect(used.sort()).toEqual(golden.configMaps.map(({ metadata }) => metadata.name).sort())
    for (const { metadata, immutable } of golden.configMaps) {
      expect(metadata.name).toMatch(/-(controller|node|guest-disks)-[0-9a-f]{10}$/)
      expect(immutable).toBe(true)
      expect(metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' })
    }
  })

  test('a pod that ends has longer than the driver takes to finish its calls', () => {
    expect(controllerPod.terminationGracePeriodSeconds).toBeGreaterThan(120)
    expect(nodePod.terminationGracePeriodSeconds).toBeGreaterThan(120)
  })
})
