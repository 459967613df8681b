// The disk server and client drivers of the simulated machine: which backends are open in which
// service domain, and through which path a guest's bytes go. Behaviour from the illumos sources of
// vds and vdc and from Linux' sunvdc.

import { DeviceError, type DeviceErrorCode, type SimDevice, type VirtualDisk } from '../devices.ts'
import type { SimHost } from '../host.ts'
import type { Volume } from './model.ts'

const ERRNO: Record<DeviceErrorCode, number> = { ENOENT: 2, EIO: 5, ENXIO: 6, EBUSY: 16, EROFS: 30 }

/** A domain that runs disk servers: its host, whether it is up, and its system log. */
export class ServiceDomain {
  readonly name: string
  readonly host: SimHost
  readonly log: string[] = []
  up = true
  #nextPort = 0

  constructor(name: string, host: SimHost) {
    this.name = name
    this.host = host
  }

  nextPort(): number {
    return this.#nextPort++
  }
}

type ExportState =
  | { readonly kind: 'open'; readonly device: SimDevice; readonly close: () => void }
  | { readonly kind: 'missing' } // looked for again at every access
  | { readonly kind: 'dead' } // until the guest is bound again
  | { readonly kind: 'closed' }

/**
 * One volume as one vds has it open for one client, from bind (or add-vdisk) to unbind (or
 * rm-vdisk), on standby paths too.
 */
export class ExportedPath {
  readonly service: ServiceDomain
  readonly vds: string
  readonly volume: Volume
  readonly port: number
  #state: ExportState = { kind: 'closed' }

  constructor(service: ServiceDomain, vds: string, volume: Volume) {
    this.service = service
    this.vds = vds
    this.volume = volume
    this.port = service.nextPort()
  }

  open(): void {
    if (!this.service.up || this.#state.kind === 'open') return
    const missedBefore = this.#state.kind === 'missing'
    const path = this.volume.device
    try {
      const device = this.service.host.device(path)
      if (!device) throw new DeviceError('ENOENT', path)
      const close = device.open(
        `vds ${this.volume.name}@${this.vds}`,
        this.volume.options.includes('excl'),
      )
      this.#state = { kind: 'open', device, close }
      if (missedBefore) this.service.log.push(`vd_setup_vd():  ${path} is now online`)
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      this.#openFailed(path, error.code, missedBefore)
    }
  }

  // ENXIO, ENODEV, ENOENT and EROFS are tried again; any other error leaves the export dead until
  // the guest is bound again.
  #openFailed(path: string, code: DeviceErrorCode, missedBefore: boolean): void {
    const isMissing = code === 'ENOENT' || code === 'ENXIO' || code === 'EROFS'
    this.#state = { kind: isMissing ? 'missing' : 'dead' }
    if (isMissing && !missedBefore) {
      this.service.log.push(
        `vd_setup_vd():  ${path} is currently inaccessible (error ${ERRNO[code]})`,
      )
    } else if (!isMissing) {
      this.service.log.push(
        `vd_setup_vd():  ldi_open_by_name(${path}) = errno ${ERRNO[code]}`,
        `vds_add_vd():  Failed to add vdisk ID ${this.port}`,
      )
    }
  }

  close(): void {
    if (this.#state.kind === 'open') this.#state.close()
    this.#state = { kind: 'closed' }
  }

  use<T>(work: (device: SimDevice) => T): T {
    if (!this.service.up) {
      throw new DeviceError('EIO', `service domain ${this.service.name} does not answer`)
    }
    if (this.#state.kind === 'missing') this.open()
    if (this.#state.kind !== 'open') {
      throw new DeviceError(
        'EIO',
        `${this.volume.name}@${this.vds}: backend is ${this.#state.kind}`,
      )
    }
    return work(this.#state.device)
  }
}

/** A bound vdisk. It belongs to its guest until it is removed; after that every access fails. */
export class LiveDisk implements VirtualDisk {
  readonly id: number
  readonly name: string
  readonly mode: 'rw' | 'ro'
  readonly shape: 'full' | 'slice'
  readonly holders: VirtualDisk['holders'] = new Map()
  /** The configured path first. */
  readonly paths: readonly ExportedPath[]
  #failsOver: boolean
  #selected = 0
  #active = 0
  #removed = false

  constructor(
    id: number,
    name: string,
    paths: readonly [ExportedPath, ...ExportedPath[]],
    failsOver: boolean,
  ) {
    this.id = id
    this.name = name
    this.paths = paths
    this.#failsOver = failsOver
    const { options, device } = paths[0].volume
    this.mode = options.includes('ro') ? 'ro' : 'rw'
    // Any slice of a disk but the whole one is always a single-slice disk (LDoms 1.1 and 3.5
    // guides).
    this.shape =
      options.includes('slice') || /^\/dev\/r?dsk\/c\w+d\d+(s[013-7])?$/.test(device)
        ? 'slice'
        : 'full'
    for (const path of paths) path.open()
  }

  get activePath(): ExportedPath | undefined {
    return this.paths[this.#active]
  }

  sizeBytes(): number {
    return this.#through(device => device.sizeBytes)
  }

  read(offset: number, length: number): Buffer {
    return this.#through(device => (device.raw ?? device).read(offset, length))
  }

  write(offset: number, bytes: Uint8Array): void {
    if (this.mode === 'ro') throw new DeviceError('EROFS', `disk ${this.id} is read-only`)
    this.#through(device => (device.raw ?? device).write(offset, bytes))
  }

  file(): string | undefined {
    return this.#through(device => device.file)
  }

  activeServiceDomain(): string | undefined {
    try {
      return this.#through((device, path) => {
        ;(device.raw ?? device).read(0, Math.min(512, device.sizeBytes))
        return path.service.name
      })
    } catch (error) {
      if (error instanceof DeviceError) return undefined
      throw error
    }
  }

  /**
   * The guest starts again: a path that was switched is forgotten, and so is what the old system
   * had open.
   */
  boot(): void {
    this.#active = this.#selected
    this.holders.clear()
  }

  /**
   * Another path of the same disk is chosen by hand (set-vdisk volume=): at once where the guest
   * can, else at its next start.
   */
  select(index: number): void {
    this.#selected = index
    if (this.#failsOver) this.#active = index
  }

  remove(): void {
    this.#removed = true
    for (const path of this.paths) path.close()
  }

  // A Solaris guest walks its paths in order and stays where it found an answer: no fail-back.
  // Linux probes the first port only.
  #through<T>(work: (device: SimDevice, path: ExportedPath) => T): T {
    if (this.#removed) throw new DeviceError('ENXIO', `disk ${this.id} is gone`)
    let failure: unknown
    for (let tried = 0; tried < (this.#failsOver ? this.paths.length : 1); tried++) {
      const index = (this.#active + tried) % this.paths.length
      const path = this.paths[index]
      if (!path) break
      try {
        const result = path.use(device => work(device, path))
        this.#active = index
        return result
      } catch (error) {
        // A device that refuses a write is a device that answers.
        if (!(error instanceof DeviceError) || error.code === 'EROFS') throw error
        failure = error
      }
    }
    throw failure
  }
}
