// One machine split by the Logical Domains Manager, behind the hypervisor port: what `ldm` lists as
// a MachineState, and steps as `ldm` commands. It plans nothing and repeats nothing; vds, vdisk,
// mpgroup and delayed reconfiguration end here.

import { type Clock, systemClock } from '../../clock.ts'
import { StorageError } from '../../errors.ts'
import { Semaphore, shared } from '../../locks.ts'
import { enterQueue } from '../../queueing.ts'
import type { Host } from '../../shell/host.ts'
import { ShellError } from '../../shell/shell.ts'
import {
  type AttachStep,
  type DetachStep,
  type ExportedBackend,
  type GuestDisk,
  type GuestReadiness,
  type GuestState,
  type Hypervisor,
  type MachineState,
  refuseUnlessOff,
} from '../hypervisor.ts'
import { Ldm } from './ldm.ts'
import type { Domain, Vdisk, VdsDevice } from './listing.ts'

export interface LdomMachineOptions {
  readonly machine: string
  readonly host: Host
  readonly clock?: Clock
  /**
   * Called after every write that changed the machine or may have: it is not saved to the service
   * processor yet.
   */
  readonly onChanged?: () => void
}

/** Of many changes at once so many are looked at together. */
const CHANGES_A_LISTING = 10
/** And none waits longer for the others: what it saves them is a listing or two. */
const TOGETHER_MS = 1_500

export class LdomMachine implements Hypervisor {
  readonly machine: string
  // Low numbers are the administrators'; Linux guests cannot name a disk above 701 (`vdiskzz`).
  readonly slots = { first: 100, count: 601 } as const
  readonly #host: Host
  readonly #clock: Clock
  readonly #ldm: Ldm
  readonly #onChanged: () => void
  #running: Promise<unknown> = Promise.resolve()
  #next: { readonly listed: Promise<MachineState>; waiters: number } | undefined
  readonly #writes: Semaphore
  /** Changes that wait for their turn or have it. */
  #changing = 0
  /** Changes that are made and wait for those behind them, and their end. */
  #madeAndWaiting = 0
  #made = Promise.withResolvers<void>()

  constructor({ machine, host, clock = systemClock, onChanged = () => {} }: LdomMachineOptions) {
    this.machine = machine
    this.#clock = clock
    this.#writes = new Semaphore(`changes of machine ${machine}`, 1, 'unavailable')
    this.#host = host
    this.#ldm = new Ldm(host.shell)
    this.#onChanged = onChanged
  }

  async observe(signal?: AbortSignal): Promise<MachineState> {
    // Nobody would read it, and those who still wait would wait for it.
    if (signal?.aborted) throw this.#deadline('its domains were listed', signal)
    this.#next ??= { listed: this.#list(), waiters: 0 }
    const next = this.#next
    next.waiters += 1
    const leaveQueue = enterQueue()
    void this.#running.catch(() => {}).then(leaveQueue)
    try {
      return await shared(next.listed, signal, () =>
        this.#deadline('its domains were listed', signal),
      )
    } finally {
      next.waiters -= 1
      leaveQueue()
    }
  }

  // Whoever asks while a listing runs could miss his own change in it, so he waits for the next.
  // The shared listing belongs to no caller: the deadline of one must not fail the others.
  async #list(): Promise<MachineState> {
    await this.#running.catch(() => {})
    const next = this.#next
    this.#next = undefined
    if (next?.waiters === 0) throw this.#deadline('another listing ran', undefined)
    const listing = this.#ldm.listBindings()
    this.#running = listing
    return toMachineState(await listing)
  }

  attach(steps: readonly AttachStep[], signal?: AbortSignal): Promise<void> {
    return this.#runSteps(steps, step => this.#attachStep(step, signal), signal)
  }

  detach(steps: readonly DetachStep[], signal?: AbortSignal): Promise<void> {
    return this.#runSteps(steps, step => this.#detachStep(step, signal), signal)
  }

  settled(names: readonly string[], signal?: AbortSignal): Promise<void> {
    return this.#host.settled(names, signal)
  }

  /**
   * Runs work when no other write of this process is under way on the machine. The signal ends the
   * wait, never the work.
   */
  serialised<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#writes.take(signal, work)
  }

  async #runSteps<S>(
    steps: readonly S[],
    run: (step: S) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<void> {
    this.#changing += 1
    try {
      await this.#changed(steps, run, signal)
    } finally {
      this.#changing -= 1
      await this.#lookedAtTogether(signal)
    }
  }

  // Who has made a change looks at the machine next. Of fifty at once each would list it after his
  // own turn; here they wait for the few behind them, and one listing answers for all. A change
  // that failed waits too: its caller looks as well. One that hangs keeps nobody longer than a
  // listing takes.
  async #lookedAtTogether(signal?: AbortSignal): Promise<void> {
    const { promise: all, resolve: end } = this.#made
    if (this.#changing === 0 || this.#madeAndWaiting + 1 >= CHANGES_A_LISTING) {
      this.#made = Promise.withResolvers()
      this.#madeAndWaiting = 0
      end()
      // After those who waited have gone on, so that they are in time for the listing.
      return Promise.race([all])
    }
    if (signal?.aborted) return
    const leaveQueue = enterQueue()
    this.#madeAndWaiting += 1
    const over = new AbortController()
    const enough = this.#clock.sleep(
      TOGETHER_MS,
      signal ? AbortSignal.any([signal, over.signal]) : over.signal,
    )
    await Promise.race([all, enough.catch(() => {})])
    over.abort()
    leaveQueue()
    if (this.#made.promise === all) this.#madeAndWaiting -= 1
  }

  #changed<S>(
    steps: readonly S[],
    run: (step: S) => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.serialised(async () => {
      for (const step of steps) {
        if (signal?.aborted) throw this.#deadline('there were steps to do', signal)
        try {
          await run(step)
          this.#onChanged()
        } catch (error) {
          if (error instanceof ShellError && error.fate === 'unknown') this.#onChanged()
          throw error
        }
      }
    }, signal)
  }

  #attachStep(step: AttachStep, signal?: AbortSignal): Promise<unknown> {
    switch (step.kind) {
      case 'export-backend': {
        const { name, service, device, mode, shape, group } = step.backend
        return this.#ldm.addVdsDevice(
          { name, vds: service, device, mode, shape, mpgroup: group, alreadyExported: step.shared },
          { signal },
        )
      }
      case 'add-disk': {
        const { name, guest, slot, timeoutSeconds, backend } = step
        return this.#ldm.addVdisk(
          {
            name,
            guest,
            volume: { name: backend.name, vds: backend.service },
            id: slot,
            timeoutSeconds,
          },
          { signal },
        )
      }
    }
  }

  #detachStep(step: DetachStep, signal?: AbortSignal): Promise<unknown> {
    switch (step.kind) {
      case 'remove-disk':
        return this.#removeDisk(step, signal)
      case 'withdraw-backend':
        return this.#ldm.removeVdsDevice({ name: step.name, vds: step.service }, { signal })
    }
  }

  // Between the look and the removal the guest can still be started, but not its operating system:
  // that takes longer than a command.
  async #removeDisk(
    step: DetachStep & { readonly kind: 'remove-disk' },
    signal?: AbortSignal,
  ): Promise<unknown> {
    if (step.only === 'while-off') {
      const { guests } = toMachineState(await this.#ldm.listBindings({ signal }))
      refuseUnlessOff(
        `${this.machine}/${step.guest}`,
        guests.find(({ name }) => name === step.guest),
      )
    }
    return this.#ldm.removeVdisk(step, { signal })
  }

  #deadline(during: string, signal?: AbortSignal): StorageError {
    return new StorageError(
      'unavailable',
      `machine ${this.machine}: the deadline passed while ${during}`,
      { cause: signal?.reason },
    )
  }
}

/** The listing in the words of the port. */
export function toMachineState(domains: readonly Domain[]): MachineState {
  const devices = domains.flatMap(domain => domain.vdses.flatMap(vds => vds.devices))
  const vdsDomains = new Map(
    domains.flatMap(domain => domain.vdses.map(vds => [vds.name, domain.name])),
  )
  const exported: Exported = {
    byName: new Map(devices.map(device => [`${device.name}@${device.vds}`, device])),
    byGroup: Map.groupBy(devices, device => device.mpgroup),
  }
  const control =
    domains.find(domain => domain.flags.control) ??
    domains.find(domain => domain.name === 'primary')
  if (control === undefined) {
    throw new StorageError('internal', 'ldm listing not understood: no control domain in it')
  }
  return {
    guests: domains.map(domain => toGuestState(domain, control)),
    backends: devices.map(toExportedBackend),
    disks: domains.flatMap(domain =>
      domain.vdisks.map(vdisk => toGuestDisk(vdisk, exported, vdsDomains)),
    ),
    frozen: control.flags.delayedReconfiguration
      ? `domain ${control.name} is in delayed reconfiguration: it must reboot (or ldm ` +
        `cancel-reconf ${control.name}) before disks can change`
      : undefined,
  }
}

function toGuestState({ name, state, flags, unclear }: Domain, control: Domain): GuestState {
  const readiness: GuestReadiness =
    unclear === undefined ? readinessOf(state, flags) : { kind: 'unclear', reason: unclear }
  return { name, readiness, isControl: name === control.name }
}

function readinessOf(state: string, flags: Domain['flags']): GuestReadiness {
  if (flags.changing !== undefined) return { kind: 'changing', reason: flags.changing }
  // Releases before 1.2 could delay the reconfiguration of any domain.
  if (flags.delayedReconfiguration) return { kind: 'changing', reason: 'delayed reconfiguration' }
  if (state === 'inactive' || state === 'bound') return { kind: 'off' }
  if (state !== 'active') return { kind: 'changing', reason: `state ${state}` }
  if (flags.system === undefined) {
    return { kind: 'changing', reason: 'active without a flag that says whether a system runs' }
  }
  return flags.system === 'transition' ? { kind: 'no-os' } : { kind: 'running' }
}

function toExportedBackend({
  name,
  vds,
  serviceDomain,
  device,
  options,
  mpgroup,
}: VdsDevice): ExportedBackend {
  const mode = options.includes('ro') ? 'ro' : 'rw'
  const shape = options.includes('slice') ? 'slice' : 'full'
  return { name, service: vds, serviceDomain, device, mode, shape, group: mpgroup }
}

/** The exported devices of a machine, which may be thousands: each disk looks its own up. */
interface Exported {
  readonly byName: ReadonlyMap<string, VdsDevice> // `name@vds`
  readonly byGroup: ReadonlyMap<string | undefined, readonly VdsDevice[]>
}

/**
 * What serves a disk and is not known: no export is named so, so nobody takes the disk for served
 * by those alone that are known.
 */
const UNKNOWN_BACKEND = {
  name: '(unknown)',
  service: '(unknown)',
  serviceDomain: 'unknown',
  state: 'unknown',
} as const

/**
 * Without path lines (guest not bound, or a release before 3.2) the members of the group are what
 * the disk will be served by.
 */
function toGuestDisk(
  vdisk: Vdisk,
  exported: Exported,
  vdsDomains: ReadonlyMap<string, string>,
): GuestDisk {
  const configured = vdisk.volume && { ...vdisk.volume, state: 'unknown' as const }
  const group =
    vdisk.mpgroup ??
    (configured && exported.byName.get(`${configured.name}@${configured.vds}`)?.mpgroup)
  const members = group === undefined ? [] : (exported.byGroup.get(group) ?? [])
  const listed =
    vdisk.paths.length > 0
      ? vdisk.paths
      : members.map(({ name, vds }) => ({ name, vds, state: 'unknown' as const }))
  const first = configured && (listed.find(path => isSame(path, configured)) ?? configured)
  const paths =
    first === undefined ? listed : [first, ...listed.filter(path => !isSame(path, first))]
  const backends = paths.map(({ name, vds, state }) => {
    const server = configured && isSame({ name, vds }, configured) ? vdisk.server : undefined
    return { name, service: vds, serviceDomain: vdsDomains.get(vds) ?? server ?? 'unknown', state }
  })
  return {
    name: vdisk.name,
    guest: vdisk.guest,
    slot: vdisk.id,
    timeoutSeconds: vdisk.timeoutSeconds,
    backends: vdisk.isVague ? [...backends, UNKNOWN_BACKEND] : backends,
  }
}

function isSame(a: { name: string; vds: string }, b: { name: string; vds: string }): boolean {
  return a.name === b.name && a.vds === b.vds
}
