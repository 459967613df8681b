// etcd, API server, controller manager and scheduler, on 127.0.0.1. The API server writes an audit
// log of what service accounts ask for.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, waitFor } from '../support/commands.ts'
import type { Daemons } from '../support/daemons.ts'
import { type Authority, CLIENT } from './certificates.ts'
import type { Programs } from './programs.ts'
import {
  ADMIN,
  API_ADDRESS,
  API_PORT,
  API_SERVER,
  AUDIT_LOG,
  ETCD_PORT,
  NODES,
  nodeAddress,
  PKI,
  SERVICE_RANGE,
  STATE,
} from './settings.ts'

const ETCD = `http://127.0.0.1:${ETCD_PORT}`
const ETCD_PEER = `http://127.0.0.1:${ETCD_PORT + 1}`

export interface ControlPlaneParts {
  readonly daemons: Daemons
  readonly programs: Programs
  readonly authority: Authority
}

export async function startControlPlane(parts: ControlPlaneParts): Promise<void> {
  const { daemons, programs, authority } = parts
  await createIdentities(authority)
  startEtcd(parts)
  startApiServer(parts)
  const ready = [programs.kubectl, '--kubeconfig', ADMIN, 'get', '--raw', '/readyz']
  await waitFor(
    { what: `the API server, see ${daemons.log('apiserver')}`, limitMs: 180_000 },
    async () => (await attempt(ready)) === 'ok',
  )
  const common = ['--bind-address', '127.0.0.1', '--leader-elect=false']
  daemons.start('controller-manager', [
    programs['kube-controller-manager'],
    '--kubeconfig',
    kubeconfig('controller-manager'),
    '--use-service-account-credentials',
    `--root-ca-file=${authority.certificate('ca')}`,
    `--service-account-private-key-file=${authority.key('service-accounts')}`,
    // A node that dies is to be noticed while a test waits for it.
    '--node-monitor-period=2s',
    '--node-monitor-grace-period=20s',
    ...common,
  ])
  const scheduler = [programs['kube-scheduler'], '--kubeconfig', kubeconfig('scheduler')]
  daemons.start('scheduler', [...scheduler, ...common])
}

const kubeconfig = (name: string) => join(STATE, `${name}.kubeconfig`)

async function createIdentities(authority: Authority): Promise<void> {
  await authority.create()
  const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc']
  const addresses = ['127.0.0.1', API_ADDRESS, ...NODES.map(nodeAddress)]
  const alternatives = [...names.map(name => `DNS:${name}`), ...addresses.map(ip => `IP:${ip}`)]
  await authority.issue('apiserver', '/CN=kube-apiserver', [
    'extendedKeyUsage=serverAuth',
    `subjectAltName=${alternatives.join(',')}`,
  ])
  await authority.issue('apiserver-kubelet', '/O=system:masters/CN=apiserver-kubelet', [CLIENT])
  await authority.issue('admin', '/O=system:masters/CN=admin', [CLIENT])
  authority.writeKubeconfig(ADMIN, 'admin', API_SERVER)
  for (const name of ['controller-manager', 'scheduler']) {
    await authority.issue(name, `/CN=system:kube-${name}`, [CLIENT])
    authority.writeKubeconfig(kubeconfig(name), name, API_SERVER)
  }
}

function startEtcd({ daemons, programs }: ControlPlaneParts): void {
  const data = join(STATE, 'etcd')
  mkdirSync(data, { recursive: true })
  chmodSync(data, 0o700)
  daemons.start('etcd', [
    programs.etcd,
    `--data-dir=${data}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${ETCD}`,
    `--advertise-client-urls=${ETCD}`,
    `--listen-peer-urls=${ETCD_PEER}`,
    `--initial-advertise-peer-urls=${ETCD_PEER}`,
    `--initial-cluster=default=${ETCD_PEER}`,
  ])
}

const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    // The cluster's own controllers are service accounts, too.
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system'] },
    { level: 'Metadata', userGroups: ['system:serviceaccounts'] },
    { level: 'None' },
  ],
}

function startApiServer({ daemons, programs, authority }: ControlPlaneParts): void {
  const policy = join(STATE, 'audit-policy.json')
  writeFileSync(policy, JSON.stringify(AUDIT_POLICY))
  const accounts = authority.key('service-accounts')
  daemons.start('apiserver', [
    programs['kube-apiserver'],
    `--etcd-servers=${ETCD}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${API_PORT}`,
    `--advertise-address=${nodeAddress(NODES[0])}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--authorization-mode=Node,RBAC',
    '--allow-privileged',
    '--enable-admission-plugins=NodeRestriction',
    `--cert-dir=${PKI}`,
    `--client-ca-file=${authority.certificate('ca')}`,
    `--tls-cert-file=${authority.certificate('apiserver')}`,
    `--tls-private-key-file=${authority.key('apiserver')}`,
    `--kubelet-certificate-authority=${authority.certificate('ca')}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-client-certificate=${authority.certificate('apiserver-kubelet')}`,
    `--kubelet-client-key=${authority.key('apiserver-kubelet')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${accounts}.pub`,
    `--service-account-signing-key-file=${accounts}`,
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${AUDIT_LOG}`,
  ])
  // In place of kube-proxy, for the one service that pods need.
  daemons.start('service', [
    'socat',
    `TCP-LISTEN:443,bind=${API_ADDRESS},fork,reuseaddr`,
    `TCP:127.0.0.1:${API_PORT}`,
  ])
}
