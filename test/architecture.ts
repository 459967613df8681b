// The architecture as a table: which rooms the sources have, and which of them a room may import.
// The test of the imports reads it, and the picture in docs/code-map.md is generated from it.
// Arrows only go down: a room stands after everything that it imports.

export interface Room {
  readonly name: string
  /** What the picture says below the name. */
  readonly about: string
  /** Files, or folders with a `/` at their end, below src; the longest that fits a file decides. */
  readonly paths: readonly string[]
  /** Names of the rooms above in this table. */
  readonly imports: readonly string[]
}

const STORAGE = ['attachments', 'volumes', 'snapshots', 'storage reports']

export const ROOMS: readonly Room[] = [
  {
    name: 'base',
    about: 'errors, clock, log, locks',
    paths: [
      'checks.ts',
      'errors.ts',
      'clock.ts',
      'queueing.ts',
      'log.ts',
      'log-stream.ts',
      'locks.ts',
    ],
    imports: [],
  },
  { name: 'model', about: 'words of controller and node', paths: ['model/'], imports: ['base'] },
  { name: 'shell', about: 'the seam: Shell.run(argv)', paths: ['shell/'], imports: ['base'] },
  { name: 'ssh', about: 'hosts far away', paths: ['shell/ssh/'], imports: ['base', 'shell'] },
  { name: 'zfs', about: 'the tool zfs', paths: ['zfs/'], imports: ['base', 'shell'] },
  { name: 'comstar', about: 'the tool stmfadm', paths: ['comstar/'], imports: ['base', 'shell'] },
  {
    name: 'iscsi',
    about: 'initiators and their devices',
    paths: ['iscsi/'],
    imports: ['base', 'shell'],
  },
  {
    name: 'hypervisor',
    about: 'the port of a machine',
    paths: ['hypervisors/'],
    imports: ['base'],
  },
  {
    name: 'ldoms',
    about: 'Oracle VM Server for SPARC',
    paths: ['hypervisors/ldoms/'],
    imports: ['base', 'shell', 'hypervisor'],
  },
  {
    name: 'xen',
    about: 'Xen with xl',
    paths: ['hypervisors/xen/'],
    imports: ['base', 'model', 'shell', 'hypervisor'],
  },
  {
    name: 'pools',
    about: 'pools, places, names, uses',
    paths: ['storage/'],
    imports: ['base', 'model', 'shell', 'hypervisor', 'zfs'],
  },
  {
    name: 'catalog',
    about: 'what stands on datasets',
    paths: ['storage/catalog/'],
    imports: ['base', 'model', 'pools', 'zfs'],
  },
  {
    name: 'designs',
    about: 'between a zvol and its export',
    paths: ['storage/designs/'],
    imports: ['base', 'model', 'pools', 'catalog', 'comstar', 'iscsi'],
  },
  {
    name: 'attachments',
    about: 'who has a volume',
    paths: ['storage/attachments/'],
    imports: ['base', 'model', 'hypervisor', 'zfs', 'pools', 'catalog'],
  },
  {
    name: 'storage reports',
    about: 'audit, checks, health, fullness',
    paths: [
      'storage/audit/',
      'storage/checks.ts',
      'storage/health.ts',
      'storage/fullness.ts',
      'storage/path-watch.ts',
      'storage/seen-disks.ts',
    ],
    imports: ['base', 'model', 'hypervisor', 'zfs', 'pools', 'catalog', 'attachments'],
  },
  {
    name: 'volumes',
    about: 'made, changed, deleted',
    paths: ['storage/volumes/'],
    imports: ['base', 'model', 'zfs', 'pools', 'catalog', 'attachments', 'storage reports'],
  },
  {
    name: 'snapshots',
    about: 'and groups of them',
    paths: ['storage/snapshots/'],
    imports: ['base', 'model', 'zfs', 'pools', 'catalog', 'volumes'],
  },
  {
    name: 'guest',
    about: 'volumes in a guest, and its port',
    paths: ['guest/'],
    imports: ['base', 'model', 'shell'],
  },
  {
    name: 'linux',
    about: 'guests with sunvdc or blkfront',
    paths: ['guest/linux/'],
    imports: ['base', 'model', 'shell', 'guest'],
  },
  {
    name: 'solaris',
    about: 'guests with vdc',
    paths: ['guest/solaris/'],
    imports: ['base', 'shell', 'guest'],
  },
  { name: 'wire', about: 'gRPC: server, client, codes', paths: ['csi/wire/'], imports: ['base'] },
  {
    name: 'csi',
    about: 'the services of CSI',
    paths: ['csi/'],
    imports: ['base', 'model', 'wire', 'guest', ...STORAGE],
  },
  {
    name: 'kubernetes',
    about: 'one controller at work, events',
    paths: ['kubernetes/'],
    imports: ['base', 'model', 'wire'],
  },
  { name: 'config', about: 'configuration files', paths: ['config/'], imports: ['base'] },
  {
    name: 'manifests',
    about: 'objects of Kubernetes in files',
    paths: ['manifests/'],
    imports: ['base', 'model', 'config'],
  },
  {
    name: 'steps',
    about: 'one disk given to a guest',
    paths: ['steps/'],
    imports: ['base', 'model', 'wire'],
  },
  {
    name: 'apply',
    about: 'claims without a cluster',
    paths: ['apply/'],
    imports: ['base', 'model', 'wire', 'manifests', 'steps'],
  },
  {
    name: 'guest-disks',
    about: 'disks of guests without a kubelet',
    paths: ['guest-disks/'],
    imports: ['base', 'model', 'wire', 'guest', 'config', 'manifests', 'steps', 'kubernetes'],
  },
  {
    name: 'cli',
    about: 'doctor, volumes',
    paths: ['cli/'],
    imports: [
      'base',
      'model',
      'shell',
      'hypervisor',
      'config',
      'pools',
      'catalog',
      'storage reports',
    ],
  },
]

/** The composition roots import everything, and nothing imports them. */
export const ROOTS = 'bin/'

/** What of the driver the simulator may know: the types of the seam. */
export const SEAM = 'shell/shell.ts'

/** Packages that only one part of the sources may use. Paths below src. */
export const PACKAGES: readonly { readonly packages: readonly string[]; readonly only: RegExp }[] =
  [
    { packages: ['@grpc/grpc-js', 'protobufjs'], only: /^csi\/wire\// },
    { packages: ['ssh2'], only: /^shell\/ssh\// },
    { packages: ['child_process', 'node:child_process'], only: /^shell\/local\.ts$/ },
    { packages: ['zod'], only: /^(config\/|storage\/catalog\/persisted\.ts$|manifests\/)/ },
    { packages: ['commander'], only: /^bin\// },
    { packages: ['@kubernetes/client-node'], only: /^kubernetes\// },
    { packages: ['pino'], only: /^log\.ts$/ },
    { packages: ['yaml'], only: /^(config\/|manifests\/)/ },
  ]

/** The room of a file below src; undefined where the table has none. */
export function roomOf(file: string): Room | undefined {
  let found: { readonly room: Room; readonly path: string } | undefined
  for (const room of ROOMS) {
    for (const path of room.paths) {
      const fits = path.endsWith('/') ? file.startsWith(path) : file === path
      if (fits && path.length > (found?.path.length ?? 0)) found = { room, path }
    }
  }
  return found?.room
}

/**
 * The table as a picture for Mermaid: every arrow that does not follow from two others. `base` is
 * left out: everything imports it.
 */
export function drawRooms(): string {
  const byName = new Map(ROOMS.map(room => [room.name, room]))
  const reach = (name: string): ReadonlySet<string> => {
    const below = byName.get(name)?.imports ?? []
    return new Set(below.flatMap(each => [each, ...reach(each)]))
  }
  const shown = ROOMS.filter(({ name }) => name !== 'base')
  const id = (name: string) => name.replaceAll(' ', '-')
  const boxes = shown.map(({ name, about }) => `  ${id(name)}["<b>${name}</b><br>${about}"]`)
  const arrows = shown.flatMap(({ name, imports }) =>
    imports
      .filter(
        each => each !== 'base' && !imports.some(other => other !== each && reach(other).has(each)),
      )
      .map(each => `  ${id(name)} --> ${id(each)}`),
  )
  const tops = shown.filter(({ name }) => !ROOMS.some(({ imports }) => imports.includes(name)))
  const roots = [
    '  bin["<b>bin</b><br>compositions and commands"]',
    ...tops.map(({ name }) => `  bin --> ${id(name)}`),
  ]
  return ['```mermaid', 'graph TD', ...roots, ...boxes, ...arrows, '```'].join('\n')
}
