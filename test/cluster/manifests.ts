// Objects of Kubernetes as the tests need them.

import { BUSYBOX_IMAGE } from './image-names.ts'

/** Ends at once when it is told to; a shell as process 1 ignores signals that it does not trap. */
const SLEEP = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"

export interface ClaimOptions {
  readonly storageClass?: string
  readonly size?: string
  readonly block?: boolean
  readonly accessModes?: readonly string[]
  readonly spec?: Readonly<Record<string, unknown>>
}

export function claim(name: string, options: ClaimOptions = {}) {
  const { storageClass = 'gold', size = '64Mi', block = false } = options
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: {
      accessModes: options.accessModes ?? ['ReadWriteOnce'],
      storageClassName: storageClass,
      resources: { requests: { storage: size } },
      ...(block ? { volumeMode: 'Block' } : {}),
      ...options.spec,
    },
  }
}

export interface PodOptions {
  /** Name of the claim; that of the pod if it is not given. */
  readonly claim?: string
  readonly node?: string
  readonly block?: boolean
  /** A line for the shell, run before the pod waits. */
  readonly script?: string
  readonly labels?: Readonly<Record<string, string>>
}

/** A pod with a claim at /data, or at /dev/data where it is a raw one. */
export function pod(name: string, options: PodOptions = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...(options.labels === undefined ? {} : { labels: options.labels }) },
    spec: podSpec(options.claim ?? name, options),
  }
}

export function podSpec(claimName: string, options: PodOptions = {}) {
  const { node, block = false, script } = options
  const volume = block
    ? { volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] }
    : { volumeMounts: [{ name: 'data', mountPath: '/data' }] }
  return {
    ...(node === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': node } }),
    terminationGracePeriodSeconds: 2,
    containers: [
      {
        name: 'main',
        image: BUSYBOX_IMAGE,
        imagePullPolicy: 'Never',
        command: ['sh', '-c', script === undefined ? SLEEP : `${script}\n${SLEEP}`],
        ...volume,
      },
    ],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
  }
}

export function snapshot(name: string, claimName: string, snapshotClass: string): object {
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name },
    spec: {
      volumeSnapshotClassName: snapshotClass,
      source: { persistentVolumeClaimName: claimName },
    },
  }
}
