// Values of the classes. Their parameters are those of the driver's own table.

import { z } from 'zod'
import {
  MUTABLE_KEYS,
  MUTABLE_PARAMETERS,
  type MutableParameters,
  PARAMETER_KEYS,
  PARAMETERS,
  PLACE_PARAMETERS,
  type VolumeParameters,
} from '../../src/model/parameters.ts'
import { objectName, texts } from './kubernetes.ts'

const COMPRESSION = /^(on|off|lz4|lzjb|zle|zstd|gzip|gzip-[1-9])$/
const RESERVATION = /^(thick|thin)$/

/** Powers of two, as bytes and as KiB. The driver's parser says which of them it takes. */
const BLOCK_SIZES = Array.from({ length: 20 }, (_, power) => 2 ** power).flatMap(size =>
  [`${size}`, `${size}K`, `${size}k`].filter(isBlockSize),
)

function isBlockSize(text: string): boolean {
  try {
    PARAMETERS.blockSizeBytes.parse(text)
    return true
  } catch {
    return false
  }
}

const anyOf = (words: readonly string[]) => new RegExp(`^(${words.join('|')})$`)

// The driver's parser decides; this finds a mistake before anything is installed.
const VALUES: Readonly<Record<keyof VolumeParameters, RegExp>> = {
  blockSizeBytes: anyOf(BLOCK_SIZES),
  compression: COMPRESSION,
  reservation: RESERVATION,
  vdiskTimeoutSeconds: /^[0-9]+$/,
  mkfsOptions: /^[^\n]*$/,
  export: /^(slice|full)$/,
}

const MUTABLE_VALUES: Readonly<Record<keyof MutableParameters, RegExp>> = {
  compression: COMPRESSION,
  reservation: RESERVATION,
  logbias: /^(latency|throughput)$/,
  sync: /^(standard|always)$/,
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

const storageParameters = z.strictObject({
  pool: z.string().min(1).optional().describe(sentence(PLACE_PARAMETERS.pool.meaning)),
  'csi.storage.k8s.io/fstype': z
    .enum(['ext4', 'xfs', 'ufs'])
    .optional()
    .describe(sentence(PLACE_PARAMETERS['csi.storage.k8s.io/fstype'].meaning)),
  ...Object.fromEntries(
    PARAMETER_KEYS.map(key => [
      PARAMETERS[key].name,
      z.string().regex(VALUES[key]).optional().describe(sentence(PARAMETERS[key].meaning)),
    ]),
  ),
})

const attributeParameters = z.strictObject(
  Object.fromEntries(
    MUTABLE_KEYS.map(key => [
      key,
      z
        .string()
        .regex(MUTABLE_VALUES[key])
        .optional()
        .describe(sentence(MUTABLE_PARAMETERS[key].meaning)),
    ]),
  ),
)

const annotations = texts.optional().describe('Annotations of the class.')
const isDefault = (of: string) =>
  z.boolean().optional().describe(`Whether it is the default class of the cluster for ${of}.`)

// Of what mount is never given, the driver has a table (src/model/mount-options.ts).
const mountOption = z
  .string()
  .regex(/^([A-Za-z0-9_][A-Za-z0-9_.:@%+/=-]*|(fs|def|root)?context="[A-Za-z0-9_.:,-]+")$/)

const topologies = z.array(
  z.strictObject({
    matchLabelExpressions: z
      .array(
        z.strictObject({
          key: z.string().describe('`<driver name>/machine`.'),
          values: z.array(z.string()).describe('Machines.'),
        }),
      )
      .describe('What must hold of the place of a volume.'),
  }),
)

const storageClass = z.strictObject({
  default: isDefault('claims'),
  annotations,
  parameters: storageParameters
    .optional()
    .describe('Parameters of the driver. Kubernetes cannot change them later.'),
  reclaimPolicy: z
    .enum(['Delete', 'Retain'])
    .optional()
    .describe(
      'What becomes of a volume whose claim is deleted; `Delete` by default. Kubernetes cannot ' +
        'change it later.',
    ),
  volumeBindingMode: z
    .enum(['WaitForFirstConsumer', 'Immediate'])
    .optional()
    .describe(
      'When a volume is created; `WaitForFirstConsumer` by default, where free space and ' +
        'machines count. Kubernetes cannot change it later.',
    ),
  allowVolumeExpansion: z
    .boolean()
    .optional()
    .describe('Whether claims may grow; true by default.'),
  mountOptions: z.array(mountOption).optional().describe('Options of mount.'),
  allowedTopologies: topologies.optional().describe('Machines to which volumes are limited.'),
})

const snapshotClass = z.strictObject({
  default: isDefault('snapshots of this driver'),
  annotations,
  deletionPolicy: z
    .enum(['Delete', 'Retain'])
    .optional()
    .describe('What becomes of a snapshot whose object is deleted; `Delete` by default.'),
})

export const classShape = {
  storageClasses: z
    .record(objectName, storageClass)
    .describe('StorageClasses by name. Other parameters need a class of another name.'),
  volumeAttributesClasses: z
    .record(
      objectName,
      z.strictObject({
        annotations,
        parameters: attributeParameters.describe(
          'Parameters of the driver. Kubernetes cannot change them later.',
        ),
      }),
    )
    .describe('VolumeAttributesClasses by name: what may change while a volume lives.'),
  volumeSnapshotClasses: z
    .record(objectName, snapshotClass)
    .describe("VolumeSnapshotClasses by name. They need the cluster's snapshot definitions."),
  volumeGroupSnapshotClasses: z
    .record(objectName, snapshotClass)
    .describe('VolumeGroupSnapshotClasses by name: snapshots of several volumes at one moment.'),
}
