// A Xen machine in the configuration: its control domain is dom0, which serves all disks itself.

import { z } from 'zod'
import { type ConfigProblem, UNKNOWN_KEY } from '../problems.ts'
import { controlDomain, type HypervisorConfig } from './hypervisor.ts'

const schema = z.strictObject({
  hypervisor: z.literal('xen').describe('Xen, with the toolstack `xl`.'),
  controlDomain: controlDomain('xl').describe('Host where `xl` runs: dom0.'),
})

export const xen: HypervisorConfig<typeof schema> = {
  schema,
  rules: `\
* A path to a Xen machine names neither \`serviceDomain\` nor \`vds\`: dom0 serves every disk. A
  pool has one path to such a machine, and design \`local\`. In its \`device\`, \`{volume}\` is a
  whole part of the path. Its guests are Linux guests.
`,
  platforms: ['linux'],
  place: machine => ({
    serviceDomains: new Map(),
    hostOf: () => machine.controlDomain,
    server: ({ machine: name }) => `dom0 of ${String(name)}`,
    onePath: 'dom0 serves every disk of a Xen machine: a pool has one path to it',
  }),
  checkPath: (path, { at }) => [
    ...(['serviceDomain', 'vds'] as const)
      .filter(key => path[key] !== undefined)
      .map(key => ({ path: `${at}.${key}`, message: `${UNKNOWN_KEY} for a Xen machine` })),
    ...checkDevice(path.device, `${at}.device`),
  ],
}

// Xen keeps no names, so that only its device says whose a disk is.
function checkDevice(device: unknown, path: string): readonly ConfigProblem[] {
  const isNamed = typeof device !== 'string' || device.split('/').includes('{volume}')
  const message = 'must have {volume} as a whole part of the path, for a Xen machine'
  return isNamed ? [] : [{ path, message }]
}
