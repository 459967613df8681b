// The disk server and client drivers of the simulated machine: which backends a service domain has
// open, and which path a guest's bytes take. Source: vds and vdc of illumos, and sunvdc of Linux.

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
  | { readonly kind: 'missing' } // opened again at every access
  | { readonly kind: 'dead' } // fails until the guest is bound again
  | { readonly kind: 'closed' }

/**
 * One volume that a vds has open for one client, from bind (or add-vdisk) to unbind (or rm-vdisk).
 * Standby paths are open, too.
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

  // Source: vds.c. After ENXIO, ENODEV, ENOENT and EROFS vds tries again; after any other error the
  // export is dead until the guest is bound again.
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

/** The disk of a bound vdisk. After its removal every access fails. */
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
    // Documented (LDoms 1.1 and 3.5 guides): every slice except s2 is exported as a single-slice
    // disk.
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

  /** After a boot the guest uses the selected path again, and has nothing open. */
  boot(): void {
    this.#active = this.#selected
    this.holders.clear()
  }

  /**
   * Selects another path of the disk (`set-vdisk volume=`): at once if the guest fails over, else
   * at its next boot.
   */
  select(index: number): void {
    this.#selected = index
    if (this.#failsOver) this.#active = index
  }

  remove(): void {
    this.#removed = true
    for (const path of this.paths) path.close()
  }

  // A Solaris guest tries its paths in order and keeps the one that answers, without fail-back.
  // Linux uses the first port only.
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
        // A device that refuses a write does answer, so the guest does not fail over.
        if (!(error instanceof DeviceError) || error.code === 'EROFS') throw error
        failure = error
      }
    }
    throw failure
  }
}
