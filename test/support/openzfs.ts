// The pool `silver` of the demonstration on OpenZFS, as on Linux.

import type { WorldSpec } from '../../sim/world-spec.ts'

export function withOpenZfs(spec: WorldSpec): WorldSpec {
  const name = 'm1-primary'
  const host = spec.hosts[name]
  const [pool] = host?.pools ?? []
  if (host === undefined || pool === undefined) throw new Error('the demo has no pool silver')
  const device = '/dev/zvol/{dataset}/{volume}'
  const path = { machine: 'm1', serviceDomain: 'primary', vds: 'primary-vds0', device }
  const silver = { design: 'local', host: name, dataset: 'mtank/kubernetes', paths: [path] }
  return {
    ...spec,
    hosts: { ...spec.hosts, [name]: { ...host, pools: [{ ...pool, dialect: 'openzfs-2.3' }] } },
    pools: { ...spec.pools, silver },
  }
}
