// The schemas of the three configuration files, with a description of every key.
// docs/configuration.md is generated from them. Rules between keys are in checks.ts.

import { z } from 'zod'
import { poolSchema } from './designs/designs.ts'
import {
  DEFAULT_HYPERVISOR,
  HYPERVISOR_KINDS,
  HYPERVISORS,
  type HypervisorKind,
  machineSchema,
} from './hypervisors/hypervisors.ts'
import { absolutePath, ldomName, name } from './words.ts'

const SECRET_FILE = 'the absolute path of a file; a secret itself never stands in a configuration'

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
        "Sessions that the server allows on one connection, if not OpenSSH's default of 10.",
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

const hostSchema = z
  .strictObject({ ...shellShape, prefix: prefixSchema })
  .refine(exactlyOneShell, ONE_SHELL)

const platformSchema = z
  .enum(['solaris', 'linux'], 'solaris or linux')
  .describe('Operating system of the guest.')

const hypervisorSchema = z
  .enum(HYPERVISOR_KINDS, HYPERVISOR_KINDS.join(' or '))
  .default(DEFAULT_HYPERVISOR)
  .describe("Hypervisor of the machine, as the controller's file names it.")

// Only some operating systems run on each hypervisor.
function isPlatformOf({ hypervisor, platform }: PlatformKeys): boolean {
  return HYPERVISORS[hypervisor].platforms.includes(platform)
}

interface PlatformKeys {
  readonly hypervisor: HypervisorKind
  readonly platform: string
}

const NO_SUCH_PLATFORM = {
  path: ['platform'],
  message: 'guests of this hypervisor do not run it; see `hypervisor`',
}

// The driver uses 601 disk numbers of a guest.
const attachLimitSchema = z
  .int()
  .min(1)
  .max(601)
  .default(60)
  .describe('Most volumes one guest may have at a time.')

const guestSchema = z.strictObject({
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

/** The name of the driver where the configuration says none. */
export const DEFAULT_DRIVER_NAME = 'vdisk.ldom-csi.io'

// Kubernetes lower-cases the driver name in names and topology keys. csi-sanity requires a letter
// at both ends.
const driverNameSchema = z
  .string()
  .regex(
    /^[a-z]([a-z0-9.-]{0,61}[a-z])$/,
    'a lower-case domain name of at most 63 characters, a letter at both ends',
  )
  .default(DEFAULT_DRIVER_NAME)
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

const poolNameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'pool: lower-case letters, digits, "-", at most 63',
  )

// Alpha in CSI 1.13: released sidecars do not use it yet, and older orchestrators may fail on it.
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
      'Report which machines reach a snapshot (CSI 1.13, alpha). Switch it off for an older ' +
        'orchestrator. Set it alike everywhere.',
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
      'Platforms and limits of guests. The controller attaches no disk to a guest that no ' +
        'entry matches.',
    ),
  pools: z.record(poolNameSchema, poolSchema).describe('Places for volumes, by name.'),
})

const guestNameSchema = ldomName('guest').describe('Name of the guest, as `ldm` or `xl` knows it.')

export const nodeSchema = z.strictObject({
  driverName: driverNameSchema,
  cluster: clusterSchema.optional(),
  ...alphaShape,
  node: z
    .strictObject({
      machine: name('machine').describe(
        "Machine the guest runs on, as the controller's file names it.",
      ),
      guest: guestNameSchema.describe(
        'Name of the guest, as `ldm` or `xl` knows it: the very guest that `shell` leads to. ' +
          'Nothing proves that. In another guest the plugin takes a blank disk of the same ' +
          'number and size for that of its volume, and formats it.',
      ),
      hypervisor: hypervisorSchema,
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
    .refine(isPlatformOf, NO_SUCH_PLATFORM)
    .describe('The guest this node plugin serves.'),
})

const namespaceSchema = z
  .string()
  .regex(
    /^(\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$/,
    'the name of a namespace, or "*" for every namespace',
  )

const guestDisksGuestSchema = z
  .strictObject({
    machine: name('machine').describe(
      "Machine the guest runs on, as the controller's file names it.",
    ),
    guest: guestNameSchema,
    hypervisor: hypervisorSchema,
    platform: platformSchema,
    namespaces: z
      .array(namespaceSchema)
      .default([])
      .describe('Namespaces whose GuestDisks may be in this guest; `*` for every namespace.'),
    ...shellShape,
    prefix: prefixSchema,
  })
  .refine(isPlatformOf, NO_SUCH_PLATFORM)
  .refine(
    ({ local, ssh }) => local === undefined || ssh === undefined,
    'has "local: true" and "ssh: {…}"; keep one, or none for boot disks only',
  )
  .refine(({ local, ssh, prefix }) => (local ?? ssh) !== undefined || prefix.length === 0, {
    path: ['prefix'],
    message: 'stands before commands, and without "ssh: {…}" none is run; remove it',
  })

export const guestDisksSchema = z.strictObject({
  driverName: driverNameSchema,
  guests: z
    .array(guestDisksGuestSchema)
    .describe(
      'Guests without a kubelet, one entry each. One without `ssh` and `local` gets boot disks ' +
        'only: they are attached, and nothing is mounted.',
    ),
})
