// The two maps that the orchestrator carries from the controller to the node plugin. This file
// writes and reads both. Users of the cluster can read them: no secrets. The orchestrator adds keys
// of its own, so unknown keys are ignored.

import { LARGEST_DISK_NUMBER } from '../model/guest-disks.ts'
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
   * Only a context that this driver wrote allows formatting. A hand-made PV has no context, so its
   * volume is never formatted.
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
 * A disk number that the caller asks for by a key of the volume context. `apply` takes it from an
 * annotation, a hand-made PV from an attribute. Numbers below 100 are the administrators' unless
 * the caller asks for one.
 */
export function parseWantedSlot(context: TextMap): number | undefined {
  const { vdiskNumber } = context
  if (vdiskNumber === undefined) return undefined
  const slot = /^\d{1,3}$/.test(vdiskNumber) ? Number(vdiskNumber) : Number.NaN
  if (!(slot <= LARGEST_DISK_NUMBER)) {
    throw invalid(
      'volume_context',
      `has vdiskNumber ${JSON.stringify(vdiskNumber)}, which is not a number from 0 to ` +
        `${LARGEST_DISK_NUMBER}`,
    )
  }
  return slot
}

export function formatPublishContext(attachment: Attachment): TextMap {
  const { slot, sizeBytes, written, little, mode, content, grownTo } = attachment
  return {
    ...{ vdisk: String(slot), sizeBytes: String(sizeBytes), written: String(written), mode },
    ...(little === undefined ? {} : { little: String(little) }),
    ...(grownTo === undefined ? {} : { grownTo: String(grownTo) }),
    ...(content === undefined ? {} : { contentOf: content.of }),
    ...(content?.bornSeconds === undefined ? {} : { born: String(content.bornSeconds) }),
  }
}

export interface PublishContext {
  readonly slot: number
  readonly sizeBytes: number
  /** Its size at ControllerPublishVolume, if it had grown after the guest got the disk. */
  readonly grownTo: number | undefined
  readonly written: boolean
  /** Contexts of earlier versions do not have it. */
  readonly little: boolean | undefined
  readonly mode: AttachMode
  /** Contexts of earlier versions have neither. */
  readonly contentOf: string | undefined
  readonly bornSeconds: number | undefined
}

export function parsePublishContext(context: TextMap): PublishContext {
  return {
    slot: parseNumber(context, 'vdisk'),
    sizeBytes: parseNumber(context, 'sizeBytes'),
    grownTo: context.grownTo === undefined ? undefined : parseNumber(context, 'grownTo'),
    written: parseChoice(context, 'written', ['true', 'false']) === 'true',
    little:
      context.little === undefined
        ? undefined
        : parseChoice(context, 'little', ['true', 'false']) === 'true',
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
    throw invalid('publish_context', `lacks the number ${key} that ControllerPublishVolume returns`)
  }
  return Number(text)
}

function parseChoice<T extends string>(context: TextMap, key: string, choices: readonly T[]): T {
  const choice = choices.find(each => each === context[key])
  if (choice === undefined) {
    throw invalid(
      'publish_context',
      `lacks ${key} (${choices.join(' or ')}) that ControllerPublishVolume returns`,
    )
  }
  return choice
}
