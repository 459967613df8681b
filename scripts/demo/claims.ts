// First part: an installation starts, `apply` creates claims, and programs in the guests use their
// disks.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatasetState, WorldState } from './simulation.ts'
import { LINUX, SOLARIS, type Stage } from './stage.ts'

export const SOLARIS_MOUNT = '/export/orders'
export const LINUX_MOUNT = '/srv/web'
export const PAGE = { path: `${LINUX_MOUNT}/index.html`, text: 'served from a zvol\n' }
export const ORDER = { path: `${SOLARIS_MOUNT}/order-1`, text: 'first order\n' }

export interface Numbers {
  readonly web: number
  readonly orders: number
}

export async function startEverything(stage: Stage): Promise<void> {
  const { report, directory, hasRealBlockDevices, linux } = stage
  report.step(
    'A simulated installation starts behind SSH on 127.0.0.1; every host has its own port and key',
  )
  mkdirSync(join(directory, 'sim'))
  await stage.startSimulation()
  const world: { hosts: Record<string, { port: number }> } = JSON.parse(
    readFileSync(join(directory, 'sim/world.json'), 'utf8'),
  )
  report.say(
    Object.entries(world.hosts)
      .map(([name, { port }]) => `${name}:${port}`)
      .join('  '),
  )
  report.say(
    hasRealBlockDevices
      ? `Linux guest ${linux.id}: real block devices of this machine, real mkfs.ext4 and mount ` +
          '(running as root)'
      : `Linux guest ${linux.id}: ` +
          `simulated${process.getuid?.() === 0 ? ' (loop devices, mkfs.ext4 or a capability are missing)' : ' (not root)'}`,
  )

  report.step(
    'The controller and the node plugin of each guest start, each as a process with a Unix socket',
  )
  await stage.startPlugins()
}

export async function examineInstallation(stage: Stage): Promise<void> {
  const { report } = stage
  report.step(
    'ldom-csi doctor --prepare checks every host, tool and path, and proves the paths with a ' +
      'canary',
  )
  const { status, output } = await stage.inspect('doctor', ['--prepare'])
  const lines = output.trim().split('\n')
  for (const line of lines.filter(each => !each.startsWith('ok'))) report.say(line)
  const count = (level: string) => lines.filter(line => line.startsWith(level)).length
  report.check(
    'doctor finds nothing that fails',
    status === 0 && count('FAIL') === 0,
    `${count('ok')} ok, ${count('warn')} warnings`,
  )
}

export function claimFiles(stage: Stage): readonly string[] {
  return ['storage-classes.yaml', 'claim-linux.yaml', 'claim-solaris.yaml'].map(name =>
    stage.example(name),
  )
}

export async function applyClaims(stage: Stage): Promise<Numbers> {
  const { report } = stage
  report.step('ldom-csi apply provides two claims of examples/ through the CSI sockets')
  await stage.apply(claimFiles(stage))
  const state = await stage.state()
  const numbers = diskNumbers(state)

  report.step('The result, read from the simulator and not from the driver')
  const silver = state.storage['m1-primary']?.find(isVolume)
  report.check(
    'a zvol in the pool of m1-primary (design local)',
    silver?.sizeBytes === 64 * 1024 ** 2,
    silver?.name,
  )
  const gold = state.storage.storage1?.find(isVolume)
  report.check('a zvol on storage1 (design lun)', gold?.sizeBytes === 64 * 1024 ** 2, gold?.name)
  const unit = state.targets.storage1?.units.find(each =>
    each.dataFile.endsWith(gold?.name ?? 'none'),
  )
  report.check('a logical unit on it', unit !== undefined, unit?.guid)
  const devices = vdsDevices(state)
  const single = devices.filter(device => device.mpgroup === '')
  report.check(
    'one VdsDevice for the Linux guest',
    single.length === 1,
    single.map(show).join(', '),
  )
  const group = devices.filter(device => device.mpgroup !== '')
  const isOneDisk = new Set(group.map(device => `${device.device} ${device.mpgroup}`)).size === 1
  report.check(
    'two VdsDevices for the Solaris guest, one mpgroup, the same device',
    group.length === 2 && isOneDisk,
    group.map(show).join(', '),
  )
  report.check(
    'one vdisk number for each guest',
    numbers.web >= 100 && numbers.orders >= 100,
    `${LINUX}: ${numbers.web}, ${SOLARIS}: ${numbers.orders}`,
  )
  await checkMounts(stage)
  return numbers
}

export async function checkMounts(stage: Stage): Promise<void> {
  const { report, linux, solaris } = stage
  const orders = await solaris.mountAt(SOLARIS_MOUNT)
  const staged = (await stage.state()).guests[SOLARIS]?.mounts.find(mount =>
    mount.source.startsWith('/dev/dsk/'),
  )
  report.check(
    `${SOLARIS} has ${SOLARIS_MOUNT}`,
    orders !== undefined && /^\/dev\/dsk\/c\d+d\d+s0$/.test(staged?.source ?? ''),
    `${staged?.source}, ${staged?.type}`,
  )
  const path = stage.inLinux(LINUX_MOUNT)
  const web = await linux.mountAt(path)
  report.check(`${LINUX} has ${path}`, web?.type === 'ext4', web && `${web.source}, ${web.type}`)
}

export async function writeData(stage: Stage): Promise<void> {
  stage.report.step('Programs in the guests write files and read them back')
  await stage.writeAndRead(stage.linux, stage.inLinux(PAGE.path), PAGE.text)
  await stage.writeAndRead(stage.solaris, ORDER.path, ORDER.text)
}

export function diskNumbers(state: WorldState): Numbers {
  const number = (guest: string) => state.guests[guest]?.disks[0]?.id ?? 0
  return { web: number(LINUX), orders: number(SOLARIS) }
}

export function vdsDevices(state: WorldState) {
  return (state.machines.m1?.domains ?? []).flatMap(domain =>
    domain.vds.flatMap(vds => vds.volumes.map(volume => ({ ...volume, vds: vds.name }))),
  )
}

function show({
  name,
  vds,
  device,
}: {
  readonly name: string
  readonly vds: string
  readonly device: string
}): string {
  return `${name}@${vds} (${device})`
}

export function vdisks(state: WorldState) {
  return Object.values(state.machines).flatMap(machine =>
    machine.domains.flatMap(domain => domain.vdisks),
  )
}

/**
 * The driver's volumes, records, and deleted volumes that still have dependants. Parent datasets
 * and the canary of `doctor --prepare` are left out.
 */
export function isOurs({ name }: DatasetState): boolean {
  return /\/(v|a-v)-[^/]*$/.test(name)
}

export function isVolume(dataset: DatasetState): boolean {
  return dataset.kind === 'volume' && isOurs(dataset)
}
