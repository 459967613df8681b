// The node plugin's Linux code with the real mkfs, mount, blkid and fsck of this machine, on loop
// devices over the files of simulated disks. Needs root, e2fsprogs, xfsprogs and psmisc.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SimLinuxGuest } from '../../sim/guest/linux-guest.ts'
import { SimHost, Timeline } from '../../sim/host.ts'
import { FileStore } from '../../sim/store.ts'
import { ALL_CHANGES } from '../../src/bin/compose/changes.ts'
import { systemClock } from '../../src/clock.ts'
import { GuestHealth } from '../../src/guest/guest-health.ts'
import { GuestVolumes } from '../../src/guest/guest-volumes.ts'
import { LinuxPlatform } from '../../src/guest/linux/linux.ts'
import type { GuestFormat, PublishRequest, StageRequest } from '../../src/guest/requests.ts'
import { createHost } from '../../src/shell/late-effects.ts'
import { LocalShell } from '../../src/shell/local.ts'
import { MiB, TestDisk, TestDisks } from '../behaviour/guest/world.ts'
import { growsMountedExt4 } from '../support/capabilities.ts'

// Real tools, and a machine that may be busy.
const SLOW_MS = 120_000
const ext4 = { kind: 'filesystem' as const, type: 'ext4', mountOptions: [] } satisfies GuestFormat
const xfs = { kind: 'filesystem' as const, type: 'xfs', mountOptions: [] } satisfies GuestFormat
const block: GuestFormat = { kind: 'block' }

let directory = ''
let guest: SimLinuxGuest
let disks: TestDisks
let volumes: GuestVolumes
let health: GuestHealth

beforeAll(() => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error('real block devices need root on Linux')
  }
  for (const program of ['/sbin/mkfs.ext4', '/sbin/mkfs.xfs', '/sbin/losetup', '/sbin/blkid']) {
    if (!existsSync(program)) {
      throw new Error(`${program} is missing; install e2fsprogs, xfsprogs and util-linux`)
    }
  }
})

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linux-guest-'))
  disks = new TestDisks()
  guest = new SimLinuxGuest(new SimHost('m1/ldg2', new Timeline()), {
    disks,
    nowMs: () => 0,
    kernelRoot: join(directory, 'root'),
  })
  const host = createHost({ changes: ALL_CHANGES, name: 'm1/ldg2', shell: new LocalShell() })
  const platform = new LinuxPlatform({ shell: host.shell, root: join(directory, 'root') })
  volumes = new GuestVolumes({ platform, host, clock: systemClock, waitForDiskMs: 2000 })
  health = new GuestHealth({ platform, host })
})

afterEach(() => {
  guest.dispose()
  for (const disk of disks.disks) disk.store.dispose()
  rmSync(directory, { recursive: true })
})

function addDisk(
  id: number,
  store = new FileStore(join(directory, `disk-${id}`), 400 * MiB),
  mode: 'rw' | 'ro' = 'rw',
): TestDisk {
  const disk = new TestDisk(id, store, { mode })
  disks.disks.push(disk)
  disks.tell('disks')
  return disk
}

function removeDisk(disk: TestDisk): void {
  disks.disks.splice(disks.disks.indexOf(disk), 1)
  disks.tell('disks')
}

const at = (path: string) => join(directory, path)

function stageRequest(disk: TestDisk, other: Partial<StageRequest>): StageRequest {
  const sizeBytes = disk.store.sizeBytes
  const fixed = {
    volumeId: 'silver/v1',
    slot: disk.id,
    sizeBytes,
    createdEmpty: true,
    written: false,
    mode: 'rw',
    stagingPath: at('staging'),
  } as const
  return { ...fixed, format: ext4, ...other }
}

function publishRequest(disk: TestDisk, other: Partial<PublishRequest>): PublishRequest {
  const places = { stagingPath: at('staging'), targetPath: at('target') }
  return {
    volumeId: 'silver/v1',
    slot: disk.id,
    sizeBytes: disk.store.sizeBytes,
    format: ext4,
    readonly: false,
    mode: 'rw',
    exclusive: true,
    ...places,
    ...other,
  }
}

const target = () => ({ volumeId: 'silver/v1', targetPath: at('target') })
const staged = () => ({ volumeId: 'silver/v1', stagingPath: at('staging') })

test.each([
  { name: 'ext4', format: ext4 },
  { name: 'xfs', format: xfs },
])(
  'a volume with $name keeps its files from one attachment to the next, and grows in between',
  async ({ format }) => {
    const disk = addDisk(100)
    await volumes.stage(stageRequest(disk, { format }))
    await volumes.publish(publishRequest(disk, { format }))
    writeFileSync(at('target/data'), 'kept')
    await volumes.publish(publishRequest(disk, { format }))
    await volumes.unpublish(target())
    await volumes.unstage(staged())
    removeDisk(disk)
    disk.store.resize(600 * MiB)

    const again = addDisk(130, disk.store as FileStore)
    const growing = volumes.stage(stageRequest(again, { format, written: true }))
    // What does not grow is staged as it is.
    if (format === ext4 && !growsMountedExt4()) {
      await growing // mounted as it is: staging does not need the growth
      expect(readFileSync(at('staging/data'), 'utf8')).toBe('kept')
      return
    }
    await growing
    const { bytes, inodes } = await volumes.statistics({
      volumeId: 'silver/v1',
      path: at('staging'),
    })

    expect(readFileSync(at('staging/data'), 'utf8')).toBe('kept')
    expect(bytes.total).toBeGreaterThan(500 * MiB)
    expect(inodes?.total).toBeGreaterThan(0)
    await volumes.unstage(staged())
    expect(readdirSync(at('staging'))).toEqual([])
    expect(existsSync(at('target'))).toBe(false)
  },
  SLOW_MS,
)

test(
  'paths below a symbolic link, with directories that are still to be made, do at the first call',
  async () => {
    const disk = addDisk(100)
    mkdirSync(at('real'))
    symlinkSync('real', at('link'))
    const paths = { stagingPath: at('link/pods/staging'), targetPath: at('link/pods/target') }

    await volumes.stage(stageRequest(disk, { stagingPath: paths.stagingPath }))
    await volumes.publish(publishRequest(disk, paths))

    writeFileSync(at('real/pods/target/data'), 'kept')
    await volumes.unpublish({ volumeId: 'silver/v1', targetPath: paths.targetPath })
    await volumes.unstage({ volumeId: 'silver/v1', stagingPath: paths.stagingPath })
    expect(readdirSync(at('real/pods/staging'))).toEqual([])
  },
  SLOW_MS,
)

test(
  'a read-only target cannot be written',
  async () => {
    const disk = addDisk(100)
    await volumes.stage(stageRequest(disk, {}))

    await volumes.publish(publishRequest(disk, { readonly: true }))

    expect(() => writeFileSync(at('target/data'), 'x')).toThrow('EROFS')
    writeFileSync(at('staging/data'), 'x')
  },
  SLOW_MS,
)

test(
  'a published volume is busy for unstaging and refuses a second target',
  async () => {
    const disk = addDisk(100)
    await volumes.stage(stageRequest(disk, {}))
    await volumes.publish(publishRequest(disk, {}))

    await expect(volumes.unstage(staged())).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining(at('target')),
    })
    await expect(
      volumes.publish(publishRequest(disk, { targetPath: at('second') })),
    ).rejects.toMatchObject({ kind: 'failed-precondition' })
  },
  SLOW_MS,
)

test.each([
  { name: 'a volume made from another one', content: 'blank', change: { createdEmpty: false } },
  { name: 'bytes that no tool knows', content: 'bytes', change: {} },
  { name: 'a partition table', content: 'table', change: {} },
])(
  'a disk is not formatted: $name',
  async ({ content, change }) => {
    const disk = addDisk(100)
    if (content === 'bytes') disk.store.write(70_000, Buffer.from('somebody else wrote here'))
    if (content === 'table') disk.store.write(510, Buffer.from([0x55, 0xaa]))
    if (content === 'table') {
      disk.store.write(446, Buffer.from([0, 0, 2, 0, 0x83, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]))
    }
    const before = disk.store.read(0, MiB)

    await expect(volumes.stage(stageRequest(disk, change))).rejects.toMatchObject({
      kind: 'failed-precondition',
    })

    expect(disk.store.read(0, MiB).equals(before)).toBe(true)
  },
  SLOW_MS,
)

test.each([
  { name: 'ext4', format: ext4 },
  { name: 'xfs', format: xfs },
])(
  '$name of another volume is neither mounted nor given away raw, and is still there for its own',
  async ({ format }) => {
    const disk = addDisk(100)
    const own = stageRequest(disk, { volumeId: 'silver/other', format })
    await volumes.stage(own)
    writeFileSync(at('staging/data'), 'kept')
    await volumes.unstage(own)

    for (const asked of [format, block]) {
      const staging = volumes.stage(
        stageRequest(disk, { format: asked, contentOf: 'silver/v1', stagingPath: at('mistaken') }),
      )
      await expect(staging).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringContaining('another volume'),
      })
    }

    await volumes.stage({ ...own, written: true })
    expect(readFileSync(at('staging/data'), 'utf8')).toBe('kept')
  },
  SLOW_MS,
)

test(
  'a volume whose file system was lost is not formatted again',
  async () => {
    const disk = addDisk(100)
    await volumes.stage(stageRequest(disk, {}))
    await volumes.unstage(staged())
    disk.store.write(0, Buffer.alloc(MiB))

    await expect(volumes.stage(stageRequest(disk, {}))).rejects.toMatchObject({
      kind: 'failed-precondition',
      message: expect.stringContaining(at('root/var/lib/ldom-csi/used/silver%2Fv1')),
    })

    expect(disk.store.read(0, MiB).equals(Buffer.alloc(MiB))).toBe(true)
  },
  SLOW_MS,
)

test(
  'a copy of an xfs volume is mounted beside its original',
  async () => {
    const original = addDisk(100)
    await volumes.stage(stageRequest(original, { format: xfs }))
    writeFileSync(at('staging/data'), 'kept')
    await volumes.unstage(staged())
    const copy = addDisk(101, original.store.copy() as FileStore)
    await volumes.stage(stageRequest(original, { format: xfs, written: true }))

    const request = stageRequest(copy, {
      volumeId: 'silver/v2',
      format: xfs,
      createdEmpty: false,
      written: true,
      stagingPath: at('copy'),
    })
    await volumes.stage(request)

    expect(readFileSync(at('copy/data'), 'utf8')).toBe('kept')
    await volumes.unstage(request)
  },
  SLOW_MS,
)

test(
  'a raw block volume appears as its device and leaves nothing behind',
  async () => {
    const disk = addDisk(100)
    mkdirSync(at('pod'))
    await volumes.stage(stageRequest(disk, { format: block }))

    await volumes.publish(publishRequest(disk, { format: block, targetPath: at('pod/device') }))
    await volumes.publish(publishRequest(disk, { format: block, targetPath: at('pod/device') }))

    expect(statSync(at('pod/device')).isBlockDevice()).toBe(true)
    const { bytes } = await volumes.statistics({ volumeId: 'silver/v1', path: at('pod/device') })
    expect(bytes.total).toBe(400 * MiB)
    await expect(volumes.unstage(staged())).rejects.toMatchObject({ kind: 'busy' })
    await volumes.unpublish({ volumeId: 'silver/v1', targetPath: at('pod/device') })
    await volumes.unstage(staged())
    expect(readdirSync(at('pod'))).toEqual([])
    expect(readdirSync(at('staging'))).toEqual([])
  },
  SLOW_MS,
)

/** A process that a test ends; it has printed a line when it is returned. */
async function startProcess(argv: readonly string[]) {
  const [program = '', ...words] = argv
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  const end = async () => {
    child.kill('SIGKILL')
    await ended
  }
  return { pid: child.pid, end }
}

describe('a disk that the kernel has not let go', () => {
  const STILL_HELD = { kind: 'busy', message: expect.stringMatching(/still in use by/) }

  test.each([
    { name: 'ext4', format: ext4 },
    { name: 'xfs', format: xfs },
  ])(
    'because a namespace of its own keeps $name mounted is busy, every time, until that ends',
    async ({ format }) => {
      const disk = addDisk(100)
      await volumes.stage(stageRequest(disk, { format }))
      const container = await startProcess([
        'unshare',
        '-m',
        '--propagation',
        'private',
        'sh',
        '-c',
        'echo; exec sleep 600',
      ])

      try {
        const named = { kind: 'busy', message: expect.stringContaining(String(container.pid)) }
        await expect(volumes.unstage(staged())).rejects.toMatchObject(named)
        expect(readdirSync(at('staging'))).toEqual([])
        await expect(volumes.unstage(staged())).rejects.toMatchObject(named)
      } finally {
        await container.end()
      }

      await volumes.unstage(staged())
    },
    SLOW_MS,
  )

  test.each([
    { name: 'ext4', format: ext4 },
    { name: 'xfs', format: xfs },
  ])(
    'because $name was unmounted lazily under an open file is busy, every time, until that is ' +
      'closed',
    async ({ format }) => {
      const disk = addDisk(100)
      await volumes.stage(stageRequest(disk, { format }))
      const file = openSync(at('staging/data'), 'w')
      execFileSync('umount', ['-l', at('staging')])

      try {
        await expect(volumes.unstage(staged())).rejects.toMatchObject(STILL_HELD)
        await expect(volumes.unstage(staged())).rejects.toMatchObject(STILL_HELD)
      } finally {
        closeSync(file)
      }

      await volumes.unstage(staged())
    },
    SLOW_MS,
  )

  test(
    'because a raw disk is open through another node of its numbers is busy, every time, until ' +
      'that is closed',
    async () => {
      const disk = addDisk(100)
      await volumes.stage(stageRequest(disk, { format: block }))
      const [name = ''] = readdirSync(at('root/dev'))
      const { rdev } = statSync(at(`root/dev/${name}`))
      execFileSync('mknod', [at('another'), 'b', String(rdev >> 8), String(rdev & 0xff)])
      const file = openSync(at('another'), 'r')

      try {
        await expect(volumes.unstage(staged())).rejects.toMatchObject({
          kind: 'busy',
          message: expect.stringContaining(String(process.pid)),
        })
        await expect(volumes.unstage(staged())).rejects.toMatchObject(STILL_HELD)
      } finally {
        closeSync(file)
      }

      await volumes.unstage(staged())
      expect(readdirSync(at('staging'))).toEqual([])
    },
    SLOW_MS,
  )
})

describe('a file system that stops while it is mounted', () => {
  const inspect = () => health.inspect({ volumeId: 'silver/v1', path: at('staging'), mode: 'rw' })

  test.each([
    {
      name: 'ext4 after an error',
      format: ext4,
      stop: ['mount', '-o', 'remount,abort'],
      problem: { kind: 'degraded', reason: 'TurnedReadOnly' },
    },
    {
      name: 'ext4 that was shut down',
      format: ext4,
      stop: ['xfs_io', '-x', '-c', 'shutdown'],
      problem: { kind: 'inaccessible' },
    },
    {
      name: 'xfs that was shut down',
      format: xfs,
      stop: ['xfs_io', '-x', '-c', 'shutdown'],
      problem: { kind: 'inaccessible' },
    },
  ] as const)(
    '$name is told, and repaired when it is staged again',
    async ({ format, stop, problem }) => {
      const disk = addDisk(100)
      await volumes.stage(stageRequest(disk, { format }))
      writeFileSync(at('staging/data'), 'kept', { flush: true })
      expect(await inspect()).toEqual([])
      const [program, ...words] = stop
      execFileSync(program, [...words, at('staging')])

      expect(await inspect()).toMatchObject([problem])
      await volumes.stage(stageRequest(disk, { format, written: true }))

      expect(await inspect()).toEqual([])
      expect(readFileSync(at('staging/data'), 'utf8')).toBe('kept')
      writeFileSync(at('staging/more'), 'written')
    },
    SLOW_MS,
  )

  test(
    'is not taken from a pod: the message names its target',
    async () => {
      const disk = addDisk(100)
      await volumes.stage(stageRequest(disk, { format: xfs }))
      await volumes.publish(publishRequest(disk, { format: xfs }))
      execFileSync('xfs_io', ['-x', '-c', 'shutdown', at('staging')])

      await expect(
        volumes.stage(stageRequest(disk, { format: xfs, written: true })),
      ).rejects.toMatchObject({
        kind: 'failed-precondition',
        message: expect.stringContaining(at('target')),
      })

      await volumes.unpublish(target())
      await volumes.stage(stageRequest(disk, { format: xfs, written: true }))
      expect(await inspect()).toEqual([])
    },
    SLOW_MS,
  )
})

test(
  'a raw block volume is healthy at its staging path and at its target',
  async () => {
    const disk = addDisk(100)
    await volumes.stage(stageRequest(disk, { format: block }))
    await volumes.publish(publishRequest(disk, { format: block }))

    for (const path of [at('staging'), at('target')]) {
      expect(await health.inspect({ volumeId: 'silver/v1', path, mode: 'rw' })).toEqual([])
    }

    await volumes.unpublish(target())
    await volumes.unstage(staged())
    expect(
      await health.inspect({ volumeId: 'silver/v1', path: at('staging'), mode: 'rw' }),
    ).toMatchObject([{ reason: 'MountVanished' }])
  },
  SLOW_MS,
)

test.each([
  { name: 'ext4', format: ext4 },
  { name: 'xfs', format: xfs },
])(
  '$name that was not closed is mounted read-only, with its log where the disk can be written, ' +
    'and refused without a write where not',
  async ({ format }) => {
    const disk = addDisk(100)
    await volumes.stage(stageRequest(disk, { format }))
    writeFileSync(at('staging/data'), 'kept', { flush: true })
    const writable = addDisk(101, disk.store.copy() as FileStore)
    const readonly = addDisk(102, disk.store.copy() as FileStore, 'ro')
    const copy = { createdEmpty: false, written: true }

    const first = { ...copy, volumeId: 'silver/v2', stagingPath: at('writable') }
    await volumes.stage(
      stageRequest(writable, { ...first, format: { ...format, mountOptions: ['ro'] } }),
    )
    expect(readFileSync(at('writable/data'), 'utf8')).toBe('kept')
    await volumes.unstage(first)

    const before = readonly.store.read(0, 8 * MiB)
    const second = { ...copy, volumeId: 'silver/v3', stagingPath: at('readonly') }
    const refused = volumes.stage(stageRequest(readonly, { ...second, format, mode: 'ro' }))
    await expect(refused).rejects.toMatchObject({ kind: 'failed-precondition' })
    expect(readonly.store.read(0, 8 * MiB).equals(before)).toBe(true)
  },
  SLOW_MS,
)
