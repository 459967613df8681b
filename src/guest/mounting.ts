// From a disk to a mounted file system: checks whose disk it is, has it formatted if that is
// allowed, repairs, mounts and grows it.

import { isStorageError, StorageError } from '../errors.ts'
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

/** The mount table before the mount, and how the volume is wanted. */
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
   * Mounts the device at the staging path with a file system. Already mounted there is success; the
   * file system is still grown.
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
    // The driver uses a layout that somebody else created unchanged: the data is there. A caller
    // who asks for growth gets the error.
    await this.#platform.contents.widen(device, signal)
    try {
      await this.#platform.fileSystems.grow(device, { path, type }, signal)
    } catch (error) {
      // The volume is mounted and usable at its old size. A caller who asks for growth gets the
      // error. Only `unavailable` is passed on: the command may still be running.
      if (!isStorageError(error) || error.kind === 'unavailable') throw error
    }
  }

  #checkFormat(device: GuestDevice, { volumeId, format }: MountedRequest): void {
    checkMountOptions(nameDisk(volumeId, device.slot), format.mountOptions)
    const { types } = this.#platform.fileSystems
    if (format.type !== '' && !types.includes(format.type)) {
      throw new Refusal(
        'unsupported',
        `this guest cannot use ${format.type}; use ${types.join(' or ')}`,
      )
    }
  }

  /**
   * A mount outlives its disk. After an error, or after the disk was detached and attached again,
   * it is still in the table but does not work. Once it is unmounted, the file system can be
   * repaired and mounted again. Returns true if it was unmounted.
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

  /** Repairs the disk's file system, or creates one. */
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
    // Record it before anybody can write to the volume: from now on the disk must not be taken for
    // blank.
    await this.#notes.noteUsed(request, signal)
    await this.#paths.ensureDirectory(path, signal)
    const options = request.format.mountOptions.filter(option => option !== 'ro' && option !== 'rw')
    const diskReadonly = (request.attached ?? request.mode) === 'ro'
    const wanted = { path, type, readonly, diskReadonly, copy: !request.createdEmpty, options }
    await naming(options, () => this.#platform.mounts.mount(device, wanted, signal))
    const after = await this.#platform.mounts.readUses(signal)
    if (confirmStaged(after, device, { path, type, readonly }) === undefined) {
      throw new Refusal(
        'unavailable',
        `${path} was mounted but is not in the mount table; try again`,
      )
    }
  }
}

// The kernel says "bad option" of many troubles, and never which.
async function naming(options: readonly string[], mount: () => Promise<void>): Promise<void> {
  try {
    await mount()
  } catch (error) {
    const isRefused = isStorageError(error, 'failed-precondition', 'invalid-argument', 'internal')
    if (!isRefused || options.length === 0) throw error
    const what = `it could not be mounted with the options ${options.join(', ')}`
    throw new StorageError(error.kind, what, { cause: error })
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
 * The file system type mounted at the path, if it is this device in the wanted way; undefined if
 * nothing is mounted there.
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
      `${wanted.path} is in use: ${there.source} (${there.type}) is mounted there`,
    )
  }
  if (wanted.type !== '' && there.type !== wanted.type) {
    throw new Refusal(
      'already-exists',
      `already staged at ${wanted.path} with ${there.type}, not ${wanted.type}; ask for ` +
        there.type,
    )
  }
  if (there.readonly !== wanted.readonly) {
    const how = there.readonly ? 'read-only' : 'writable'
    throw new Refusal('already-exists', `already staged at ${wanted.path} ${how}; unstage it first`)
  }
  return there.type
}
