// From a disk to a mounted file system: proves whose it is, has it formatted where that is allowed,
// repairs, mounts, grows.

import { isStorageError } from '../errors.ts'
import { checkMountOptions } from '../model/mount-options.ts'
import type { Formatting } from './formatting.ts'
import type { Marks } from './marks.ts'
import { pathsBesides, unmountWhole } from './mounts.ts'
import type { Paths } from './paths.ts'
import { describeFailure, type GuestDevice, type Platform, type UseTable } from './platform.ts'
import { nameDisk, Refusal } from './refusal.ts'
import type { MountedRequest } from './requests.ts'
import type { UseNotes } from './use-notes.ts'

interface MountingOptions {
  readonly platform: Platform
  readonly paths: Pick<Paths, 'ensureDirectory' | 'findFailure'>
  readonly notes: UseNotes
  readonly marks: Marks
  readonly formatting: Formatting
}

/** A mount as it was before, and how the volume is wanted. */
interface Plan {
  readonly request: MountedRequest
  readonly uses: UseTable
  readonly readonly: boolean
}

export class Mounting {
  readonly #platform: Platform
  readonly #paths: MountingOptions['paths']
  readonly #notes: UseNotes
  readonly #marks: Marks
  readonly #formatting: Formatting

  constructor(options: MountingOptions) {
    this.#platform = options.platform
    this.#paths = options.paths
    this.#notes = options.notes
    this.#marks = options.marks
    this.#formatting = options.formatting
  }

  /**
   * Mounts the device at the staging path, with a file system. Mounted there already is success; it
   * still grows.
   */
  async mount(device: GuestDevice, request: MountedRequest, signal?: AbortSignal): Promise<void> {
    this.#checkFormat(device, request)
    const { stagingPath: path, format } = request
    const readonly = request.mode === 'ro' || format.mountOptions.includes('ro')
    const uses = await this.#platform.mounts.readUses(signal)
    const plan = { request, uses, readonly }
    let fresh = false
    let type = confirmStaged(uses, device, { path, type: format.type, readonly })
    if (type !== undefined && (await this.#removeFailed(device, plan, signal))) type = undefined
    if (type === undefined) {
      const prepared = await this.#prepare(device, plan, signal)
      type = prepared.type
      fresh = prepared.fresh
      await this.#mountAnew(device, { ...plan, type }, signal)
    }
    if (readonly || fresh) return
    // A layout that somebody else made is used as it is: the data is there, and whoever asks for
    // growth is told.
    await this.#platform.contents.widen(device, signal)
    try {
      await this.#platform.fileSystems.grow(device, { path, type }, signal)
    } catch (error) {
      // It is mounted, and its data can be used as it is; whoever asks for growth is told. What may
      // yet go on is not over.
      if (!isStorageError(error) || error.kind === 'unavailable') throw error
    }
  }

  #checkFormat(device: GuestDevice, { volumeId, format }: MountedRequest): void {
    checkMountOptions(nameDisk(volumeId, device.slot), format.mountOptions)
    const { types } = this.#platform.fileSystems
    if (format.type !== '' && !types.includes(format.type)) {
      throw new Refusal(
        'unsupported',
        `this guest cannot use ${format.type}, only ${types.join(' and ')}`,
      )
    }
  }

  /**
   * A mount outlives its disk: after an error, or when the disk was taken away and came back, it is
   * in the table and does not work. Unmounted, the file system can be repaired and mounted anew.
   * True when that was done.
   */
  async #removeFailed(
    device: GuestDevice,
    { request: { stagingPath }, uses }: Plan,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const failure =
      describeFailure(uses.at(stagingPath, device)) ??
      (await this.#paths.findFailure(stagingPath, signal))
    if (failure === undefined) return false
    const others = pathsBesides(uses, device, stagingPath)
    if (others.length > 0) {
      throw new Refusal(
        'failed-precondition',
        `the file system at ${stagingPath} ${failure}; unpublish it at ` +
          `${others.join(', ')}, so that it can be unmounted and repaired`,
      )
    }
    await unmountWhole(this.#platform.mounts, stagingPath, signal)
    return true
  }

  /** Repairs the file system of the disk, or makes it. */
  async #prepare(
    device: GuestDevice,
    { request, uses, readonly }: Plan,
    signal?: AbortSignal,
  ): Promise<{ readonly type: string; readonly fresh: boolean }> {
    const elsewhere = pathsBesides(uses, device, request.stagingPath)
    if (elsewhere.length > 0) {
      throw new Refusal(
        'failed-precondition',
        `${device.blockPath} is mounted at ${elsewhere.join(', ')}; unmount it there`,
      )
    }
    const content = await this.#platform.contents.read(device, signal)
    this.#marks.refuseMark(content.mark, device, request)
    const wanted = request.format.type
    if (content.kind === 'filesystem') {
      const type = expectType(device, content.type, wanted)
      if (!readonly) await this.#platform.fileSystems.check(device, type, signal)
      return { type, fresh: false }
    }
    const type = wanted || (this.#platform.fileSystems.types[0] ?? '')
    await this.#formatting.formatBlank(device, { content, uses, request, type }, signal)
    return { type, fresh: true }
  }

  async #mountAnew(
    device: GuestDevice,
    { request, type, readonly }: Plan & { readonly type: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const path = request.stagingPath
    // Before anybody can write to it: from here on its disk is never blank by itself.
    await this.#notes.noteUsed(request, signal)
    await this.#paths.ensureDirectory(path, signal)
    const options = request.format.mountOptions.filter(option => option !== 'ro' && option !== 'rw')
    const diskReadonly = (request.attached ?? request.mode) === 'ro'
    await this.#platform.mounts.mount(
      device,
      { path, type, readonly, diskReadonly, copy: !request.createdEmpty, options },
      signal,
    )
    const after = await this.#platform.mounts.readUses(signal)
    if (confirmStaged(after, device, { path, type, readonly }) === undefined) {
      throw new Refusal('unavailable', `${path} was mounted and is not in the mount table`)
    }
  }
}

function expectType(device: GuestDevice, found: string, wanted: string): string {
  if (wanted === '' || wanted === found) return found
  throw new Refusal(
    'failed-precondition',
    `${device.blockPath} holds ${found}, not ${wanted}; ask for ${found}`,
  )
}

/**
 * The type that is mounted at the path, if it is this device in the wanted way; undefined when
 * nothing is there.
 */
function confirmStaged(
  uses: UseTable,
  device: GuestDevice,
  wanted: { readonly path: string; readonly type: string; readonly readonly: boolean },
): string | undefined {
  const there = uses.at(wanted.path, device)
  if (!there) return undefined
  if (there.kind !== 'filesystem' || there.identity !== device.identity) {
    throw new Refusal(
      'already-exists',
      `${wanted.path} is taken by ${there.source} (${there.type})`,
    )
  }
  if (wanted.type !== '' && there.type !== wanted.type) {
    throw new Refusal(
      'already-exists',
      `staged at ${wanted.path} with ${there.type}, not ${wanted.type}`,
    )
  }
  if (there.readonly !== wanted.readonly) {
    const how = there.readonly ? 'read-only' : 'writable'
    throw new Refusal(
      'already-exists',
      `staged at ${wanted.path} ${how}; unstage it before staging it otherwise`,
    )
  }
  return there.type
}
