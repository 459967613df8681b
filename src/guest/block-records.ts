// Raw block volumes leave no line in the mount table when they are staged, and none at all where a
// node is published by a link. So the staging directory holds links: `device` to the device,
// `target-…` to each path it was published at. They are hints for the next call, never a proof:
// each is checked against the guest before it counts.

import { createHash } from 'node:crypto'
import { refuseWhileHeld } from './mounts.ts'
import type { Paths } from './paths.ts'
import type { DeviceAddress, GuestDevice, Platform } from './platform.ts'
import { Refusal } from './refusal.ts'
import type { NotesRead } from './volume-notes.ts'

export class BlockRecords {
  readonly #paths: Paths
  readonly #platform: Platform

  constructor(paths: Paths, platform: Platform) {
    this.#paths = paths
    this.#platform = platform
  }

  /**
   * Notes the device. Noted already is success. Another device noted there is from a time when the
   * disk had another number: the caller knows where the volume is now, so the note is replaced,
   * unless the old device is still shown by a mount.
   */
  async stage(device: GuestDevice, stagingPath: string, signal?: AbortSignal): Promise<void> {
    const covered = (await this.#platform.mounts.readUses(signal)).at(stagingPath)
    if (covered) {
      throw new Refusal(
        'already-exists',
        `${stagingPath} is taken by ${covered.source} (${covered.type})`,
      )
    }
    const noted = await this.readDevice(stagingPath, signal)
    if (noted === device.blockPath) return
    if (noted !== undefined) {
      await this.#removeStaleTargets(noted, stagingPath, signal)
      await this.#paths.remove(deviceLink(stagingPath), signal)
    }
    await this.#paths.ensureDirectory(stagingPath, signal)
    await this.#paths.createLink(deviceLink(stagingPath), device.blockPath, signal)
  }

  /** Removes the notes, after a proof that nothing uses the device. Not staged is success. */
  async unstage(
    staged: { readonly volumeId: string; readonly stagingPath: string; readonly notes: NotesRead },
    signal?: AbortSignal,
  ): Promise<void> {
    const { stagingPath, volumeId, notes } = staged
    const blockPath = await this.readDevice(stagingPath, signal)
    if (blockPath === undefined) return
    const isStale = (notes.ownerOf(blockPath) ?? volumeId) !== volumeId
    const identity = isStale ? undefined : await this.#platform.disks.identify(blockPath, signal)
    if (isStale) await this.#removeStaleTargets(blockPath, stagingPath, signal)
    if (identity !== undefined) {
      const device = { identity, blockPath }
      const live = await this.showing(await this.#targets(stagingPath, signal), device, signal)
      const mounted = (await this.#platform.mounts.readUses(signal)).of(device).map(use => use.path)
      const places = [...new Set([...live, ...mounted])]
      if (places.length > 0) {
        throw new Refusal(
          'busy',
          `${blockPath} is still published at ${places.join(', ')}; unpublish it there`,
        )
      }
      await refuseWhileHeld(this.#platform.disks, device, signal)
    }
    await this.#removeTargetLinks(stagingPath, signal)
    await this.#paths.remove(deviceLink(stagingPath), signal)
  }

  /**
   * Links that were published and lead to what is another volume's disk by now. A mount is not
   * taken away here.
   */
  async #removeStaleTargets(
    blockPath: string,
    stagingPath: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const identity = (await this.#platform.disks.identify(blockPath, signal)) ?? ''
    for (const target of await this.#targets(stagingPath, signal)) {
      if (
        (await this.#platform.mounts.readUses(signal)).at(target, { identity, blockPath })?.kind ===
        'device'
      ) {
        throw new Refusal(
          'busy',
          `${blockPath} is still published at ${target}; unpublish it there`,
        )
      }
      const entry = await this.#paths.readEntry(target, signal)
      if (entry.kind === 'link' && entry.target === blockPath) {
        await this.#paths.remove(target, signal)
      }
    }
    await this.#removeTargetLinks(stagingPath, signal)
  }

  async #removeTargetLinks(stagingPath: string, signal?: AbortSignal): Promise<void> {
    const names = (await this.#paths.list(stagingPath, signal)) ?? []
    for (const name of names.filter(at => at.startsWith('target-'))) {
      await this.#paths.remove(`${stagingPath}/${name}`, signal)
    }
  }

  /** The device staged at the path, as noted. */
  async readDevice(stagingPath: string, signal?: AbortSignal): Promise<string | undefined> {
    const entry = await this.#paths.readEntry(deviceLink(stagingPath), signal)
    return entry.kind === 'link' ? entry.target : undefined
  }

  async addTarget(stagingPath: string, targetPath: string, signal?: AbortSignal): Promise<void> {
    const digest = createHash('sha256').update(targetPath).digest('hex').slice(0, 16)
    const link = `${stagingPath}/target-${digest}`
    const entry = await this.#paths.readEntry(link, signal)
    if (entry.kind === 'absent') await this.#paths.createLink(link, targetPath, signal)
  }

  /** Noted targets that still show the device. */
  async liveTargets(
    stagingPath: string,
    device: DeviceAddress,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    return this.showing(await this.#targets(stagingPath, signal), device, signal)
  }

  /** Which of these paths show the device itself. */
  async showing(
    paths: readonly string[],
    device: DeviceAddress,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    if (paths.length === 0) return []
    const uses = await this.#platform.mounts.readUses(signal)
    const live: string[] = []
    for (const path of paths) {
      const mounted = uses.at(path, device)?.kind === 'device'
      if (
        mounted ||
        (await this.#platform.mounts.readDeviceAt(path, signal)) === device.blockPath
      ) {
        live.push(path)
      }
    }
    return live
  }

  async #targets(stagingPath: string, signal?: AbortSignal): Promise<readonly string[]> {
    const names = (await this.#paths.list(stagingPath, signal)) ?? []
    const targets: string[] = []
    for (const name of names.filter(at => at.startsWith('target-'))) {
      const entry = await this.#paths.readEntry(`${stagingPath}/${name}`, signal)
      if (entry.kind === 'link') targets.push(entry.target)
    }
    return targets
  }
}

function deviceLink(stagingPath: string): string {
  return `${stagingPath}/device`
}
