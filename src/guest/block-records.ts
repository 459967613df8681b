// Records of raw block volumes. Staging one adds no line to the mount table, and a device node
// published as a link adds none either. So the driver keeps links in the staging directory:
// `device` leads to the device, `target-…` to each path where it was published. The links are hints
// for the next call, never a proof. Check each against the guest before you rely on it.

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
   * Records the device. Already recorded is success. A record of another device dates from when the
   * disk had another number. The caller knows where the volume is now, so the record is replaced,
   * unless a mount still shows the old device.
   */
  async stage(device: GuestDevice, stagingPath: string, signal?: AbortSignal): Promise<void> {
    const covered = (await this.#platform.mounts.readUses(signal)).at(stagingPath)
    if (covered) {
      throw new Refusal(
        'already-exists',
        `${stagingPath} is in use: ${covered.source} (${covered.type}) is mounted there`,
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

  /** Removes the records after checking that nothing uses the device. Not staged is success. */
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
   * Removes published links whose device now belongs to another volume. It does not unmount
   * anything.
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

  /** The device recorded for the staging path. */
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

  /** Recorded targets that still show the device. */
  async liveTargets(
    stagingPath: string,
    device: DeviceAddress,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    return this.showing(await this.#targets(stagingPath, signal), device, signal)
  }

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
