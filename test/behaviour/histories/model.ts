// What an orchestrator knows of its volumes: what it was told, and where it was told nothing
// certain. Pure data and its rules; it asks neither the driver nor the simulation.

import {
  formatSnapshotId,
  formatVolumeId,
  snapshotLeaf,
  volumeLeaf,
} from '../../../src/model/ids.ts'
import type { Attachment, Snapshot, VolumeFormat, VolumeSpec } from '../../../src/model/volumes.ts'

const CLUSTER = 'test'

/** `unsure`: an answer was lost. Nobody but the driver can tell what became of it. */
export type Certainty = 'yes' | 'no' | 'unsure'

/**
 * What can be read from a volume: `blank`, `raw:<text>` on a raw block volume, `<type>:<text>` in a
 * file system. More than one value where the orchestrator cannot know which.
 */
export type Contents = ReadonlySet<string>

export const BLANK: Contents = new Set(['blank'])

export class AttachmentBelief {
  readonly guest: string
  /** `unsure` also while a removal is. */
  exists: Exclude<Certainty, 'no'> = 'unsure'
  mode: 'rw' | 'ro'
  sharing: 'exclusive' | 'shared'
  /** The answer of the attachment that succeeded. */
  answer: Attachment | undefined
  staged: Certainty = 'no'
  published: Certainty = 'no'
  publishedReadonly = false

  constructor(guest: string, mode: 'rw' | 'ro', sharing: 'exclusive' | 'shared') {
    this.guest = guest
    this.mode = mode
    this.sharing = sharing
  }
}

export class VolumeBelief {
  readonly name: string
  readonly pool: string
  readonly leaf: string
  readonly id: string
  exists: Certainty = 'no'
  /** Of the creation that succeeded, or that was tried. */
  spec: VolumeSpec | undefined
  sizes = { least: 0, most: 0 }
  contents: Contents = BLANK
  readonly attachments = new Map<string, AttachmentBelief>()

  constructor(pool: string, name: string) {
    this.pool = pool
    this.name = name
    this.leaf = volumeLeaf(CLUSTER, pool, name)
    this.id = formatVolumeId(pool, this.leaf)
  }

  get isBlock(): boolean {
    return this.spec?.format.kind === 'block'
  }

  get createdEmpty(): boolean {
    return this.spec?.source.kind === 'empty'
  }

  get sizeIsCertain(): boolean {
    return this.sizes.least === this.sizes.most
  }

  stagingPath(): string {
    return `/var/lib/ldom-csi/staging/${this.leaf}`
  }

  targetPath(): string {
    return `/srv/${this.leaf}`
  }

  /** It is certainly gone, or was never there: whatever is made under its name begins anew. */
  forget(): void {
    this.exists = 'no'
    this.spec = undefined
    this.contents = BLANK
    this.attachments.clear()
  }
}

export class SnapshotBelief {
  readonly name: string
  readonly leaf: string
  exists: Certainty = 'no'
  /** Of the creation that succeeded, or that was tried. */
  volume: VolumeBelief | undefined
  contents: Contents = BLANK
  sizes = { least: 0, most: 0 }
  format: VolumeFormat = { kind: 'block' }
  answer: Snapshot | undefined

  constructor(name: string) {
    this.name = name
    this.leaf = snapshotLeaf(CLUSTER, name)
  }

  id(): string {
    return formatSnapshotId(this.volume?.id ?? '', this.leaf)
  }
}

const VOLUMES = {
  silver: ['pvc-1', 'pvc 2|=', 'pvc-ü'],
  gold: ['pvc-1', '-pvc-2', 'pvc-3', 'pvc-4'],
} as const
const SNAPSHOTS = ['snap-1', 'snap 2', 'snap-3']

export class Model {
  readonly volumes: readonly VolumeBelief[] = Object.entries(VOLUMES).flatMap(([pool, names]) =>
    names.map(name => new VolumeBelief(pool, name)),
  )
  readonly snapshots: readonly SnapshotBelief[] = SNAPSHOTS.map(name => new SnapshotBelief(name))

  /** Volumes that the orchestrator may use: their creation was answered. */
  usable(): readonly VolumeBelief[] {
    return this.volumes.filter(volume => volume.exists === 'yes')
  }

  attachments(): readonly (readonly [VolumeBelief, AttachmentBelief])[] {
    return this.volumes.flatMap(volume =>
      [...volume.attachments.values()].map(attachment => [volume, attachment] as const),
    )
  }

  staged(): readonly (readonly [VolumeBelief, AttachmentBelief])[] {
    return this.attachments().filter(([, attachment]) => attachment.staged === 'yes')
  }

  /**
   * From now on this, and nothing else, is on the volume. A copy whose making was not answered may
   * show it or what was there before.
   */
  wrote(volume: VolumeBelief, content: string): void {
    this.narrow(volume, content)
    for (const snapshot of this.snapshots) {
      if (snapshot.exists === 'unsure' && snapshot.volume === volume) {
        snapshot.contents = new Set([...snapshot.contents, content])
      }
    }
    for (const clone of this.volumes) {
      const source = clone.spec?.source
      if (clone.exists === 'unsure' && source?.kind === 'volume' && source.id === volume.id) {
        clone.contents = new Set([...clone.contents, content])
      }
    }
  }

  /** It was read. */
  narrow(volume: VolumeBelief, content: string): void {
    volume.contents = new Set([content])
  }
}

export function union(a: Contents, b: Contents): Contents {
  return new Set([...a, ...b])
}
