// Steps of histories that concern volumes and snapshots: what each may be answered, and what the
// orchestrator knows afterwards.

import { formatVolumeContext } from '../../../src/csi/contexts.ts'
import type { ErrorKind } from '../../../src/errors.ts'
import { MiB, type Volume, type VolumeSpec } from '../../../src/model/volumes.ts'
import { volumeSpec } from '../../support/installation.ts'
import { BLANK, type Contents, type SnapshotBelief, union, type VolumeBelief } from './model.ts'
import {
  BrokenPromise,
  choose,
  type Expectation,
  either,
  type Player,
  refusal,
  SUCCESS,
} from './player.ts'
import type { StepOf } from './steps.ts'

interface Fresh {
  readonly contents: Contents
  readonly sizes: { readonly least: number; readonly most: number }
}

export async function create(player: Player, step: StepOf<'create'>): Promise<void> {
  const volume = choose(player.model.volumes, step.volume)
  if (volume === undefined) return
  if (volume.spec !== undefined) return ensure(player, volume, volume.spec)
  const spec = volumeSpec({
    name: volume.name,
    pool: volume.pool,
    size: { requiredBytes: step.megabytes * MiB, limitBytes: 0 },
    format: step.block ? { kind: 'block' } : { kind: 'filesystem', type: 'any' },
    parameters: step.thin ? { reservation: 'thin' } : {},
  })
  await ensure(player, volume, spec)
}

export async function clone(player: Player, step: StepOf<'clone'>): Promise<void> {
  const { model } = player
  const source =
    step.from === 'snapshot'
      ? snapshotSource(
          choose(
            model.snapshots.filter(snapshot => snapshot.exists === 'yes'),
            step.source,
          ),
        )
      : volumeSource(choose(model.usable(), step.source))
  if (source === undefined) return
  const volume = choose(
    model.volumes.filter(
      candidate =>
        candidate.exists === 'no' &&
        candidate.pool === source.volume.pool &&
        candidate !== source.volume,
    ),
    step.volume,
  )
  if (volume === undefined) return
  const spec = volumeSpec({
    name: volume.name,
    pool: volume.pool,
    size: { requiredBytes: step.larger ? source.most + 16 * MiB : 0, limitBytes: 0 },
    format: source.format,
    source: source.source,
  })
  await ensure(player, volume, spec)
}

function snapshotSource(snapshot: SnapshotBelief | undefined) {
  if (snapshot?.volume === undefined) return undefined
  const { sizes, volume, format } = snapshot
  return {
    volume,
    most: sizes.most,
    format,
    source: { kind: 'snapshot', id: snapshot.id() } as const,
  }
}

function volumeSource(volume: VolumeBelief | undefined) {
  if (volume?.spec === undefined) return undefined
  const { sizes, spec, id } = volume
  return { volume, most: sizes.most, format: spec.format, source: { kind: 'volume', id } as const }
}

export async function createAgain(player: Player, step: StepOf<'create again'>): Promise<void> {
  const volume = choose(
    player.model.volumes.filter(({ spec }) => spec !== undefined),
    step.volume,
  )
  if (volume?.spec !== undefined) await ensure(player, volume, volume.spec)
}

/** The same request until it is answered, as often as it takes: always the same answer. */
export async function ensure(
  player: Player,
  volume: VolumeBelief,
  spec: VolumeSpec,
): Promise<void> {
  const fresh = freshFrom(player, spec)
  const expected = expectCreation(player, volume, fresh)
  if (volume.exists !== 'yes') {
    const known = volume.exists === 'unsure'
    volume.contents = known
      ? union(volume.contents, fresh?.contents ?? BLANK)
      : (fresh?.contents ?? BLANK)
    volume.sizes = known
      ? hull(volume.sizes, fresh?.sizes ?? volume.sizes)
      : (fresh?.sizes ?? { least: 0, most: 0 })
  }
  const before = volume.exists
  const answer = await player.call(`creation of ${volume.id}`, expected, () =>
    player.driver.volumes.ensureVolume(spec),
  )
  if (answer.kind === 'success') {
    const other = namesakeOf(player, volume)
    if (other?.exists === 'yes') {
      throw new BrokenPromise(`volume ${volume.id} was made while ${other.id} has its name`)
    }
    return learnVolume(volume, spec, answer.value)
  }
  // Refused for what was asked: nothing was made. Refused for the state of things: something may
  // have been begun.
  const untouched =
    answer.kind === 'refused' &&
    ['already-exists', 'not-found', 'out-of-range', 'invalid-argument'].includes(answer.error)
  if (before === 'yes' || (before === 'unsure' && untouched)) return
  if (untouched) return volume.forget()
  volume.exists = 'unsure'
  volume.spec = spec
}

function learnVolume(volume: VolumeBelief, spec: VolumeSpec, answer: Volume): void {
  const { least, most } = volume.sizes
  if (answer.id !== volume.id) {
    throw new BrokenPromise(`${volume.name} has the id ${answer.id}, not ${volume.id}`)
  }
  if (answer.sizeBytes < least || answer.sizeBytes > most) {
    throw new BrokenPromise(
      `volume ${volume.id} has ${answer.sizeBytes} bytes, not ${least} to ${most}`,
    )
  }
  const told = JSON.stringify([
    answer.name,
    formatVolumeContext(answer),
    answer.source,
    answer.machines,
  ])
  const wanted = JSON.stringify([
    spec.name,
    { name: spec.name, source: spec.source.kind, format: spec.format.kind },
    spec.source,
  ])
  if (!told.startsWith(wanted.slice(0, -1))) {
    throw new BrokenPromise(`volume ${volume.id} is answered as ${told}, asked was ${wanted}`)
  }
  volume.exists = 'yes'
  volume.spec = spec
  volume.sizes = { least: answer.sizeBytes, most: answer.sizeBytes }
}

/** The volume of that name in another pool. Of the two only one may be there. */
function namesakeOf({ model }: Player, volume: VolumeBelief): VolumeBelief | undefined {
  return model.volumes.find(other => other !== volume && other.name === volume.name)
}

function expectCreation(
  player: Player,
  volume: VolumeBelief,
  fresh: Fresh | undefined,
): Expectation {
  switch (volume.exists) {
    case 'yes':
      // Growth of which no answer came is completed by asking for it again, and by nothing else.
      return volume.sizeIsCertain ? SUCCESS : either('failed-precondition')
    case 'unsure':
      return either('already-exists', 'not-found', 'failed-precondition', 'unavailable')
    case 'no': {
      // Deleted, but snapshots or clones keep it.
      if (namesakeOf(player, volume)?.exists === 'yes') return refusal('already-exists')
      if (namesakeOf(player, volume)?.exists === 'unsure') {
        return either('already-exists', 'not-found', 'unavailable')
      }
      if (player.hasDataset(volume)) {
        return player.isDisturbed ? either('already-exists') : refusal('already-exists')
      }
      return fresh === undefined ? refusal('not-found') : SUCCESS
    }
  }
}

/** What a volume made now would hold; undefined when its source is not there. */
function freshFrom({ model }: Player, { source, size }: VolumeSpec): Fresh | undefined {
  const sized = (sizes: { least: number; most: number }) => ({
    least: Math.max(size.requiredBytes, sizes.least),
    most: Math.max(size.requiredBytes, sizes.most),
  })
  switch (source.kind) {
    case 'empty':
      return { contents: BLANK, sizes: sized({ least: 0, most: 0 }) }
    case 'snapshot': {
      const snapshot = model.snapshots.find(
        candidate => candidate.volume !== undefined && candidate.id() === source.id,
      )
      return snapshot && snapshot.exists !== 'no'
        ? { contents: snapshot.contents, sizes: sized(snapshot.sizes) }
        : undefined
    }
    case 'volume': {
      const volume = model.volumes.find(({ id }) => id === source.id)
      return volume && volume.exists !== 'no'
        ? { contents: volume.contents, sizes: sized(volume.sizes) }
        : undefined
    }
  }
}

function hull(a: { least: number; most: number }, b: { least: number; most: number }) {
  return { least: Math.min(a.least, b.least), most: Math.max(a.most, b.most) }
}

export async function createOtherwise(
  player: Player,
  step: StepOf<'create otherwise'>,
): Promise<void> {
  const volume = choose(player.model.usable(), step.volume)
  if (volume?.spec === undefined) return
  const other = player.model.volumes.find(
    candidate => candidate.pool === volume.pool && candidate !== volume,
  )
  if (other === undefined) return
  const changes: Readonly<Record<typeof step.what, Partial<VolumeSpec>>> = {
    size: { size: { requiredBytes: volume.sizes.most + 64 * MiB, limitBytes: 0 } },
    format: { format: volume.isBlock ? { kind: 'filesystem', type: 'any' } : { kind: 'block' } },
    source: { source: { kind: 'volume', id: other.id } },
    parameters: { parameters: { ...volume.spec.parameters, compression: 'on' } },
  }
  const { source } = volume.spec
  const same = step.what === 'source' && source.kind === 'volume' && source.id === other.id
  if (same) return
  const spec = { ...volume.spec, ...changes[step.what] }
  // A source that is not there is said first.
  const kinds = refusal(
    'already-exists',
    ...(spec.source.kind === 'empty' ? [] : (['not-found'] as const)),
  )
  await player.call(`another creation of ${volume.id}`, kinds, () =>
    player.driver.volumes.ensureVolume(spec),
  )
}

export async function remove(player: Player, number: number): Promise<void> {
  const volume = choose(player.model.volumes, number)
  if (volume !== undefined) await deleteVolume(player, volume)
}

export async function deleteVolume(player: Player, volume: VolumeBelief): Promise<void> {
  const attachments = [...volume.attachments.values()]
  const strangers = player.hasLeftovers(volume)
  const answer = await player.call(
    `deletion of ${volume.id}`,
    attachments.some(({ exists }) => exists === 'yes')
      ? refusal('in-use')
      : attachments.length > 0 || strangers
        ? either('in-use')
        : SUCCESS,
    () => player.driver.volumes.deleteVolume(volume.id),
  )
  if (answer.kind === 'success') return volume.forget()
  if (answer.kind === 'refused' || volume.spec === undefined) return
  if (volume.exists === 'no') return
  volume.exists = 'unsure'
}

export async function expand(player: Player, step: StepOf<'expand'>): Promise<void> {
  const volume = choose(
    player.model.volumes.filter(({ exists }) => exists !== 'unsure'),
    step.volume,
  )
  if (volume !== undefined) {
    await expandTo(player, volume, volume.sizes.most + step.byMegabytes * MiB)
  }
}

export async function expandTo(
  player: Player,
  volume: VolumeBelief,
  sizeBytes: number,
): Promise<void> {
  const range = { requiredBytes: Math.max(sizeBytes, MiB), limitBytes: 0 }
  // The service domains of an attachment that was not finished may not see the volume yet.
  const unfinished = [...volume.attachments.values()].some(({ exists }) => exists === 'unsure')
  const full: readonly ErrorKind[] = player.isFull ? ['out-of-range'] : []
  const expected =
    volume.exists !== 'yes'
      ? refusal('not-found')
      : unfinished
        ? either('unavailable', ...full)
        : { ...SUCCESS, kinds: full }
  const answer = await player.call(`growth of ${volume.id}`, expected, () =>
    player.driver.changes.expandVolume(volume.id, range),
  )
  if (volume.exists !== 'yes') return
  if (answer.kind !== 'success') {
    volume.sizes = { least: volume.sizes.least, most: Math.max(sizeBytes, volume.sizes.most) }
    return
  }
  if (answer.value.sizeBytes !== sizeBytes) {
    throw new BrokenPromise(`${volume.id} grew to ${answer.value.sizeBytes}, not ${sizeBytes}`)
  }
  volume.sizes = { least: sizeBytes, most: sizeBytes }
}

export async function snapshot(player: Player, step: StepOf<'snapshot'>): Promise<void> {
  const { model } = player
  const belief = choose(model.snapshots, step.snapshot)
  // A request without an answer is repeated as it was.
  const volume = belief?.exists === 'unsure' ? belief.volume : choose(model.usable(), step.volume)
  if (belief === undefined || volume === undefined) return
  const expected = expectSnapshot(belief, volume)
  if (belief.exists !== 'yes') {
    belief.contents =
      belief.exists === 'unsure' ? union(belief.contents, volume.contents) : volume.contents
    belief.sizes = belief.exists === 'unsure' ? hull(belief.sizes, volume.sizes) : volume.sizes
  }
  const request = { name: belief.name, volumeId: volume.id }
  const answer = await player.call(`snapshot ${belief.name} of ${volume.id}`, expected, () =>
    player.driver.snapshots.createSnapshot(request),
  )
  if (answer.kind !== 'success') {
    if (belief.exists === 'yes' || answer.kind === 'refused') return
    belief.exists = 'unsure'
    belief.volume = volume
    if (volume.spec !== undefined) belief.format = volume.spec.format
    return
  }
  if (belief.exists === 'yes' && JSON.stringify(belief.answer) !== JSON.stringify(answer.value)) {
    throw new BrokenPromise(
      `snapshot ${belief.id()} is answered as ${JSON.stringify(answer.value)}, before as ` +
        `${JSON.stringify(belief.answer)}`,
    )
  }
  belief.exists = 'yes'
  belief.volume = volume
  belief.answer = answer.value
  if (volume.spec !== undefined) belief.format = volume.spec.format
}

function expectSnapshot(belief: SnapshotBelief, volume: VolumeBelief): Expectation {
  if (belief.exists === 'unsure') return either('already-exists', 'not-found')
  if (belief.exists === 'yes' && belief.volume !== volume) {
    return refusal('already-exists', 'not-found')
  }
  return volume.exists === 'yes' ? SUCCESS : either('not-found')
}

export async function deleteSnapshot(
  player: Player,
  belief: SnapshotBelief | undefined,
): Promise<void> {
  if (belief?.volume === undefined) return
  const answer = await player.call(`deletion of snapshot ${belief.id()}`, SUCCESS, () =>
    player.driver.snapshots.deleteSnapshot(belief.id()),
  )
  belief.exists = answer.kind === 'success' ? 'no' : 'unsure'
  if (belief.exists === 'no') belief.volume = undefined
}
