// A machine with two service domains for tests: devices with real bytes, guests of both kinds, and
// the product's view of it.

import { DeviceError, type SimDevice } from '../../../sim/devices.ts'
import { SimHost, Timeline } from '../../../sim/host.ts'
import { SimMachine, type SimMachineOptions } from '../../../sim/ldom/sim-machine.ts'
import { SimShell } from '../../../sim/sim-shell.ts'
import { MemoryStore } from '../../../sim/store.ts'
import type { Host } from '../../../src/shell/host.ts'

export class TestDevice implements SimDevice {
  readonly sizeBytes = 1024 * 1024
  readonly file = undefined
  readonly holders: string[] = []
  /** Opening, reading and writing fail with it. */
  failure: DeviceError['code'] | undefined
  #store: MemoryStore

  constructor(store = new MemoryStore(1024 * 1024)) {
    this.#store = store
  }

  read(offset: number, length: number): Buffer {
    this.#fail()
    return this.#store.read(offset, length)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#fail()
    this.#store.write(offset, bytes)
  }

  open(holder: string, exclusive = false): () => void {
    this.#fail()
    if (exclusive && this.holders.length > 0) throw new DeviceError('EBUSY', holder)
    this.holders.push(holder)
    return () => void this.holders.splice(this.holders.indexOf(holder), 1)
  }

  #fail(): void {
    if (this.failure) throw new DeviceError(this.failure, 'test device')
  }
}

export function machineWorld(
  options: Partial<Pick<SimMachineOptions, 'settings' | 'guests' | 'nowMs'>> = {},
) {
  const timeline = new Timeline()
  const primary = new SimHost('m1-primary', timeline)
  const alternate = new SimHost('m1-alternate', timeline)
  const devices = new Map<string, TestDevice>()
  primary.devices.push(path => devices.get(`primary:${path}`))
  alternate.devices.push(path => devices.get(`alternate:${path}`))
  const sim = new SimMachine({
    name: 'm1',
    controlHost: primary,
    serviceDomains: [
      { name: 'primary', host: primary, vds: ['primary-vds0'] },
      { name: 'alternate', host: alternate, vds: ['alternate-vds0'] },
    ],
    guests: options.guests ?? [
      { name: 'ldg1', platform: 'solaris' },
      { name: 'ldg2', platform: 'linux' },
      { name: 'ldg3', platform: 'solaris', state: 'inactive' },
    ],
    nowMs: options.nowMs ?? (() => 0),
    ...(options.settings ? { settings: options.settings } : {}),
  })
  const shell = new SimShell(primary)
  const host: Host = { name: 'm1-primary', shell, noise: () => undefined, settled: async () => {} }
  return {
    timeline,
    primary,
    alternate,
    devices,
    sim,
    shell,
    host,
    /** One store seen as a device by both service domains. */
    lun(path: string): { primary: TestDevice; alternate: TestDevice } {
      const store = new MemoryStore(1024 * 1024)
      const pair = { primary: new TestDevice(store), alternate: new TestDevice(store) }
      devices.set(`primary:${path}`, pair.primary)
      devices.set(`alternate:${path}`, pair.alternate)
      return pair
    },
    device(path: string): TestDevice {
      const device = new TestDevice()
      devices.set(`primary:${path}`, device)
      return device
    },
    /** From now on every ldm waits until it is let go, in order; `started` is what waits. */
    holdLdm() {
      const program = primary.programs.get('ldm')
      const started: { readonly line: string; readonly go: () => void }[] = []
      primary.programs.set('ldm', async (args, context) => {
        await new Promise<void>(go => started.push({ line: args.join(' '), go }))
        if (!program) throw new Error('the control domain has no ldm')
        return program(args, context)
      })
      return started
    },
    async ldm(line: string): Promise<{ status: number; stdout: string; stderr: string }> {
      const outcome = await primary.perform(['/usr/sbin/ldm', ...line.split(' ')], '')
      if (outcome.kind !== 'exit') throw new Error(`ldm ${line}: ${outcome.kind}`)
      const { exitStatus, stdout, stderr } = outcome.answer
      return { status: exitStatus, stdout, stderr }
    },
    ldmCommands: () => timeline.commands.map(({ argv }) => argv.slice(1).join(' ')),
    disks: (guest: string) => sim.guestDisks(guest).list(),
  }
}
