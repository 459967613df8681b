// `npm run demo`: the whole chain with real processes on a simulated installation. Every step is checked from outside the
// driver: in the simulator's own state, and in the bytes that a program in the guest reads. Exit status 0 means that all held.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { type DemoGuest, realGuest, simulatedGuest } from './demo/guests.ts'
import { Processes, run } from './demo/processes.ts'
import { Report } from './demo/report.ts'
import { Simulation, type WorldState } from './demo/simulation.ts'

const CSI = 'src/bin/ldom-csi.ts'
const SIM = 'src/bin/ldom-sim.ts'
const LINUX = 'm1/ldg2'
const SOLARIS = 'm1/ldg1'
const SOLARIS_MOUNT = '/export/orders'
const LINUX_MOUNT = '/srv/web'

process.chdir(new URL('..', import.meta.url).pathname)
const directory = mkdtempSync(join(tmpdir(), 'ldom-csi-demo-'))
const report = new Report()
const processes = new Processes()
const realBlockDevices = canUseBlockDevices()
const linuxMount = realBlockDevices ? join(directory, 'guest', 'srv/web') : LINUX_MOUNT
const simulation = new Simulation(join(directory, 'sim', 'control.sock'))
const solaris = simulatedGuest(simulation, SOLARIS)
const linux = realBlockDevices ? realGuest(LINUX, join(directory, 'guest')) : simulatedGuest(simulation, LINUX)

let status = 1
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(130)))
}
try {
  await startEverything()
  await examineInstallation()
  const numbers = await applyClaims()
  await writeData()
  await loseServiceDomain()
  await losePower(numbers)
  await applyAgain(numbers)
  await deleteClaims()
  status = report.finish()
} catch (error) {
  console.error(`\nThe demonstration broke off: ${error instanceof Error ? error.stack : error}`)
} finally {
  await cleanUp()
}
process.exit(status)

async function startEverything(): Promise<void> {
  report.step('A simulated installation starts behind SSH servers on 127.0.0.1, one port and one key a host')
  mkdirSync(join(directory, 'sim'))
  const sim = ['serve', '--preset', 'demo', '--directory', join(directory, 'sim'), ...(realBlockDevices ? ['--real-block-devices'] : [])]
  await processes.start('ldom-sim', SIM, sim, { file: join(directory, 'sim/world.json'), log: join(directory, 'sim.log') })
  const world: { hosts: Record<string, { port: number }> } = JSON.parse(readFileSync(join(directory, 'sim/world.json'), 'utf8'))
  report.say(
    Object.entries(world.hosts)
      .map(([name, { port }]) => `${name}:${port}`)
      .join('  '),
  )
  report.say(
    realBlockDevices
      ? `Linux guest ${LINUX}: real block devices of this machine, real mkfs.ext4 and mount (running as root)`
      : `Linux guest ${LINUX}: simulated${process.getuid?.() === 0 ? ' (loop devices or mkfs.ext4 are missing)' : ' (not root)'}`,
  )

  report.step('The controller and two node plugins start, each a process with a unix socket')
  await startPlugin('controller', ['controller', '--config', writeControllerFile()])
  await startPlugin('ldg1', ['node', '--config', join(directory, 'sim/node-m1-ldg1.yaml')])
  await startPlugin('ldg2', ['node', '--config', join(directory, 'sim/node-m1-ldg2.yaml')])
}

async function startPlugin(name: string, args: readonly string[]): Promise<void> {
  const socket = socketOf(name)
  await processes.start(name, CSI, [...args, '--endpoint', `unix://${socket}`], { file: socket, log: join(directory, `${name}.log`) })
  report.say(`${name}: ${socket}`)
}

async function examineInstallation(): Promise<void> {
  report.step('ldom-csi doctor --prepare looks at every host, tool and path, and proves the paths with a canary')
  const { status: doctorStatus, output } = await run(CSI, ['doctor', '--config', controllerFile(), '--prepare'])
  const lines = output.trim().split('\n')
  for (const line of lines.filter(each => !each.startsWith('ok'))) report.say(line)
  const count = (level: string) => lines.filter(line => line.startsWith(level)).length
  report.check('doctor finds nothing that fails', doctorStatus === 0 && count('FAIL') === 0, `${count('ok')} ok, ${count('warn')} warnings`)
}

interface Numbers {
  readonly web: number
  readonly orders: number
}

async function applyClaims(): Promise<Numbers> {
  report.step('ldom-csi apply brings about examples/*.yaml through the CSI sockets')
  await apply([])
  const state = await simulation.state()
  const numbers = { web: diskNumber(state, LINUX), orders: diskNumber(state, SOLARIS) }

  report.step('What is there now, seen from outside the driver')
  const silver = state.storage['m1-primary']?.find(isVolume)
  report.check('a zvol in the pool of m1-primary (design local)', silver?.sizeBytes === 64 * 1024 ** 2, silver?.name)
  const gold = state.storage.storage1?.find(isVolume)
  report.check('a zvol on storage1 (design lun)', gold?.sizeBytes === 64 * 1024 ** 2, gold?.name)
  const unit = state.targets.storage1?.units.find(each => each.dataFile.endsWith(gold?.name ?? 'none'))
  report.check('a logical unit on it', unit !== undefined, unit?.guid)
  const devices = vdsDevices(state)
  const single = devices.filter(device => device.mpgroup === '')
  report.check('one VdsDevice for the Linux guest', single.length === 1, single.map(show).join(', '))
  const group = devices.filter(device => device.mpgroup !== '')
  const sameDevice = new Set(group.map(device => device.device)).size === 1 && new Set(group.map(device => device.mpgroup)).size === 1
  report.check(
    'two VdsDevices for the Solaris guest, one mpgroup, the same device',
    group.length === 2 && sameDevice,
    group.map(show).join(', '),
  )
  report.check(
    'a vdisk number for each guest',
    numbers.web >= 100 && numbers.orders >= 100,
    `${LINUX}: ${numbers.web}, ${SOLARIS}: ${numbers.orders}`,
  )
  await checkMounts()
  return numbers
}

async function checkMounts(): Promise<void> {
  const orders = await solaris.mountAt(SOLARIS_MOUNT)
  const staged = (await simulation.state()).guests[SOLARIS]?.mounts.find(mount => mount.source.startsWith('/dev/dsk/'))
  report.check(
    `${SOLARIS} has ${SOLARIS_MOUNT}`,
    orders !== undefined && /^\/dev\/dsk\/c\d+d\d+s0$/.test(staged?.source ?? ''),
    `${staged?.source}, ${staged?.type}`,
  )
  const web = await linux.mountAt(linuxMount)
  report.check(`${LINUX} has ${linuxMount}`, web?.type === 'ext4', web && `${web.source}, ${web.type}`)
}

async function writeData(): Promise<void> {
  report.step('Programs in the guests write, and read back')
  await writeAndRead(linux, `${linuxMount}/index.html`, 'served from a zvol\n')
  await writeAndRead(solaris, `${SOLARIS_MOUNT}/order-1`, 'first order\n')
}

async function writeAndRead(guest: DemoGuest, path: string, text: string): Promise<void> {
  await guest.write(path, text)
  report.check(`${guest.id} reads ${path}`, (await guest.read(path)) === text, JSON.stringify(text))
}

async function loseServiceDomain(): Promise<void> {
  const active = await activePath()
  report.step(`Service domain ${active}, which carries the active path of ${SOLARIS}, goes down under a running writer`)
  const writer = startWriter(`${SOLARIS_MOUNT}/ledger`)
  await writer.atLeast(20)
  await simulation.ask({ op: 'service-domain', machine: 'm1', name: active, state: 'down' })
  const before = writer.lines()
  await writer.atLeast(before + 20)
  const other = await activePath()
  const written = await writer.stop()
  const ledger = await solaris.read(`${SOLARIS_MOUNT}/ledger`)
  report.check('the guest goes on through the other path', other !== active, `${active} -> ${other}`)
  report.check(
    'no write failed, and no line is missing',
    writer.failures() === 0 && ledger === linesUpTo(written),
    `${written} lines, ${before} of them before`,
  )
  await simulation.ask({ op: 'service-domain', machine: 'm1', name: active, state: 'up' })
  report.say(`${active} is up again`)
}

async function losePower(numbers: Numbers): Promise<void> {
  report.step('Machine m1 loses power; nothing had been saved to its service processor')
  await linux.losePower()
  await simulation.ask({ op: 'power-cycle', machine: 'm1' })
  const state = await simulation.state()
  report.check(
    'ldm shows no VdsDevice and no vdisk any more',
    vdsDevices(state).length === 0 && vdisks(state).length === 0,
    '(empty listing)',
  )
  const { output } = await run(CSI, ['volumes', '--config', controllerFile()], line => report.say(line))
  report.check(
    'ldom-csi volumes calls both incomplete',
    output.match(/ incomplete /g)?.length === 2,
    `vdisks ${numbers.web} and ${numbers.orders} are recorded`,
  )
}

async function applyAgain(numbers: Numbers): Promise<void> {
  report.step('ldom-csi apply is run again')
  await apply([])
  const state = await simulation.state()
  const again = { web: diskNumber(state, LINUX), orders: diskNumber(state, SOLARIS) }
  report.check(
    'the disks are back under the same numbers',
    again.web === numbers.web && again.orders === numbers.orders,
    `${again.web}, ${again.orders}`,
  )
  await checkMounts()
  const page = await linux.read(`${linuxMount}/index.html`)
  report.check(`${LINUX} still reads its data`, page === 'served from a zvol\n', JSON.stringify(page))
  const order = await solaris.read(`${SOLARIS_MOUNT}/order-1`)
  report.check(`${SOLARIS} still reads its data`, order === 'first order\n', JSON.stringify(order))
  if (!realBlockDevices) await checkFormats(LINUX, numbers.web)
  await checkFormats(SOLARIS, numbers.orders)

  report.step('And once more: a third run changes nothing')
  const before = JSON.stringify(await simulation.state())
  await apply([])
  report.check('the installation is the same, byte for byte', JSON.stringify(await simulation.state()) === before)
}

async function checkFormats(guest: string, disk: number): Promise<void> {
  const { count } = await simulation.ask({ op: 'format-count', guest, disk })
  report.check(`the disk of ${guest} was formatted exactly once`, count === 1)
}

async function deleteClaims(): Promise<void> {
  report.step('ldom-csi apply --delete takes everything away')
  await apply(['--delete'])
  const state = await simulation.state()
  report.check('no volume and no record is left', Object.values(state.storage).flat().filter(isOurs).length === 0)
  report.check('no VdsDevice and no vdisk is left', vdsDevices(state).length === 0 && vdisks(state).length === 0)
  report.check('no mount is left', (await linux.mountAt(linuxMount)) === undefined && (await solaris.mountAt(SOLARIS_MOUNT)) === undefined)
  const audit = await run(CSI, ['audit', '--config', controllerFile()], line => report.say(`audit: ${line}`))
  report.check('ldom-csi audit finds nothing', audit.status === 0)
}

async function apply(more: readonly string[]): Promise<void> {
  const files = ['examples/storage-classes.yaml', linuxClaim(), 'examples/claim-solaris.yaml'].flatMap(file => ['-f', file])
  const sockets = [
    '--controller',
    socketOf('controller'),
    '--node',
    `${SOLARIS}=${socketOf('ldg1')}`,
    '--node',
    `${LINUX}=${socketOf('ldg2')}`,
  ]
  const staging = realBlockDevices ? ['--staging-directory', join(directory, 'guest/staging')] : []
  const { status: applyStatus } = await run(CSI, ['apply', ...more, ...files, ...sockets, ...staging], line => report.say(line))
  report.check(`apply ${[...more, ''].join(' ')}ends with status 0`, applyStatus === 0)
}

/** With real mounts the guest's root is this machine's, so the example's path moves below the demonstration's directory. */
function linuxClaim(): string {
  const example = 'examples/claim-linux.yaml'
  if (!realBlockDevices) return example
  const file = join(directory, 'claim-linux.yaml')
  const text = readFileSync(example, 'utf8')
  if (!text.includes(`mount-path: ${LINUX_MOUNT}\n`)) throw new Error(`${example} does not mount ${LINUX_MOUNT}`)
  writeFileSync(file, text.replace(`mount-path: ${LINUX_MOUNT}\n`, `mount-path: ${linuxMount}\n`))
  return file
}

/** A program in the guest that adds a line to a file, again and again. */
function startWriter(path: string) {
  let count = 0
  let failed = 0
  let isRunning = true
  const writing = (async () => {
    while (isRunning) {
      try {
        await solaris.write(path, linesUpTo(count + 1))
        count += 1
      } catch {
        failed += 1
      }
      await sleep(5)
    }
  })()
  return {
    lines: () => count,
    failures: () => failed,
    atLeast: async (wanted: number) => {
      const endMs = Date.now() + 10_000
      while (count < wanted && Date.now() < endMs) await sleep(5)
    },
    stop: async () => {
      isRunning = false
      await writing
      return count
    },
  }
}

function linesUpTo(count: number): string {
  return Array.from({ length: count }, (_, at) => `line ${at + 1}\n`).join('')
}

async function activePath(): Promise<string> {
  const state = await simulation.state()
  return state.guests[SOLARIS]?.disks[0]?.activeServiceDomain ?? 'none'
}

function diskNumber(state: WorldState, guest: string): number {
  return state.guests[guest]?.disks[0]?.id ?? 0
}

function vdsDevices(state: WorldState) {
  return (state.machines.m1?.domains ?? []).flatMap(domain =>
    domain.vds.flatMap(vds => vds.volumes.map(volume => ({ vds: vds.name, ...volume }))),
  )
}

function vdisks(state: WorldState) {
  return Object.values(state.machines).flatMap(machine => machine.domains.flatMap(domain => domain.vdisks))
}

function show(device: { readonly name: string; readonly vds: string; readonly device: string }): string {
  return `${device.name}@${device.vds} (${device.device})`
}

function isVolume({ name, kind }: { readonly name: string; readonly kind: string }): boolean {
  return kind === 'volume' && name.includes('/v-')
}

/** Volumes and their records; the canary of doctor stays. */
function isOurs({ name }: { readonly name: string }): boolean {
  return /\/(v|a-v)-[^/]*$/.test(name)
}

function controllerFile(): string {
  return join(directory, 'controller.yaml')
}

/** The simulator's file, without saving: the power cycle shall find nothing saved, however slow this machine is. */
function writeControllerFile(): string {
  const config: { machines: Record<string, { saveConfiguration?: boolean }> } = parse(
    readFileSync(join(directory, 'sim/controller.yaml'), 'utf8'),
  )
  for (const machine of Object.values(config.machines)) machine.saveConfiguration = false
  writeFileSync(controllerFile(), stringify(config))
  return controllerFile()
}

function socketOf(name: string): string {
  return join(directory, `${name}.sock`)
}

function canUseBlockDevices(): boolean {
  if (process.getuid?.() !== 0 || process.platform !== 'linux' || !existsSync('/dev/loop-control')) return false
  try {
    for (const program of ['losetup', 'mkfs.ext4', 'mknod', 'umount']) execFileSync('/bin/sh', ['-c', `command -v ${program}`])
    execFileSync('losetup', ['--find'])
    return true
  } catch {
    return false // a container without loop devices
  }
}

async function cleanUp(): Promise<void> {
  if (realBlockDevices) await linux.losePower().catch(error => console.error(`clean-up: ${error}`))
  await processes.stop()
  if (status !== 0) {
    console.error(`\nLogs are kept in ${directory}`)
    return
  }
  rmSync(directory, { recursive: true })
}
