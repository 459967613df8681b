// Fields of a GuestDisk. `apply` reads the same objects by src/manifests, and a test holds both to
// the same table. Rules are CEL, because the message of a pattern is the pattern.

import { SYSTEM_PATHS } from '../../src/model/guest-disks.ts'

interface Rule {
  readonly rule: string
  readonly message: string
}

const text = (description: string, maxLength: number, ...rules: readonly Rule[]) => ({
  type: 'string',
  description,
  maxLength,
  ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules }),
})

const matches = (pattern: string, message: string): Rule => ({
  rule: `self.matches(r'${pattern}')`,
  message,
})

const matchesNot = (pattern: string, message: string): Rule => ({
  rule: `!self.matches(r'${pattern}')`,
  message,
})

// RE2: its \s is that of ASCII, so other spaces are named by their class.
const PATH_RULES = [
  matches(
    '^(/[^/\\s\\p{Z}\\p{Cc}]+)+$',
    'is not an absolute path below "/", such as /export/orders; it may have no white space and ' +
      'no needless slash',
  ),
  matchesNot('(^|/)[.][.]?(/|$)', 'may have no "." and no ".." between its slashes'),
  matchesNot('[^/]{256,}', 'has a name of more than 255 characters'),
  ...SYSTEM_PATHS.map(path =>
    matchesNot(path, "belongs to the guest's system; mount elsewhere, as below /srv or /export"),
  ),
]

const OPTION_RULES: readonly Rule[] = [
  {
    rule:
      "self.matches(r'^[A-Za-z0-9_][A-Za-z0-9_.:@%+/=-]*$') || " +
      `self.matches(r'^(fs|def|root)?context="[A-Za-z0-9_.:,-]+"$')`,
    message: 'is not one mount option',
  },
  matchesNot(
    '^(X-|verity[.]|r[ow]=)|^(remount|bind|rbind|move|loop|offset|sizelimit|encryption|helper|' +
      'discard|nouuid|norecovery|noload|overlay)(=|$)',
    'is not allowed for a volume',
  ),
]

const SPEC_RULES: readonly Rule[] = [
  {
    rule: 'self == oldSelf',
    message:
      'cannot change; delete this GuestDisk, wait until it is gone, and create one with the new spec',
  },
  {
    rule: '!(has(self.mountPath) && has(self.devicePath))',
    message: 'has both mountPath and devicePath; keep that of the volumeMode of the claim',
  },
  {
    rule: 'has(self.mountPath) || has(self.devicePath) || has(self.vdiskNumber)',
    message:
      'has neither mountPath nor devicePath: only a boot disk, which has a vdiskNumber, needs no path',
  },
  {
    rule: 'has(self.mountPath) || !has(self.mountOptions) || size(self.mountOptions) == 0',
    message: 'has mountOptions and no mountPath: a device has no mount options',
  },
]

export const GUEST_DISK_SPEC = {
  type: 'object',
  description: 'What is wanted. Nothing of it can change: delete the object and create another.',
  required: ['claimName', 'guest'],
  properties: {
    claimName: text(
      'PersistentVolumeClaim of the same namespace.',
      253,
      matches(
        '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
        'is not the name of a claim: lower-case letters, digits, "-", "."',
      ),
    ),
    guest: text(
      'The guest, <machine>/<guest>: the machine as the configuration calls it, the guest as its ' +
        'hypervisor does. The configuration says which namespaces it is given to.',
      320,
      matches('^[^\\s/|=]+/[^\\s/|=]+$', 'is not <machine>/<guest>'),
    ),
    mountPath: text(
      'Where the guest mounts the file system. The claim has volumeMode Filesystem.',
      4095,
      ...PATH_RULES,
    ),
    devicePath: text(
      'Where the guest has a link to the raw device. The claim has volumeMode Block.',
      4095,
      ...PATH_RULES,
    ),
    readOnly: {
      type: 'boolean',
      default: false,
      description: 'Whether the guest may only read.',
    },
    vdiskNumber: {
      type: 'integer',
      format: 'int32',
      minimum: 0,
      maximum: 700,
      description:
        'Number of the disk in the guest; the driver chooses one where there is none. A disk with ' +
        'a number and without a path is a boot disk: it is attached, and the guest may be off.',
    },
    mountOptions: {
      type: 'array',
      description: 'Options of mount, after those of the volume.',
      maxItems: 32,
      items: text('One option.', 1024, ...OPTION_RULES),
    },
  },
  'x-kubernetes-validations': SPEC_RULES,
}

const path = {
  type: 'object',
  required: ['serviceDomain', 'service', 'state'],
  properties: {
    serviceDomain: text('Domain that serves the disk.', 256),
    service: text('Virtual disk server in it.', 256),
    state: {
      type: 'string',
      enum: ['active', 'standby', 'unknown', 'down'],
      description: 'What is known of the path.',
    },
  },
}

const condition = {
  type: 'object',
  required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
  properties: {
    type: text('Bound, Attached, Mounted or Ready.', 316),
    status: {
      type: 'string',
      enum: ['True', 'False', 'Unknown'],
      description: 'Unknown where nobody could look.',
    },
    reason: text('One word for the state, listed in docs/troubleshooting.md.', 1024),
    message: text('The state, and the way out of it.', 32_768),
    lastTransitionTime: {
      type: 'string',
      format: 'date-time',
      description: 'When the status became what it is.',
    },
    observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
  },
}

export const GUEST_DISK_STATUS = {
  type: 'object',
  description: 'What was observed.',
  properties: {
    observedGeneration: { type: 'integer', format: 'int64' },
    conditions: {
      type: 'array',
      description: 'Bound, Attached, Mounted and Ready.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: condition,
    },
    volume: text('The volume, as the driver names it: <pool>/<volume>.', 1024),
    size: text('Size of the volume.', 64),
    vdisk: { type: 'integer', format: 'int32', description: 'Number of the disk in the guest.' },
    device: text('The device in the guest.', 4096),
    paths: { type: 'array', description: 'Ways from the guest to its volume.', items: path },
    pathsWorking: text('Paths that work, of all: 2/2.', 32),
  },
}
