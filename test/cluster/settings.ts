// Names, addresses and paths of the test cluster. Everything that it makes on the machine has one
// of these names, and goes when the cluster goes.

import { join } from 'node:path'

/** Short: it holds Unix sockets, whose paths end at 107 bytes. */
export const STATE = process.env.LDOM_CLUSTER_STATE ?? '/tmp/ldom-cluster'

export const API_PORT = 16443
export const ETCD_PORT = 12379
export const SERVICE_RANGE = '10.96.0.0/16'
/** The address of the service "kubernetes", which pods know from their environment. */
export const API_ADDRESS = '10.96.0.1'
/** Where the simulated storage hosts listen, for the pods of both nodes. */
export const STORAGE_ADDRESS = '10.96.0.2'
/** What pods may reach beyond their own bridge. */
export const SERVICES = '10.96.0.0/28'

export interface NodeSettings {
  readonly name: string
  readonly directory: string
  readonly bridge: string
  /** Three bytes of a /24. */
  readonly subnet: string
  readonly cgroup: string
  readonly healthPort: number
  /** `<machine>/<guest>`: the guest that the node is. */
  readonly guest: string
}

export const NODES = [
  {
    name: 'node-1',
    directory: join(STATE, 'n1'),
    bridge: 'ldom-test1',
    subnet: '10.244.1',
    cgroup: 'ldom-test1',
    healthPort: 20248,
    guest: 'm1/ldg2',
  },
  {
    name: 'node-2',
    directory: join(STATE, 'n2'),
    bridge: 'ldom-test2',
    subnet: '10.244.2',
    cgroup: 'ldom-test2',
    healthPort: 20249,
    guest: 'm2/ldg2',
  },
] as const satisfies readonly NodeSettings[]

export type NodeName = (typeof NODES)[number]['name']

export const nodeAddress = (node: NodeSettings) => `${node.subnet}.1`
export const containerdSocket = (node: NodeSettings) => join(node.directory, 'containerd.sock')

export const PKI = join(STATE, 'pki')
export const ADMIN = join(STATE, 'admin.kubeconfig')
export const API_SERVER = `https://127.0.0.1:${API_PORT}`
export const AUDIT_LOG = join(STATE, 'audit.log')
export const SIMULATION = join(STATE, 'sim')
export const NAMESPACE = 'ldom-csi'
export const DRIVER = 'vdisk.ldom-csi.io'
