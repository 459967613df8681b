// A disk of a running guest whose both sides are connected. Its bytes are those of the device that
// dom0 has open; after its removal every access fails.

import { DeviceError, type SimDevice, type VirtualDisk } from '../devices.ts'
import type { Vbd } from './model.ts'
import { indexOf } from './vdev.ts'

export class XenVirtualDisk implements VirtualDisk {
  readonly id: number
  readonly name: string
  readonly mode: 'rw' | 'ro'
  readonly shape = 'full' as const
  readonly holders: VirtualDisk['holders'] = new Map()
  readonly #vbd: Vbd
  readonly #device: SimDevice
  #knownBytes: number

  constructor(vbd: Vbd, device: SimDevice) {
    this.id = indexOf(vbd.number)
    this.name = vbd.vdev
    this.mode = vbd.access === 'w' ? 'rw' : 'ro'
    this.#vbd = vbd
    this.#device = device
    this.#knownBytes = device.sizeBytes
  }

  /** What the store says: the size, or the last one of a device that dom0 has closed. */
  knownBytes(): number {
    if (this.#vbd.close !== undefined) this.#knownBytes = this.#device.sizeBytes
    return this.#knownBytes
  }

  sizeBytes(): number {
    return this.#use().sizeBytes
  }

  read(offset: number, length: number): Buffer {
    return this.#use().read(offset, length)
  }

  write(offset: number, bytes: Uint8Array): void {
    if (this.mode === 'ro') throw new DeviceError('EROFS', `disk ${this.name} is read-only`)
    this.#use().write(offset, bytes)
  }

  file(): string | undefined {
    return this.#use().file
  }

  activeServiceDomain(): string | undefined {
    return this.#vbd.close === undefined ? undefined : 'Domain-0'
  }

  #use(): SimDevice {
    if (this.#vbd.close === undefined) throw new DeviceError('EIO', `disk ${this.name} is gone`)
    return this.#device
  }
}
