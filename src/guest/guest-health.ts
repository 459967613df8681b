// Finds what is wrong with a staged or published volume as its guest sees it: not mounted any more,
// device gone, read-only, not answering. It only reads. A question that the guest does not answer
// is an error, never health.

import { describeError, isStorageError } from '../errors.ts'
import type { Host } from '../shell/host.ts'
import { BlockRecords } from './block-records.ts'
import { Paths } from './paths.ts'
import { describeFailure, type Platform, type Use } from './platform.ts'
import { resolveSpelling } from './spelling.ts'

export interface GuestProblem {
  readonly kind: 'degraded' | 'inaccessible'
  /** One word in CamelCase, the same for the same cause. */
  readonly reason: string
  readonly message: string
}

export interface HealthRequest {
  readonly volumeId: string
  /** Where the volume is staged or published, according to the caller. */
  readonly path: string
  /** Whether the caller asked for it read-only. */
  readonly mode: 'rw' | 'ro' | 'unknown'
}

export class GuestHealth {
  readonly #platform: Platform
  readonly #records: BlockRecords
  readonly #paths: Paths

  constructor({ platform, host }: { readonly platform: Platform; readonly host: Host }) {
    this.#platform = platform
    this.#paths = new Paths(host.shell)
    this.#records = new BlockRecords(this.#paths, platform)
  }

  /** Throws when the guest does not answer. */
  async reach(signal?: AbortSignal): Promise<void> {
    await this.#platform.mounts.readUses(signal)
  }

  /** An empty list means healthy. */
  async inspect(request: HealthRequest, signal?: AbortSignal): Promise<readonly GuestProblem[]> {
    const problems = await this.#look(request, signal)
    return problems.map(({ kind, reason, message }) =>
      problem(kind, reason, `volume ${request.volumeId} at ${request.path}: ${message}`),
    )
  }

  async #look(request: HealthRequest, signal?: AbortSignal): Promise<readonly GuestProblem[]> {
    const path = await resolveSpelling(this.#platform.mounts, request.path, signal)
    const mounted = (await this.#platform.mounts.readUses(signal)).at(path)
    if (mounted?.kind === 'filesystem') {
      return this.#inspectFileSystem(mounted, request.mode, signal)
    }
    const blockPath =
      (await this.#platform.mounts.readDeviceAt(path, signal)) ??
      (await this.#records.readDevice(path, signal))
    if (blockPath === undefined) {
      return [problem('inaccessible', 'MountVanished', 'nothing of the volume is there any more')]
    }
    return this.#inspectDevice(blockPath, signal)
  }

  // Check directory, totals and disk in this order. A file system that was shut down still gives
  // its totals (xfs, recorded). One whose disk has died still lists what is cached.
  async #inspectFileSystem(
    mounted: Use,
    mode: HealthRequest['mode'],
    signal?: AbortSignal,
  ): Promise<readonly GuestProblem[]> {
    const { source, path, state } = mounted
    const failed = (reason: string, what = 'failed') => [
      problem('inaccessible', reason, `the file system ${what}`),
    ]
    const gone = await this.#findGone(source, signal)
    if (gone) return [gone]
    if (state === 'shut-down') return failed('FileSystemShutDown', describeFailure(mounted))
    const directory = await this.#ask('NotAnswering', this.#paths.findFailure(path, signal))
    if (directory.kind === 'problem') return [directory.problem]
    if (directory.answer !== undefined) return failed('NotAnswering', directory.answer)
    const totals = await this.#ask('NotAnswering', this.#platform.fileSystems.measure(path, signal))
    if (totals.kind === 'problem') return [totals.problem]
    const disk = await this.#ask('DeviceUnreadable', this.#platform.disks.touch(source, signal))
    if (disk.kind === 'problem') return [disk.problem]
    if (state === 'turned-readonly') {
      return [problem('degraded', 'TurnedReadOnly', `the file system ${describeFailure(mounted)}`)]
    }
    if (!mounted.readonly || mode === 'ro') return []
    const why =
      mode === 'rw'
        ? 'but was asked for writable'
        : 'and it is not known whether that was asked for'
    return [problem('degraded', 'MountedReadOnly', `the file system is mounted read-only ${why}`)]
  }

  async #inspectDevice(blockPath: string, signal?: AbortSignal): Promise<readonly GuestProblem[]> {
    const gone = await this.#findGone(blockPath, signal)
    if (gone) return [gone]
    const disk = await this.#ask('DeviceUnreadable', this.#platform.disks.touch(blockPath, signal))
    return disk.kind === 'problem' ? [disk.problem] : []
  }

  async #findGone(blockPath: string, signal?: AbortSignal): Promise<GuestProblem | undefined> {
    const identity = await this.#ask(
      'DeviceUnreadable',
      this.#platform.disks.identify(blockPath, signal),
    )
    if (identity.kind === 'problem') return identity.problem
    if (identity.answer !== undefined) return undefined
    return problem(
      'inaccessible',
      'DeviceGone',
      `device ${blockPath} has gone; check that the volume is attached`,
    )
  }

  // The guest has just answered other questions, so it is the volume that does not answer.
  async #ask<T>(reason: string, question: Promise<T>): Promise<Answer<T>> {
    try {
      return { kind: 'answer', answer: await question }
    } catch (error) {
      if (!isStorageError(error)) throw error
      return {
        kind: 'problem',
        problem: problem('inaccessible', reason, describeError(error)),
      }
    }
  }
}

type Answer<T> =
  | { readonly kind: 'answer'; readonly answer: T }
  | { readonly kind: 'problem'; readonly problem: GuestProblem }

function problem(kind: GuestProblem['kind'], reason: string, message: string): GuestProblem {
  return { kind, reason, message }
}
