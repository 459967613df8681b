// The commands that each operation needs, as a person would have to type them: what has to be known
// is read, what is asked for is written, with the driver's properties. Names are those of a round.

import { MiB } from '../../src/model/volumes.ts'
import type { Command } from '../../src/shell/shell.ts'
import { MEASURED_PROPERTIES } from '../../src/storage/catalog/blank.ts'
import {
  formatOwnerProperties,
  formatParentProperties,
  formatRecordProperties,
  formatSnapshotProperties,
  READ_PROPERTIES,
  SNAPSHOT_PROPERTIES,
} from '../../src/storage/catalog/properties.ts'

export const SIZE_BYTES = 64 * MiB
const CLUSTER = 'demo'
const BLOCK_BYTES = 16_384
const ZFS = '/usr/sbin/zfs'
const LDM = '/usr/sbin/ldm'
const SERVICE = 'storage-vds0'
const GUEST = { machine: 'm1', guest: 'ldg2' }

/** Where a command runs. */
export type Target = 'storage' | 'control'

export interface Step {
  readonly on: Target
  readonly command: Command
  /** The answer of this status is expected. */
  readonly status: number
}

/** The datasets of one round, below a parent of their own. */
export class RawRound {
  readonly #parent: string
  readonly #volume: string
  readonly #name: string

  constructor(parent: string, round: number) {
    this.#parent = parent
    this.#name = `v-${String(round).padStart(20, 'a')}`
    this.#volume = `${parent}/${this.#name}`
  }

  createVolume(): readonly Step[] {
    return [zfs(...this.#create())]
  }

  createAgain(): readonly Step[] {
    return [{ ...zfs(...this.#create()), status: 1 }, this.#read()]
  }

  #create(): readonly string[] {
    const size = ['-b', String(BLOCK_BYTES), '-V', String(SIZE_BYTES)]
    return ['create', ...size, '-o', 'compression=off', ...volumeProperties(), this.#volume]
  }

  createSnapshot(): readonly Step[] {
    return [zfs('snapshot', ...snapshotProperties(), `${this.#volume}@s`), this.#readSnapshot()]
  }

  cloneSnapshot(): readonly Step[] {
    const own = ['-o', 'compression=off', '-o', 'refreservation=auto', ...volumeProperties()]
    return [
      this.#readSnapshot(),
      zfs('clone', ...own, `${this.#volume}@s`, `${this.#volume}-restored`),
    ]
  }

  cloneVolume(): readonly Step[] {
    const own = ['-o', 'compression=off', '-o', 'refreservation=auto', ...volumeProperties()]
    const hidden = `${this.#volume}@c`
    return [
      this.#read(),
      zfs('snapshot', ...snapshotProperties(), hidden),
      zfs('clone', ...own, hidden, `${this.#volume}-copy`),
      zfs('destroy', '-d', hidden),
    ]
  }

  expand(): readonly Step[] {
    return [this.#read(), zfs('set', `volsize=${2 * SIZE_BYTES}`, this.#volume)]
  }

  capacity(): readonly Step[] {
    return [get(['available'], [this.#parent])]
  }

  publish(): readonly Step[] {
    const attachment = { guest: GUEST, mode: 'rw', sharing: 'exclusive', slot: 7 } as const
    const recorded = { ...attachment, volumeId: '', lun: undefined, sizeBytes: 1, written: false }
    const backend = `/dev/zvol/${this.#volume}`
    return [
      this.#read(this.#record, this.#guestRecord, `${this.#record}/r-aaaaaaaa`),
      LISTING,
      zfs('list', '-H', '-r', '-d', '2', '-t', 'filesystem', '-o', NUMBERS, this.#parent),
      create(this.#record, formatParentProperties(attachment, CLUSTER)),
      create(this.#guestRecord, formatRecordProperties(recorded, CLUSTER)),
      on('storage', ['/usr/bin/test', '-b', backend]),
      on('control', [LDM, 'add-vdsdev', backend, `${this.#name}@${SERVICE}`]),
      on('control', [LDM, 'add-vdisk', 'id=7', this.#name, `${this.#name}@${SERVICE}`, 'ldg2']),
      LISTING,
      this.#read(this.#record, this.#guestRecord, `${this.#record}/r-aaaaaaaa`),
      { ...zfs('get'), status: 2 },
      get(MEASURED_PROPERTIES, [this.#parent, this.#volume, this.#record]),
    ]
  }

  unpublish(): readonly Step[] {
    const released = `${this.#record}/r-aaaaaaaa`
    return [
      this.#read(this.#record, this.#guestRecord, released),
      LISTING,
      zfs('rename', this.#guestRecord, released),
      on('control', [LDM, 'rm-vdisk', this.#name, 'ldg2']),
      on('control', [LDM, 'rm-vdsdev', `${this.#name}@${SERVICE}`]),
      LISTING,
      zfs('destroy', released),
      zfs('destroy', this.#record),
    ]
  }

  deleteSnapshot(): readonly Step[] {
    return [get(SNAPSHOT_PROPERTIES, [this.#parent, `${this.#volume}@s`]), this.#destroy('@s')]
  }

  deleteVolume(): readonly Step[] {
    return [this.#read(), LISTING, this.#destroy('')]
  }

  /** Not measured. */
  deleteClones(): readonly Step[] {
    return [this.#destroy('-restored'), this.#destroy('-copy')]
  }

  get #record(): string {
    return `${this.#parent}/a-${this.#name}`
  }

  get #guestRecord(): string {
    return `${this.#record}/g-aaaaaaaa`
  }

  #destroy(suffix: string): Step {
    return zfs('destroy', `${this.#volume}${suffix}`)
  }

  // A dataset that does not exist is an answer of status 1. The record is missing unless attached.
  #read(...others: readonly string[]): Step {
    const datasets = [this.#parent, this.#volume, this.#record, ...others]
    return { ...get(READ_PROPERTIES, [...new Set(datasets)]), status: 1 }
  }

  #readSnapshot(): Step {
    const names = [...new Set([...READ_PROPERTIES, ...SNAPSHOT_PROPERTIES])]
    return get(names, [this.#parent, this.#volume, `${this.#volume}@s`])
  }
}

const LISTING: Step = on('control', [LDM, 'list-bindings', '-p'])
const NUMBERS = 'name,ldom-csi:machine,ldom-csi:guest,ldom-csi:vdisk'

/** What lists all volumes: names, then the properties of those that were found. */
export function listVolumes(parent: string, datasets: readonly string[]): readonly Step[] {
  return [
    zfs('list', '-H', '-r', '-d', '2', '-t', 'filesystem,volume', ...BY_NAME, parent),
    get(READ_PROPERTIES, [parent, ...datasets]),
    LISTING,
  ]
}

export function listSnapshots(parent: string, snapshots: readonly string[]): readonly Step[] {
  return [
    zfs('list', '-H', '-r', '-d', '2', '-t', 'filesystem,snapshot', ...BY_NAME, parent),
    get(SNAPSHOT_PROPERTIES, [parent, ...snapshots]),
  ]
}

const BY_NAME = ['-o', 'name', '-s', 'name']

function on(target: Target, command: Command): Step {
  return { on: target, command, status: 0 }
}

function zfs(...words: readonly string[]): Step {
  return on('storage', [ZFS, ...words])
}

function get(names: readonly string[], datasets: readonly string[]): Step {
  return zfs('get', '-Hp', '-o', 'name,property,value,source', names.join(','), ...datasets)
}

function create(dataset: string, properties: Readonly<Record<string, string>>): Step {
  return zfs('create', '-o', 'canmount=off', ...options(properties), dataset)
}

function volumeProperties(): readonly string[] {
  const parameters = {
    blockSizeBytes: BLOCK_BYTES,
    compression: 'off',
    reservation: 'thick',
    export: 'full',
    vdiskTimeoutSeconds: 0,
  }
  return options({
    ...formatOwnerProperties(CLUSTER),
    'ldom-csi:name': encoded('pvc-00000000-0000-0000-0000-000000000000'),
    'ldom-csi:format': encoded('{"kind":"filesystem","type":"ext4","options":[]}'),
    'ldom-csi:size': encoded(String(SIZE_BYTES)),
    'ldom-csi:source': encoded('{"kind":"empty"}'),
    'ldom-csi:parameters': encoded(JSON.stringify(parameters)),
    'ldom-csi:state': encoded('live'),
    'ldom-csi:format-version': encoded('1'),
  })
}

const encoded = (text: string) => Buffer.from(text).toString('base64url')

function snapshotProperties(): readonly string[] {
  return options(formatSnapshotProperties({ name: 'snapshot-1', groupId: undefined }, CLUSTER))
}

function options(properties: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(properties).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}
