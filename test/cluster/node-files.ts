// The configuration files of one node: containerd, the network of its pods, kubelet.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Authority } from './certificates.ts'
import { PAUSE_IMAGE } from './image-names.ts'
import { containerdSocket, type NodeSettings, nodeAddress, SERVICES } from './settings.ts'

/** As everywhere: the node's mount namespace has its own directory there. */
export const KUBELET_DIRECTORY = '/var/lib/kubelet'

export function writeNodeFiles(node: NodeSettings, authority: Authority): void {
  const at = (name: string) => join(node.directory, name)
  for (const name of ['cni', 'kubelet', 'containerd', 'logs', 'addresses']) {
    mkdirSync(at(name), { recursive: true })
  }
  writeFileSync(at('containerd.toml'), containerdFile(node))
  writeFileSync(at('cni/10-bridge.conflist'), JSON.stringify(networkOf(node)))
  writeFileSync(at('kubelet.yaml'), stringify(kubeletFile(node, authority)))
}

function containerdFile(node: NodeSettings): string {
  const at = (name: string) => JSON.stringify(join(node.directory, name))
  return `version = 2
root = ${at('containerd/root')}
state = ${at('containerd/state')}
[grpc]
  address = ${JSON.stringify(containerdSocket(node))}
[plugins."io.containerd.internal.v1.opt"]
  path = ${at('containerd/opt')}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true # there may be no CAP_SYS_RESOURCE
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = ${at('cni')}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`
}

function networkOf(node: NodeSettings): object {
  const { subnet } = node
  const range = { subnet: `${subnet}.0/24`, rangeStart: `${subnet}.10`, rangeEnd: `${subnet}.250` }
  const ipam = {
    type: 'host-local',
    dataDir: join(node.directory, 'addresses'),
    // Pods have no default route.
    routes: [{ dst: SERVICES, gw: nodeAddress(node) }],
    ranges: [[range]],
  }
  const plugin = { type: 'bridge', bridge: node.bridge, ipam }
  return { cniVersion: '1.0.0', name: 'bridge', plugins: [plugin] }
}

function kubeletFile(node: NodeSettings, authority: Authority): object {
  const clientCAFile = authority.certificate('ca')
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: nodeAddress(node),
    healthzBindAddress: '127.0.0.1',
    healthzPort: node.healthPort,
    readOnlyPort: 0,
    tlsCertFile: authority.certificate(`${node.name}-server`),
    tlsPrivateKeyFile: authority.key(`${node.name}-server`),
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile },
    },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${containerdSocket(node)}`,
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${node.cgroup}`,
    failSwapOn: false,
    oomScoreAdj: 0,
    makeIPTablesUtilChains: false,
    resolvConf: '',
    // Quicker than the defaults of 10 s and 1 min, which an attach and an expansion in use wait
    // for.
    nodeStatusUpdateFrequency: '1s',
    nodeStatusReportFrequency: '10s',
    syncFrequency: '10s',
    // The tests kill the same containers again and again; the default of 300 s is for those that
    // fail by themselves.
    crashLoopBackOff: { maxContainerRestartPeriod: '5s' },
    imageGCHighThresholdPercent: 100,
    // Two kubelets count all the memory of one machine.
    maxPods: 120,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
  }
}
