// `xenstore-ls -f` for the directories of back ends. Keys of disks as recorded in
// 02-attach-detach.txt, 09-hotplug-timeout.txt and 11-zvol.txt; network cards are not simulated.

import type { SimProgram } from '../host.ts'
import { disksOf, inStoreOrder, type Vbd, type XenControl, type XenDomain } from './model.ts'
import { failed, ok, TEXTS } from './texts.ts'

const BACK_ENDS = '/local/domain/0/backend'

export function xenstoreProgram(machine: XenControl): SimProgram {
  return args => {
    const [option, path = '', ...rest] = args
    if (option !== '-f' || rest.length > 0 || !path.startsWith(BACK_ENDS)) {
      return failed(`xenstore-ls: the simulation does not know ${args.join(' ')}\n`)
    }
    const nodes = nodesOf(machine).filter(([node]) => node.startsWith(`${path}/`))
    if (nodes.length === 0) return failed(TEXTS.noDirectory(path))
    return ok(nodes.map(([node, value]) => `${node} = "${value}"\n`).join(''))
  }
}

type Node = readonly [path: string, value: string]

function nodesOf(machine: XenControl): readonly Node[] {
  const domains = machine.domains.toSorted((a, b) => inStoreOrder(a.id, b.id))
  return [
    ...directory('console', domains, consoleNodes),
    ...directory('qdisk', domains, domain => diskNodes(machine, domain, 'qdisk')),
    ...directory('vbd', domains, domain => diskNodes(machine, domain, 'vbd')),
  ]
}

function directory(
  kind: string,
  domains: readonly XenDomain[],
  below: (domain: XenDomain) => readonly (readonly [number, ReadonlyMap<string, string>])[],
): readonly Node[] {
  const found = domains.flatMap((domain): readonly Node[] => {
    const at = `${BACK_ENDS}/${kind}/${domain.id}`
    const devices = below(domain).flatMap(([number, keys]): readonly Node[] => [
      [`${at}/${number}`, ''],
      ...[...keys].map(([key, value]): Node => [`${at}/${number}/${key}`, value]),
    ])
    return devices.length === 0 ? [] : [[at, ''], ...devices]
  })
  return found.length === 0 ? [] : [[`${BACK_ENDS}/${kind}`, ''], ...found]
}

function consoleNodes({ id }: XenDomain) {
  const keys = {
    frontend: `/local/domain/${id}/console`,
    'frontend-id': String(id),
    online: '1',
    protocol: 'vt100',
    state: '1',
  }
  return [[0, new Map(Object.entries(keys))] as const]
}

function diskNodes(machine: XenControl, domain: XenDomain, kind: 'vbd' | 'qdisk') {
  const { id } = domain
  return disksOf(domain)
    .filter(({ backEnd }) => (backEnd === 'qdisk') === (kind === 'qdisk'))
    .map(vbd => {
      const keys = kind === 'qdisk' ? qdiskKeys(id, vbd) : vbdKeys(machine, id, vbd)
      return [
        vbd.number,
        new Map(Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1))),
      ] as const
    })
}

function commonKeys(id: number, { number, vdev, access, online, back }: Vbd) {
  return {
    bootable: '1',
    dev: vdev,
    'device-type': 'disk',
    // Of a read-only disk nothing is discarded (16-order-and-modes.txt).
    'discard-enable': access === 'w' ? '1' : '0',
    frontend: `/local/domain/${id}/device/vbd/${number}`,
    'frontend-id': String(id),
    mode: access,
    online: online ? '1' : '0',
    removable: '0',
    specification: 'xen',
    state: String(back),
  }
}

function qdiskKeys(id: number, vbd: Vbd): Readonly<Record<string, string>> {
  return { ...commonKeys(id, vbd), params: `aio:${vbd.target}`, type: 'qdisk' }
}

function vbdKeys(machine: XenControl, id: number, vbd: Vbd): Readonly<Record<string, string>> {
  const always = {
    ...commonKeys(id, vbd),
    'feature-max-indirect-segments': '256',
    'max-ring-page-order': '4',
    'multi-queue-max-queues': '1',
    params: vbd.target,
    script: '/etc/xen/scripts/block',
    type: 'phy',
  }
  const { hotplug, hotplugError: error, physical, back } = vbd
  if (error !== undefined) {
    return { ...always, 'hotplug-error': error.replaceAll('\n', '\\n'), 'hotplug-status': 'busy' }
  }
  if (hotplug === undefined || physical === undefined) return always
  const script = {
    'hotplug-status': 'connected',
    'physical-device': physical.numbers,
    'physical-device-path': physical.path,
  }
  // They stay when the back end closes (14-half-detach.txt).
  if (back < 4) return { ...always, ...script }
  const sizeBytes = machine.sizeOf(vbd)
  const block = vbd.target.startsWith('/dev/zvol/') ? '8192' : '512'
  return {
    ...always,
    ...script,
    ...(vbd.access === 'w' ? discardKeys(block) : {}),
    'feature-barrier': '1',
    'feature-flush-cache': '1',
    'feature-persistent': '1',
    info: vbd.access === 'r' ? '4' : '0',
    'physical-sector-size': block,
    'sector-size': '512',
    sectors: String(sizeBytes / 512),
  }
}

const discardKeys = (block: string) => ({
  'discard-alignment': '0',
  'discard-granularity': block,
  'discard-secure': '0',
  'feature-discard': '1',
})
