// What a storage host itself says, for tests that do not trust the driver: raw `zfs` as root.

import type { StorageMachine } from './machine.ts'

/** How the storage host names what has this id, below the parent of all volumes. */
export function leafOf(id: string): string {
  return id.slice(id.indexOf('/') + 1)
}

export class RawZfs {
  readonly machine: StorageMachine
  readonly dataset: string

  constructor(machine: StorageMachine, dataset: string) {
    this.machine = machine
    this.dataset = dataset
  }

  /** The dataset or snapshot of an id. */
  of(id: string): string {
    return `${this.dataset}/${leafOf(id)}`
  }

  /** Values in the order of the names, as `-p` prints them. */
  async get(name: string, ...properties: readonly string[]): Promise<readonly string[]> {
    const line = `zfs get -Hp -o value ${properties.join(',')} ${name}`
    return (await this.machine.succeed(line)).trimEnd().split('\n')
  }

  async number(name: string, property: string): Promise<number> {
    const [value = ''] = await this.get(name, property)
    return Number(value)
  }

  /** Everything below the parent, without its prefix, in the order of `zfs list`. */
  async names(type = 'all'): Promise<readonly string[]> {
    const line = `zfs list -H -r -o name -t ${type} ${this.dataset}`
    const names = (await this.machine.succeed(line)).trimEnd().split('\n')
    return names
      .filter(name => name.startsWith(`${this.dataset}/`))
      .map(name => name.slice(this.dataset.length + 1))
  }

  /** Makes the parent anew: nothing is below it. */
  async renew(): Promise<void> {
    // A zvol that was just closed is busy while udev looks at it.
    const renew = `udevadm settle; zfs destroy -R ${this.dataset}; zfs create ${this.dataset}`
    await this.machine.succeed(
      `for i in 1 2 3 4 5; do { ${renew}; } && exit; sleep 1; done; exit 1`,
    )
  }

  /** Opens the device of a volume, as somebody on the storage host would. Returns what closes it. */
  async hold(id: string): Promise<() => Promise<void>> {
    const device = await this.device(id)
    const begin = `sleep 100000 <${device} >/dev/null 2>&1 & echo $!`
    const pid = (await this.machine.succeed(begin)).trim()
    const isOpen = `readlink /proc/${pid}/fd/0 | grep -q ^/dev/zd`
    await this.machine.succeed(`until ${isOpen}; do sleep 0.1; done`)
    return async () => {
      await this.machine.succeed(`kill ${pid}; udevadm settle`)
    }
  }

  /** The device of a volume, as soon as it is there. */
  async device(id: string): Promise<string> {
    await this.#nodesAppear(this.of(id))
    return `/dev/zvol/${this.of(id)}`
  }

  /** Returns when every volume has its device. */
  nodesAppear(): Promise<void> {
    return this.#nodesAppear(`$(zfs list -H -r -t volume -o name ${this.dataset})`)
  }

  /**
   * On a slow machine udev misses some of the volumes that appear together: OpenZFS fails an open
   * that waits for other commands for more than a second (its parameter `zvol_open_timeout_ms`).
   * udev is told of them once more, one after the other.
   */
  async #nodesAppear(names: string): Promise<void> {
    const tell = 'udevadm trigger --action=add --sysname-match=$(basename $zvol); udevadm settle'
    const again = `for zvol in /sys/block/zd*; do ${tell}; done`
    const wait = `until test -b /dev/zvol/$name; do ${again}; done`
    await this.machine.succeed(`udevadm settle; for name in ${names}; do ${wait}; done`)
  }
}
