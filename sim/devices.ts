// Devices of the simulated installation, behind the paths in /dev: the interfaces between storage,
// machines and guests.

/** The errno of a failed device operation. Each tool prints it in its own words. */
export type DeviceErrorCode = 'EBUSY' | 'EIO' | 'ENXIO' | 'EROFS' | 'ENOENT'

export class DeviceError extends Error {
  readonly code: DeviceErrorCode

  constructor(code: DeviceErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * A device node of one host. Its bytes are those of the volume behind it, so a wrong path gives
 * wrong data.
 */
export interface SimDevice {
  readonly sizeBytes: number
  /** On a SPARC host, every read through a slice of an unlabelled disk fails with EIO. */
  read(offset: number, length: number): Buffer
  write(offset: number, bytes: Uint8Array): void
  /**
   * The whole disk, without regard to its label: what the virtual disk server of the domain uses.
   * Absent where labels do not matter.
   */
  readonly raw?: Pick<SimDevice, 'read' | 'write'> | undefined
  /**
   * Opens the device. `holder` names the user for messages. Throws DeviceError EBUSY when the
   * device refuses. The returned function closes it.
   */
  open(holder: string, exclusive?: boolean): () => void
  /** The sparse file with the bytes, from which a loop device for a Linux guest can be made. */
  readonly file: string | undefined
}

/**
 * A virtual disk as its guest sees it: one number, and one or more paths to a backend. The
 * simulated machine implements it.
 */
export interface VirtualDisk {
  readonly id: number
  readonly name: string
  readonly mode: 'rw' | 'ro'
  readonly shape: 'full' | 'slice'
  /**
   * Size, reads and writes use the active path. A Solaris guest fails over; a Linux guest keeps its
   * first path. They throw DeviceError when no path answers.
   */
  sizeBytes(): number
  read(offset: number, length: number): Buffer
  write(offset: number, bytes: Uint8Array): void
  /** The sparse file behind the active path, if the bytes are in a file. */
  file(): string | undefined
  /** Service domain of the active path, undefined when no path answers. */
  activeServiceDomain(): string | undefined
  /**
   * Who has the disk open in the guest; the guest chooses the keys. A Solaris guest with a holder
   * vetoes the removal of the disk. `resource` and `information` are the row that its resource
   * coordinator then prints; a plain open has no row.
   */
  readonly holders: Map<
    string,
    { readonly resource: string; readonly information: string } | undefined
  >
}

/**
 * The disks of one domain, as its guest sees them. The simulated machine implements it; simulated
 * guests use it.
 */
export interface GuestDisks {
  /** Disks by ascending number; none while the guest does not run. */
  list(): readonly VirtualDisk[]
  /**
   * `disks`: a disk was added or removed. `boot`: the guest started, rebooted or lost power, so its
   * mounts are gone.
   */
  onChange(listener: (event: 'disks' | 'boot') => void): void
}
