// The shape of the two configuration files, with a description of every key; docs/configuration.md
// is made from it. Shape only: checks.ts checks what holds between keys.

import { z } from 'zod'

const SECRET_FILE = 'the absolute path of a file; a secret itself never stands in a configuration'

/**
 * Longest name of a parent dataset that leaves room for the driver's own names below it (255 bytes
 * in all, OpenZFS, recorded).
 */
const DATASET_LENGTH = 180

const name = (what: string) =>
  z
    .string()
    .regex(
      /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
      `${what}: letters, digits, "-", "_", ".", at most 63, a letter or digit at both ends`,
    )

// Characters that Logical Domains accepts, without "|" and "=": its parseable listings cannot
// escape those two (ldm list -p, documented).
const ldomName = (what: string) =>
  z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_+#.:;~()-]{0,255}$/,
      `${what}: a name as ldm takes it; "|", "=", spaces and control characters are impossible`,
    )

const comstarName = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,222}$/, `${what}: letters, digits, "_", ".", ":", "-"`)

const absolutePath = (message: string) => z.string().regex(/^\/[^\0\n]*$/, message)

const sshSchema = z
  .strictObject({
    address: z
      .string()
      .regex(/^[A-Za-z0-9:][A-Za-z0-9.:%_-]*$/, 'a host name or an address')
      .describe('Host name or address.'),
    port: z.int().min(1).max(65_535).default(22).describe('TCP port.'),
    user: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9._-]*$/, 'a user name')
      .describe('User to log in as.'),
    privateKeyFile: absolutePath(SECRET_FILE).describe(
      'Absolute path of the private key. Keys only; passwords are not supported.',
    ),
    knownHostsFile: absolutePath(SECRET_FILE).describe(
      'Absolute path of a known_hosts file. Host keys are pinned: there is no way to accept any ' +
        'key.',
    ),
    legacyAlgorithms: z
      .boolean()
      .default(false)
      .describe('Also offer the old algorithms that the SSH server of Solaris 10 needs.'),
    maxSessions: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe(
        "Sessions the server allows on one connection, where it is not OpenSSH's default of 10.",
      ),
  })
  .describe('Log in over SSH.')

const localSchema = z
  .literal(true, 'true, or leave it out')
  .describe('Run commands on this very host.')

const prefixSchema = z
  .array(z.string().regex(/^[^\s\0]+$/, 'one word an entry'))
  .default([])
  .describe('Words put before every command: `[pfexec]`, `[sudo, -n]` or nothing.')

const shellShape = { local: localSchema.optional(), ssh: sshSchema.optional() }

function exactlyOneShell(value: { local?: unknown; ssh?: unknown }): boolean {
  return (value.local === undefined) !== (value.ssh === undefined)
}
const ONE_SHELL = 'needs exactly one of "local: true" and "ssh: {…}"'

export const hostSchema = z
  .strictObject({ ...shellShape, prefix: prefixSchema })
  .refine(exactlyOneShell, ONE_SHELL)

export const machineSchema = z.strictObject({
  controlDomain: z.string().describe('Host where `ldm` runs.'),
  serviceDomains: z
    .record(
      ldomName('service domain'),
      z.string().describe('Host on which this service domain is reached.'),
    )
    .refine(domains => Object.keys(domains).length > 0, 'at least one service domain')
    .describe(
      'Domains that run a virtual disk server, by the name `ldm` knows, each with its host.',
    ),
  saveConfiguration: z
    .boolean()
    .default(true)
    .describe(
      'Save the configuration to the service processor after changes; without it a power cycle ' +
        'loses every attachment until it is applied again. ' +
        'Nothing is saved while the machine runs something else than was saved, degraded, or ' +
        'with fewer domains: see the log and `doctor`.',
    ),
})

const platformSchema = z
  .enum(['solaris', 'linux'], 'solaris or linux')
  .describe('Operating system of the guest.')

// 601 disk numbers are the driver's own (100 to 700).
const attachLimitSchema = z
  .int()
  .min(1)
  .max(601)
  .default(60)
  .describe('Most volumes one guest may have at a time.')

export const guestSchema = z.strictObject({
  machine: z.string().describe('Machine the guests run on.'),
  match: z
    .string()
    .regex(/^[^\s/|=]+$/, 'a guest name; "*" stands for any characters, "?" for one')
    .describe(
      'Guest name; `*` stands for any characters, `?` for one. The first entry that matches ' +
        'counts.',
    ),
  platform: platformSchema,
  attachLimit: attachLimitSchema,
})

const pathShape = {
  machine: z.string().describe('Machine this path serves.'),
  serviceDomain: z.string().describe('Service domain of that machine.'),
  vds: ldomName('vds').describe('Virtual disk server in that service domain.'),
}

const poolShape = {
  host: z.string().describe('Host where `zfs` runs: the storage host.'),
  dataset: z
    .string()
    .max(DATASET_LENGTH)
    .regex(/^[A-Za-z][A-Za-z0-9_.:-]*(\/[A-Za-z0-9][A-Za-z0-9_.:-]*)*$/, 'a ZFS dataset name')
    .describe(
      'Parent dataset of all volumes of this pool. It must exist; the driver owns what is below.',
    ),
}

export const localPoolSchema = z.strictObject({
  design: z
    .literal('local')
    .describe('The service domain that owns the ZFS pool exports the zvol itself: one path.'),
  ...poolShape,
  paths: z
    .array(
      z.strictObject({
        ...pathShape,
        device: z
          .string()
          .regex(
            /^\/[^\s|=\0]*$/,
            'an absolute path; "|", "=" and white space are impossible in ldm\'s listings',
          )
          .refine(
            text => text.includes('{volume}'),
            'must contain {volume}: without it all volumes would be one device',
          )
          .describe(
            'Device of a volume in the service domain; `{dataset}` and `{volume}` are filled in.',
          ),
      }),
    )
    .min(1)
    .describe('The one path by which the machine reaches the pool.'),
})

export const lunPoolSchema = z.strictObject({
  design: z
    .literal('lun')
    .describe(
      'The storage host offers each zvol as a SCSI logical unit (COMSTAR) to the service ' +
        'domains: several paths, one mpgroup.',
    ),
  ...poolShape,
  export: z
    .strictObject({
      target: z
        .string()
        .max(223)
        .regex(/^(iqn\.|eui\.|naa\.)[A-Za-z0-9:.-]+$/, 'an iSCSI name: iqn.…, eui.… or naa.…')
        .describe('iSCSI name of the target.'),
      targetGroup: comstarName('target group').describe(
        'COMSTAR target group that holds the target.',
      ),
    })
    .describe('How the storage host offers logical units.'),
  allowSharedFate: z
    .boolean()
    .default(false)
    .describe(
      'Allow the storage host to be one of the service domains of a path. Losing that domain ' +
        'then loses both paths.',
    ),
  paths: z
    .array(
      z.strictObject({
        ...pathShape,
        hostGroup: comstarName('host group').describe(
          'COMSTAR host group that holds the initiators of this machine.',
        ),
      }),
    )
    .min(1)
    .describe(
      'Paths by which machines reach the pool; more than one of a machine make an mpgroup. The ' +
        'device is read from the initiator, not configured.',
    ),
})

export const poolSchema = z.discriminatedUnion(
  'design',
  [localPoolSchema, lunPoolSchema],
  '"local" or "lun"',
)

// Last component of names and topology keys that Kubernetes lower-cases; csi-sanity wants a letter
// at both ends.
const driverNameSchema = z
  .string()
  .regex(
    /^[a-z]([a-z0-9.-]{0,61}[a-z])$/,
    'a lower-case domain name of at most 63 characters, a letter at both ends',
  )
  .default('vdisk.ldom-csi.io')
  .describe('Name of the driver, as StorageClasses call it (`provisioner`).')

const clusterSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/,
    'lower-case letters, digits, "-", ".", at most 63',
  )
  .describe(
    'Name of the cluster: part of every computed name and written on every volume. Never change ' +
      'it while volumes exist.',
  )

export const poolNameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'pool: lower-case letters, digits, "-", at most 63',
  )

// What CSI 1.13 calls alpha: the released sidecars do not ask for it yet, and an orchestrator of an
// older version may stumble over it.
const alphaShape = {
  health: z
    .boolean()
    .default(false)
    .describe(
      'Serve the health calls of CSI 1.13 (alpha). Set it alike on the controller and the node ' +
        'plugins.',
    ),
  snapshotTopology: z
    .boolean()
    .default(true)
    .describe(
      'Say from where snapshots can be reached (CSI 1.13, alpha); switch it off for an ' +
        'orchestrator of an older version. Set it alike everywhere.',
    ),
}

export const controllerSchema = z.strictObject({
  driverName: driverNameSchema,
  cluster: clusterSchema,
  ...alphaShape,
  hosts: z.record(name('host'), hostSchema).describe('Everything with a shell, by name.'),
  machines: z
    .record(name('machine'), machineSchema)
    .describe(
      'Physical servers, by name; the name is the topology segment and the first half of a ' +
        'guest id.',
    ),
  guests: z
    .array(guestSchema)
    .default([])
    .describe(
      'What the controller must know of guests: limits of their platform. A guest that no entry ' +
        'matches gets no disk.',
    ),
  pools: z.record(poolNameSchema, poolSchema).describe('Places for volumes, by name.'),
})

export const nodeSchema = z.strictObject({
  driverName: driverNameSchema,
  cluster: clusterSchema.optional(),
  ...alphaShape,
  node: z
    .strictObject({
      machine: name('machine').describe(
        "Machine the guest runs on, as the controller's file names it.",
      ),
      guest: ldomName('guest').describe('Name of the guest, as `ldm` knows it.'),
      platform: platformSchema,
      shell: z
        .strictObject(shellShape)
        .refine(exactlyOneShell, ONE_SHELL)
        .describe('How the guest is reached.'),
      root: absolutePath('an absolute path')
        .optional()
        .describe(
          'Directory that stands before `/sys`, `/dev` and `/var/lib/ldom-csi` (the notes of ' +
            'the node plugin), for a Linux guest whose files live elsewhere.',
        ),
      prefix: prefixSchema,
      attachLimit: attachLimitSchema,
    })
    .describe('The guest this node plugin serves.'),
})
