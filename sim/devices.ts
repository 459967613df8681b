// What paths under /dev lead to in the simulated installation: the contract between storage,
// machines and guests.

/** The errno words that device operations fail with, as the tools print them. */
export type DeviceErrorCode = 'EBUSY' | 'EIO' | 'ENXIO' | 'EROFS' | 'ENOENT'

export class DeviceError extends Error {
  readonly code: DeviceErrorCode

  constructor(code: DeviceErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * A device node of one host. Its bytes are those of the volume behind it, so a wrong path shows as
 * wrong data.
 */
export interface SimDevice {
  readonly sizeBytes: number
  /** Unlabelled disks of a SPARC host give EIO to every read through a slice. */
  read(offset: number, length: number): Buffer
  write(offset: number, bytes: Uint8Array): void
  /**
   * The same bytes below the label, as the disk server of the domain addresses a disk; absent where
   * labels do not matter.
   */
  readonly raw?: Pick<SimDevice, 'read' | 'write'> | undefined
  /**
   * Registers a holder (for messages: who); throws DeviceError EBUSY where the device refuses. The
   * returned function lets go.
   */
  open(holder: string, exclusive?: boolean): () => void
  /** The sparse file of the bytes, for loop devices of a Linux guest that are made by root. */
  readonly file: string | undefined
}

/**
 * A virtual disk as its guest has it: one number, one or more paths to a backend. Implemented by
 * the simulated machine.
 */
export interface VirtualDisk {
  readonly id: number
  readonly name: string
  readonly mode: 'rw' | 'ro'
  readonly shape: 'full' | 'slice'
  /**
   * Through the active path; a Solaris guest fails over, a Linux guest stays with its first path.
   * Throws DeviceError when none answers.
   */
  sizeBytes(): number
  read(offset: number, length: number): Buffer
  write(offset: number, bytes: Uint8Array): void
  /** The sparse file behind the active path, if its bytes are in one. */
  file(): string | undefined
  /** Service domain of the active path, undefined when no path answers. */
  activeServiceDomain(): string | undefined
  /**
   * Who has the disk open in the guest, by a key of the guest's choice. `resource` and
   * `information` are the row that the guest's resource coordinator prints when it objects to
   * removal; a plain open has none and still prevents removal (Solaris).
   */
  readonly holders: Map<
    string,
    { readonly resource: string; readonly information: string } | undefined
  >
}

/**
 * The guest's side of a domain: its disks as they come and go. Implemented by the simulated
 * machine, used by simulated guests.
 */
export interface GuestDisks {
  /** Disks of a running guest, by ascending number. Empty while the guest does not run. */
  list(): readonly VirtualDisk[]
  /**
   * Called after a disk came or went, and after the guest started, rebooted or lost power (mounts
   * are gone then).
   */
  onChange(listener: (event: 'disks' | 'boot') => void): void
}
