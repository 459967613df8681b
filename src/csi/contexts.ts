// The two maps that travel from the controller to the node plugin through the orchestrator, written
// and read in one place. Both can be read by users of the cluster: no secrets. The orchestrator
// adds keys of its own, so unknown keys are passed over.

import { findVolumeId } from '../model/ids.ts'
import {
  formatGuestParameters,
  type GuestParameters,
  parseGuestParameters,
} from '../model/parameters.ts'
import type { AttachMode, Attachment, Volume } from '../model/volumes.ts'
import { invalid, type TextMap } from './fields.ts'

export function formatVolumeContext(volume: Volume): TextMap {
  return {
    name: volume.name,
    source: volume.source.kind,
    format: volume.format.kind,
    ...formatGuestParameters(volume.parameters),
  }
}

export interface VolumeContext {
  /**
   * Only what this driver wrote itself allows formatting: a volume of a hand-made PV, without
   * context, is never formatted.
   */
  readonly createdEmpty: boolean
  readonly format: 'block' | 'filesystem' | undefined
  readonly parameters: GuestParameters
}

export function parseVolumeContext(context: TextMap): VolumeContext {
  const { source, format } = context
  if (format !== undefined && format !== 'block' && format !== 'filesystem') {
    throw invalid('volume_context', `has the unknown format ${JSON.stringify(format)}`)
  }
  return { createdEmpty: source === 'empty', format, parameters: parseGuestParameters(context) }
}

/**
 * Above 700 Linux has no letters for a disk (sunvdc, source); below 100 is left to administrators
 * unless it is asked for.
 */
const LARGEST_ASKED_SLOT = 700

/**
 * A disk number that the caller asks for, by a key of the volume context: in a manifest of `apply`
 * an annotation, in a hand-made PV an attribute.
 */
export function parseWantedSlot(context: TextMap): number | undefined {
  const { vdiskNumber } = context
  if (vdiskNumber === undefined) return undefined
  const slot = /^\d{1,3}$/.test(vdiskNumber) ? Number(vdiskNumber) : Number.NaN
  if (!(slot <= LARGEST_ASKED_SLOT)) {
    throw invalid(
      'volume_context',
      `has vdiskNumber ${JSON.stringify(vdiskNumber)}, which is not a number from 0 to ` +
        `${LARGEST_ASKED_SLOT}`,
    )
  }
  return slot
}

export function formatPublishContext(attachment: Attachment): TextMap {
  const { slot, sizeBytes, written, mode, content, grownTo } = attachment
  return {
    ...{ vdisk: String(slot), sizeBytes: String(sizeBytes), written: String(written), mode },
    ...(grownTo === undefined ? {} : { grownTo: String(grownTo) }),
    ...(content === undefined ? {} : { contentOf: content.of }),
    ...(content?.bornSeconds === undefined ? {} : { born: String(content.bornSeconds) }),
  }
}

export interface PublishContext {
  readonly slot: number
  readonly sizeBytes: number
  /** Its size when it was published, where it had grown since the guest got the disk. */
  readonly grownTo: number | undefined
  readonly written: boolean
  readonly mode: AttachMode
  /** Both are missing from a context that an earlier version wrote. */
  readonly contentOf: string | undefined
  readonly bornSeconds: number | undefined
}

export function parsePublishContext(context: TextMap): PublishContext {
  return {
    slot: parseNumber(context, 'vdisk'),
    sizeBytes: parseNumber(context, 'sizeBytes'),
    grownTo: context.grownTo === undefined ? undefined : parseNumber(context, 'grownTo'),
    written: parseChoice(context, 'written', ['true', 'false']) === 'true',
    mode: parseChoice(context, 'mode', ['rw', 'ro']),
    contentOf: parseContentOf(context),
    bornSeconds: context.born === undefined ? undefined : parseNumber(context, 'born'),
  }
}

function parseContentOf({ contentOf }: TextMap): string | undefined {
  if (contentOf !== undefined && findVolumeId(contentOf) === undefined) {
    throw invalid(
      'publish_context',
      `has contentOf ${JSON.stringify(contentOf)}, which is no volume id`,
    )
  }
  return contentOf
}

function parseNumber(context: TextMap, key: string): number {
  const text = context[key]
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw invalid('publish_context', `has no number ${key}, as ControllerPublishVolume gives it`)
  }
  return Number(text)
}

function parseChoice<T extends string>(context: TextMap, key: string, choices: readonly T[]): T {
  const choice = choices.find(each => each === context[key])
  if (choice === undefined) {
    throw invalid(
      'publish_context',
      `has no ${key} (${choices.join(' or ')}), as ControllerPublishVolume gives it`,
    )
  }
  return choice
}
