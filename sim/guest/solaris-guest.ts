// A simulated Solaris guest: device links, labels, UFS, lofs and the tools that the node plugin
// runs. Its resource coordinator vetoes the removal of a mounted disk; the guest puts the rows for
// that into the disk's holders. Messages are from illumos sources (umount.c, mount.c and fsck of
// ufs, fstyp, df) unless a comment says recalled.

import { DeviceError, type VirtualDisk } from '../devices.ts'
import type { SimAnswer, SimHost } from '../host.ts'
import { octalDump, parseBlockRead } from './block-reads.ts'
import type { Region } from './file-system.ts'
import { type GuestOptions, SimGuest, type SimMount } from './guest.ts'
import { answer, NameTree, refuse, unsupported } from './names.ts'
import { SolarisDisks } from './solaris-disks.ts'
import { SolarisFileSystems } from './solaris-file-systems.ts'

export interface SolarisGuestOptions extends GuestOptions {
  /**
   * Controller number of the virtual disks: 0 on most guests, higher if the guest found another
   * controller first.
   */
  readonly controller: number
}

export class SimSolarisGuest extends SimGuest {
  readonly names: NameTree
  readonly solarisDisks: SolarisDisks

  constructor(host: SimHost, options: SolarisGuestOptions) {
    super(host, options)
    this.solarisDisks = new SolarisDisks(() => this.disks.list(), options.controller)
    this.names = new NameTree(
      {
        text: path => (path === '/etc/mnttab' ? this.#mountTable() : undefined),
        list: path =>
          path === '/dev/dsk' || path === '/dev/rdsk' ? this.solarisDisks.names() : undefined,
        entry: path => this.solarisDisks.link(path),
        isMountPoint: path => this.mountAt(path) !== undefined,
        failure: path => {
          const mount = this.mountAt(path)
          return mount && this.failureOf(mount) === 'shut-down'
            ? { words: 'I/O error', remembers: false }
            : undefined
        },
      },
      {
        inaccessible: (_tool, path, words) => `${path}: ${words}`,
        rmdirRefusal: (path, reason) => `rmdir: directory "${path}": ${RMDIR_REASONS[reason]}`,
      },
    )
    this.table = [...this.systemMounts()]
    this.disksChanged()
    const fileSystems = new SolarisFileSystems(this, this.mountTable())
    for (const [name, program] of [
      ...this.names.programs(),
      ...this.solarisDisks.programs(),
      ...fileSystems.programs(),
    ]) {
      host.programs.set(name, program)
    }
    host.programs.set('od', args => this.#od(args))
    host.programs.set('dd', args => this.#dd(args))
    host.programs.set('fuser', args => this.#fuser(args))
  }

  override formatCount(id: number): number {
    const disk = this.disk(id)
    return disk && this.solarisDisks.label(disk) ? super.formatCount(id) : 0
  }

  override region(disk: VirtualDisk): Region {
    return this.solarisDisks.region(disk)
  }

  protected override booted(): void {}

  protected override disksChanged(): void {
    this.solarisDisks.changed()
  }

  protected override systemMounts(): readonly SimMount[] {
    const system = { disk: undefined, root: '/', what: 'system' } as const
    return [
      {
        path: '/',
        type: 'zfs',
        source: 'rpool/ROOT/solaris',
        options: ['rw', 'devices', 'setuid', 'exec', 'xattr', 'dev=4750002'],
        ...system,
      },
      { path: '/devices', type: 'devfs', source: '/devices', options: ['dev=8880000'], ...system },
      { path: '/proc', type: 'proc', source: 'proc', options: ['dev=8940000'], ...system },
      { path: '/etc/mnttab', type: 'mntfs', source: 'mnttab', options: ['dev=8980001'], ...system },
    ]
  }

  // An open slice prevents the removal of the disk, but the coordinator has no reason to print.
  protected override opened(path: string, process: number): void {
    this.solarisDisks.slice(path)?.disk.holders.set(`open ${process}`, undefined)
  }

  protected override closed(path: string, process: number): void {
    this.solarisDisks.slice(path)?.disk.holders.delete(`open ${process}`)
  }

  #mountTable(): string {
    const time = Math.floor(this.nowMs() / 1000)
    const rows = this.table.map(mount =>
      [mount.source, mount.path, mount.type, mount.options.join(','), String(time)].join('\t'),
    )
    return rows.map(row => `${row}\n`).join('')
  }

  #od(args: readonly string[]): SimAnswer {
    const [option, count, path = ''] = args
    if (option !== '-N' || !/^\d+$/.test(count ?? '') || args.length !== 3) {
      return unsupported('od', args)
    }
    const found = this.solarisDisks.slice(path)
    // Recalled: od prints the file and the text of errno.
    if (!found) return refuse(1, `od: cannot open ${path}: No such file or directory`)
    try {
      return answer(octalDump(this.solarisDisks.readSlice(found.disk, found.slice, Number(count))))
    } catch (error) {
      if (error instanceof DeviceError) return refuse(1, `od: cannot open ${path}: I/O error`)
      throw error
    }
  }

  // Recalled: dd prints the file and the call that failed.
  #dd(args: readonly string[]): SimAnswer {
    const request = parseBlockRead(args)
    if (!request) return unsupported('dd', args)
    const found = this.solarisDisks.slice(request.path)
    if (!found) return refuse(2, `dd: ${request.path}: open: No such file or directory`)
    try {
      this.solarisDisks.readSlice(found.disk, found.slice, request.bytes)
      return { exitStatus: 0, stdout: '', stderr: '1+0 records in\n1+0 records out\n' }
    } catch (error) {
      if (error instanceof DeviceError) {
        return refuse(2, 'read: I/O error\n0+0 records in\n0+0 records out')
      }
      throw error
    }
  }

  // `-d` finds the users of any slice of the device. Process numbers go to standard output, the
  // name to standard error (recalled: fuser(1M)).
  #fuser(args: readonly string[]): SimAnswer {
    const [option, path = ''] = args
    if (option !== '-d' || args.length !== 2) return unsupported('fuser', args)
    const disk = this.solarisDisks.slice(path)?.disk
    if (!disk) return refuse(1, `fuser: ${path}: No such file or directory`)
    const processes = [...disk.holders.keys()].flatMap(key => key.match(/^open (\d+)$/)?.[1] ?? [])
    return {
      exitStatus: 0,
      stdout: processes.map(process => `    ${process}o`).join(''),
      stderr: `${path}: \n`,
    }
  }
}

// Recalled: rmdir(1).
const RMDIR_REASONS = {
  missing: 'Directory does not exist',
  mounted: 'Directory is a mount point or in use',
  'not-a-directory': 'Path component not a directory',
}
