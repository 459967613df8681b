// Decisions of attaching and detaching: from what was observed to the steps to take, or to the
// refusal. Pure, no I/O.

import { StorageError } from '../../errors.ts'
import type {
  AttachStep,
  DetachStep,
  ExportedBackend,
  GuestDisk,
  MachineState,
} from '../../hypervisors/hypervisor.ts'
import { formatGuestId } from '../../model/ids.ts'
import {
  type Attachment,
  type AttachRequest,
  type GuestId,
  type Sharing,
  TiB,
  type Volume,
} from '../../model/volumes.ts'
import { attachmentName, leafOfAttachmentName, preferredLun, preferredSlot } from '../names.ts'
import type { PoolMachine, PoolPath, VolumePlace } from '../pool.ts'

/** What the controller must know of a guest's platform. */
export interface GuestRule {
  readonly platform: 'solaris' | 'linux'
  readonly attachLimit: number | undefined
}

/**
 * sunvdc keeps the size in 32 bits of 512-byte sectors: a larger disk appears modulo 2 TiB (Linux
 * source).
 */
const LINUX_LIMIT_BYTES = 2 * TiB - 512

/** Refuses what must not or cannot be attached now. Called before anything is changed. */
export function checkAttach(
  request: AttachRequest,
  seen: {
    volume: Volume
    records: readonly Attachment[]
    sharing: Sharing | undefined
    /** Of an exclusive volume the one guest that may have it, recorded below or not yet. */
    owner: GuestId | undefined
    state: MachineState
    rule: GuestRule | undefined
  },
): void {
  const { volume, records, sharing, owner, state, rule } = seen
  const guest = formatGuestId(request.guest)
  const guestState = state.guests.find(candidate => candidate.name === request.guest.guest)
  if (guestState === undefined) {
    throw new StorageError(
      'not-found',
      `guest ${guest} does not exist: machine ${request.guest.machine} lists no such domain`,
    )
  }
  if (guestState.isControl) {
    throw new StorageError(
      'failed-precondition',
      `guest ${guest} is the control domain of its machine, which gets no volumes of this driver`,
    )
  }
  // Without a rule nobody knows what the guest makes of a disk: its platform decides about sizes
  // and names.
  if (rule === undefined) {
    throw new StorageError(
      'failed-precondition',
      `guest ${guest} is matched by no rule under guests: in the configuration; add one with ` +
        `its platform`,
    )
  }
  checkFormat(request, volume)
  const record = records.find(candidate => formatGuestId(candidate.guest) === guest)
  const isAnothers =
    sharing === 'exclusive' && (owner === undefined || formatGuestId(owner) !== guest)
  if (sharing !== undefined && (sharing !== request.sharing || isAnothers)) {
    const given = owner === undefined ? records.map(other => other.guest) : [owner]
    const others = given.map(formatGuestId).join(', ')
    const kind = record === undefined || isAnothers ? 'in-use' : 'already-exists'
    throw new StorageError(
      kind,
      `volume ${volume.id} is attached ${sharing} to guest ${others || '(in transition)'}; ` +
        `detach it there first`,
    )
  }
  if (record !== undefined && record.mode !== request.mode) {
    throw new StorageError(
      'already-exists',
      `volume ${volume.id} is attached to guest ${guest} ${record.mode}, not ${request.mode} as ` +
        `requested; detach it first`,
    )
  }
  if (record !== undefined && request.slot !== undefined && request.slot !== record.slot) {
    throw new StorageError(
      'already-exists',
      `volume ${volume.id} is attached to guest ${guest} as disk ${record.slot}, not ` +
        `${request.slot} as requested; detach it first`,
    )
  }
  checkPlatformSize(volume.id, volume.sizeBytes, request.guest, rule)
  switch (guestState.readiness.kind) {
    case 'running':
      return
    case 'off':
      if (isForBoot(request)) return
      throw new StorageError(
        'unavailable',
        `guest ${guest} is not running; start it (ldm bind, ldm start), the disk is attached then`,
      )
    case 'no-os':
      throw new StorageError(
        'unavailable',
        `guest ${guest} has no operating system running (firmware prompt or booting) that could ` +
          `take a disk; boot it`,
      )
    case 'changing':
      throw new StorageError(
        'unavailable',
        `guest ${guest} is in transition: ${guestState.readiness.reason}`,
      )
    case 'unclear':
      throw unclearGuest(request.guest, guestState.readiness.reason)
  }
}

/**
 * What its machine lists of the guest is no ground for any change, nor for the belief that
 * something is absent.
 */
export function unclearGuest(guest: GuestId, reason: string): StorageError {
  const wayOut = 'see ldm list-bindings -p and its variables (nvramrc)'
  return new StorageError(
    'unavailable',
    `guest ${formatGuestId(guest)} is unclear in the listing of its machine: ${reason}; ${wayOut}`,
  )
}

/**
 * Asked only where something has to be changed: an attachment that is live stays so while its
 * machine waits for a reboot.
 */
export function refuseFrozen(machine: string, { frozen }: MachineState): void {
  if (frozen !== undefined) {
    throw new StorageError('unavailable', `machine ${machine} cannot be changed now: ${frozen}`)
  }
}

// A file system that two guests write raw is lost, and a raw device is no file system.
function checkFormat({ guest, format }: AttachRequest, volume: Volume): void {
  const { format: made } = volume
  const isSame =
    format.kind === 'block' || made.kind === 'block'
      ? format.kind === made.kind
      : format.type === made.type || format.type === 'any' || made.type === 'any'
  if (isSame) return
  const say = (of: Volume['format']) =>
    of.kind === 'block' ? 'a raw block device' : `a file system (${of.type})`
  throw new StorageError(
    'invalid-argument',
    `volume ${volume.id} was created as ${say(made)} and cannot be attached to guest ` +
      `${formatGuestId(guest)} as ${say(format)}`,
  )
}

// A boot disk has to be there before its guest can run. Nobody asks for a raw disk under a given
// number for a guest that is off but who means that; every other disk is for an operating system
// that is not there to take it.
function isForBoot({ format, slot }: AttachRequest): boolean {
  return format.kind === 'block' && slot !== undefined
}

/**
 * Whether a guest may run from this disk: raw, and under one of the administrators' numbers, which
 * are given only where asked for.
 */
export function isBootDisk(
  { slot }: Attachment,
  volume: Volume | undefined,
  firstChosen: number,
): boolean {
  return slot < firstChosen && volume?.format.kind !== 'filesystem'
}

/** Refuses sizes that the guest's platform would see wrongly. */
export function checkPlatformSize(
  volumeId: string,
  sizeBytes: number,
  guest: GuestId,
  rule: GuestRule | undefined,
): void {
  if (rule?.platform !== 'linux' || sizeBytes <= LINUX_LIMIT_BYTES) return
  throw new StorageError(
    'out-of-range',
    `volume ${volumeId} with ${sizeBytes} bytes: the Linux guest ${formatGuestId(guest)} would ` +
      `see a disk of 2 TiB or more modulo 2 TiB; use a Solaris guest or stay below 2 TiB`,
  )
}

/**
 * The attachment as it will be recorded: numbers are computed, and move on only from those that
 * others of the guest have.
 */
export function planAttachment(
  request: AttachRequest,
  seen: {
    volume: Volume
    records: readonly Attachment[]
    state: MachineState
    rule: GuestRule | undefined
    slots: SlotChoice
    usesLun: boolean
  },
): Attachment {
  const { volume, state, rule, slots } = seen
  const disks = state.disks.filter(disk => disk.guest === request.guest.guest)
  const listed = disks
    .map(disk => disk.name)
    .filter(name => leafOfAttachmentName(name) !== undefined)
  const ours = new Set([...listed, ...slots.others.keys()])
  ours.delete(attachmentName(volume.leaf, request.guest))
  if (rule?.attachLimit !== undefined && ours.size >= rule.attachLimit) {
    throw new StorageError(
      'no-space',
      `guest ${formatGuestId(request.guest)} has ${ours.size} disks of this driver, its limit ` +
        `is ${rule.attachLimit}; detach one, or raise attachLimit in the configuration`,
    )
  }
  return {
    volumeId: volume.id,
    guest: request.guest,
    sharing: request.sharing,
    mode: request.mode,
    slot:
      request.slot === undefined
        ? freeSlot(volume.leaf, request.guest, disks, slots)
        : askedSlot(request.slot, request.guest, disks, slots),
    lun: seen.usesLun
      ? (lunOnMachine(seen.records, request.guest.machine) ?? preferredLun(volume.leaf))
      : undefined,
    sizeBytes: volume.sizeBytes,
    written: isWritten(volume),
  }
}

/** Whether anything was written to the volume, as ZFS counts it now. */
export function isWritten(volume: Volume): boolean {
  return volume.referencedBytes > volume.blankBytes
}

// One view serves all guests of a machine, so they share its number.
function lunOnMachine(records: readonly Attachment[], machine: string): number | undefined {
  return records.find(record => record.guest.machine === machine)?.lun
}

/**
 * The slots of a machine, and those of the guest that other attachments have: by their names,
 * recorded or chosen a moment ago.
 */
export interface SlotChoice {
  readonly first: number
  readonly count: number
  readonly others: ReadonlyMap<string, number>
}

/**
 * Another slot for a recorded attachment that is not live, where another disk of the guest has
 * taken the recorded one meanwhile (after a power cycle, or two attachments that chose at the same
 * moment); undefined where the recorded one can stay.
 */
export function planNewSlot(
  attachment: Attachment,
  seen: { leaf: string; state: MachineState; slots: SlotChoice },
): number | undefined {
  const disks = seen.state.disks.filter(disk => disk.guest === attachment.guest.guest)
  return isSlotLost(attachment, seen)
    ? freeSlot(seen.leaf, attachment.guest, disks, seen.slots)
    : undefined
}

/** Whether planNewSlot will choose one. */
export function isSlotLost(
  attachment: Attachment,
  { leaf, state }: { leaf: string; state: MachineState },
): boolean {
  const disks = state.disks.filter(disk => disk.guest === attachment.guest.guest)
  const own = attachmentName(leaf, attachment.guest)
  const taken = disks.some(disk => disk.slot === attachment.slot && disk.name !== own)
  return taken && !disks.some(disk => disk.name === own)
}

function freeSlot(
  leaf: string,
  guest: GuestId,
  disks: readonly GuestDisk[],
  slots: SlotChoice,
): number {
  const taken = new Set([...disks.map(disk => disk.slot), ...slots.others.values()])
  const start = preferredSlot(leaf, slots) - slots.first
  for (let step = 0; step < slots.count; step++) {
    const slot = slots.first + ((start + step) % slots.count)
    if (!taken.has(slot)) return slot
  }
  throw new StorageError(
    'no-space',
    `guest ${formatGuestId(guest)} has no free disk number between ${slots.first} and ` +
      `${slots.first + slots.count - 1}; detach one`,
  )
}

function askedSlot(
  slot: number,
  guest: GuestId,
  disks: readonly GuestDisk[],
  slots: SlotChoice,
): number {
  const other =
    disks.find(disk => disk.slot === slot)?.name ??
    [...slots.others].find(([, number]) => number === slot)?.[0]
  if (other !== undefined) {
    throw new StorageError(
      'in-use',
      `guest ${formatGuestId(guest)} has ${other} as disk ${slot} already; ask for another number`,
    )
  }
  return slot
}

/** Whether an exported backend is this volume, by our name or by the device. */
export function speaksOf(
  place: VolumePlace,
  backend: { readonly name: string; readonly device: string },
): boolean {
  return (
    leafOfAttachmentName(backend.name) === place.leaf ||
    place.pool.design.isDeviceOf(place, backend.device)
  )
}

/** Exports and disks of the volume that no recorded attachment explains. */
export interface Strangers {
  readonly backends: readonly ExportedBackend[]
  readonly disks: readonly GuestDisk[]
}

/** `own`: the names that records explain. */
export function findStrangers(
  place: VolumePlace,
  state: MachineState,
  own: ReadonlySet<string>,
): Strangers {
  const backends = state.backends.filter(
    backend => speaksOf(place, backend) && !own.has(backend.name),
  )
  const names = new Set(backends.map(backend => `${backend.name}@${backend.service}`))
  const disks = state.disks.filter(
    disk =>
      (leafOfAttachmentName(disk.name) === place.leaf && !own.has(disk.name)) ||
      disk.backends.some(path => names.has(`${path.name}@${path.service}`)),
  )
  return { backends, disks }
}

/**
 * Removal of strangers, disks first. Only for a volume that is fenced: then nobody loses anything
 * by it.
 */
export function planCleaning(strangers: Strangers): readonly DetachStep[] {
  return [
    ...strangers.disks.map(
      disk => ({ kind: 'remove-disk', name: disk.name, guest: disk.guest }) as const,
    ),
    ...strangers.backends.map(
      backend =>
        ({ kind: 'withdraw-backend', name: backend.name, service: backend.service }) as const,
    ),
  ]
}

export interface ExportPlan {
  /**
   * Backends of ours with another device or other options, used by no disk: they are withdrawn and
   * made anew.
   */
  readonly withdraw: readonly DetachStep[]
  readonly attach: readonly AttachStep[]
}

export function planExport(
  place: VolumePlace,
  seen: {
    volume: Volume
    attachment: Attachment
    machine: PoolMachine
    devices: ReadonlyMap<PoolPath, string>
    state: MachineState
  },
): ExportPlan {
  const { volume, attachment, machine, devices, state } = seen
  const name = attachmentName(place.leaf, attachment.guest)
  const disk = state.disks.find(
    candidate => candidate.guest === attachment.guest.guest && candidate.name === name,
  )
  const withdraw: DetachStep[] = []
  const attach: AttachStep[] = []
  for (const path of machine.paths) {
    const backend = wantedBackend(name, path, devices.get(path) ?? '', {
      volume,
      attachment,
      machine,
    })
    const existing = state.backends.find(
      candidate => candidate.name === name && candidate.service === path.service,
    )
    if (existing !== undefined && sameBackend(existing, backend)) continue
    if (disk !== undefined) {
      throw new StorageError(
        'failed-precondition',
        `volume ${place.volumeId}: disk ${name} of guest ${formatGuestId(attachment.guest)} ` +
          `${existing === undefined ? 'lacks its path' : 'has a path to another device'} ` +
          `through ${path.service}, which a running guest would not take up; detach the volume ` +
          `and attach it again`,
      )
    }
    if (existing !== undefined) {
      withdraw.push({ kind: 'withdraw-backend', name, service: path.service })
    }
    // A further guest of a shared volume: ldm wants to be told that the same device is exported
    // again on purpose.
    const shared = state.backends.some(
      other =>
        other.service === path.service && other.name !== name && other.device === backend.device,
    )
    attach.push({ kind: 'export-backend', backend, shared })
  }
  const first = machine.paths[0]
  if (disk === undefined && first !== undefined) {
    attach.push({
      kind: 'add-disk',
      name,
      guest: attachment.guest.guest,
      slot: attachment.slot,
      timeoutSeconds: volume.parameters.vdiskTimeoutSeconds,
      backend: { name, service: first.service },
    })
  }
  return { withdraw, attach }
}

function wantedBackend(
  name: string,
  path: PoolPath,
  device: string,
  seen: { volume: Volume; attachment: Attachment; machine: PoolMachine },
): ExportedBackend {
  return {
    name,
    service: path.service,
    serviceDomain: path.serviceDomain,
    device,
    mode: seen.attachment.mode,
    shape: seen.volume.parameters.export,
    group: seen.machine.paths.length > 1 ? name : undefined,
  }
}

function sameBackend(a: ExportedBackend, b: ExportedBackend): boolean {
  return a.device === b.device && a.mode === b.mode && a.shape === b.shape && a.group === b.group
}

/** Undefined when the guest holds this disk on these paths; else what is missing. */
export function missingFromLive(
  place: VolumePlace,
  seen: { volume: Volume; attachment: Attachment; machine: PoolMachine; state: MachineState },
): string | undefined {
  const { attachment, machine, state, volume } = seen
  const name = attachmentName(place.leaf, attachment.guest)
  const disk = state.disks.find(
    candidate => candidate.guest === attachment.guest.guest && candidate.name === name,
  )
  if (disk === undefined) return `guest ${formatGuestId(attachment.guest)} has no disk ${name}`
  if (disk.slot !== attachment.slot) {
    return `disk ${name} has number ${disk.slot ?? 'none'}, recorded is ${attachment.slot}`
  }
  for (const path of machine.paths) {
    const backend = state.backends.find(
      candidate => candidate.name === name && candidate.service === path.service,
    )
    const wanted = wantedBackend(name, path, backend?.device ?? '', { volume, attachment, machine })
    if (backend === undefined) return `${path.service} does not export ${name}`
    if (!sameBackend(backend, wanted) || !place.pool.design.isDeviceOf(place, backend.device)) {
      return (
        `${path.service} exports ${backend.device} as ${name}, with other options or ` +
        `another device than this attachment`
      )
    }
  }
  const served = disk.backends.every(
    path => path.name === name && machine.paths.some(known => known.service === path.service),
  )
  return served && disk.backends.length > 0
    ? undefined
    : `disk ${name} is not served by this volume's exports`
}

/** Nothing that attaching does gives a disk another number: only who takes it away first can. */
export function refuseRenumbered(
  place: VolumePlace,
  { guest, slot }: Attachment,
  { disks }: MachineState,
): void {
  const name = attachmentName(place.leaf, guest)
  const disk = disks.find(candidate => candidate.guest === guest.guest && candidate.name === name)
  if (disk === undefined || disk.slot === slot) return
  throw new StorageError(
    'failed-precondition',
    `volume ${place.volumeId}: guest ${formatGuestId(guest)} has its disk ${name} as disk ` +
      `${disk.slot ?? 'without a number'}, recorded is ${slot}: somebody has changed it; detach ` +
      `the volume from that guest and attach it again`,
  )
}

/** Everything that one attachment may have left on a machine, disk first. */
export function planDetach(
  place: VolumePlace,
  guest: GuestId,
  machine: PoolMachine,
  state: MachineState,
): readonly DetachStep[] {
  const name = attachmentName(place.leaf, guest)
  const steps: DetachStep[] = []
  if (state.disks.some(disk => disk.guest === guest.guest && disk.name === name)) {
    steps.push({ kind: 'remove-disk', name, guest: guest.guest })
  }
  const services = new Set([
    ...machine.paths.map(path => path.service),
    ...state.backends.map(backend => backend.service),
  ])
  for (const service of services) {
    if (state.backends.some(backend => backend.name === name && backend.service === service)) {
      steps.push({ kind: 'withdraw-backend', name, service })
    }
  }
  return steps
}
