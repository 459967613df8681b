// What a pod is told about itself and its cluster, by its environment.

import { StorageError } from '../../errors.ts'

export interface PodEnvironment {
  readonly pod: string
  readonly namespace: string
  /** Of the API server. */
  readonly host: string
  readonly port: number
}

const VARIABLES = [
  'POD_NAME',
  'POD_NAMESPACE',
  'KUBERNETES_SERVICE_HOST',
  'KUBERNETES_SERVICE_PORT',
] as const

/** `who`: the command or option that needs it. */
export function readPodEnvironment(who: string): PodEnvironment {
  const missing = VARIABLES.filter(name => (process.env[name] ?? '') === '')
  if (missing.length > 0) {
    throw new StorageError(
      'invalid-argument',
      `${who} is for a pod, and ${missing.join(', ')} is not set; set the name and the ` +
        'namespace of the pod from its fields',
    )
  }
  const [pod = '', namespace = '', host = '', port = ''] = VARIABLES.map(
    name => process.env[name] ?? '',
  )
  return { pod, namespace, host, port: Number(port) }
}
