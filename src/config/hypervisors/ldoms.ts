// A machine with Oracle VM Server for SPARC (Logical Domains) in the configuration.

import { z } from 'zod'
import { type ConfigProblem, unresolved } from '../problems.ts'
import { ldomName } from '../words.ts'
import { controlDomain, type HypervisorConfig, type PathKeys } from './hypervisor.ts'

const schema = z.strictObject({
  hypervisor: z
    .literal('ldoms')
    .optional()
    .default('ldoms')
    .describe('Oracle VM Server for SPARC (Logical Domains).'),
  controlDomain: controlDomain('ldm'),
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
        'The driver saves nothing while the machine runs another configuration than the saved ' +
        'one, runs degraded, or has fewer domains: see the log and `doctor`.',
    ),
})

export const ldoms: HypervisorConfig<typeof schema> = {
  schema,
  rules: `\
* A path to a machine with Logical Domains names \`serviceDomain\` and \`vds\`.
`,
  platforms: ['solaris', 'linux'],
  place: (_, serviceDomains) => ({
    serviceDomains,
    hostOf: ({ serviceDomain }) =>
      typeof serviceDomain === 'string' ? serviceDomains.get(serviceDomain) : undefined,
    server: ({ machine, serviceDomain }) =>
      `service domain ${String(serviceDomain)} of ${String(machine)}`,
    onePath: undefined,
  }),
  checkPath: (path, { at, name, place }) => [
    ...missing(path, at),
    ...unresolved(place.serviceDomains, `${at}.serviceDomain`, {
      what: `service domain of ${name}`,
      name: path.serviceDomain,
    }),
  ],
}

function missing(path: PathKeys, at: string): readonly ConfigProblem[] {
  return (['serviceDomain', 'vds'] as const)
    .filter(key => path[key] === undefined)
    .map(key => ({ path: `${at}.${key}`, message: 'is missing; it is a text' }))
}
