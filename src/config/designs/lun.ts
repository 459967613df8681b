// A pool of design `lun` in the configuration.

import { z } from 'zod'
import type { ConfigProblem } from '../problems.ts'
import { defineDesign, type PoolSurroundings, pathShape, poolShape } from './design.ts'

const comstarName = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,222}$/, `${what}: letters, digits, "_", ".", ":", "-"`)

const schema = z.strictObject({
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

const RULES = `\
* In a pool of design \`lun\`, no two paths of a machine go through the same service domain. The
  paths of a machine share one host group. The storage host is none of the service domains, unless
  \`allowSharedFate\` allows it.
`

export const lun = defineDesign({ schema, rules: RULES, check: checkPaths })

function checkPaths(
  pool: z.output<typeof schema>,
  { at, machines }: PoolSurroundings,
): ConfigProblem[] {
  return pool.paths.flatMap((path, index) => {
    const problems: ConfigProblem[] = []
    const here = `${at}.paths[${index}]`
    const { onePath } = machines.get(path.machine) ?? {}
    if (onePath !== undefined) {
      return [{ path: here, message: `${onePath}; use design local` }]
    }
    const earlier = pool.paths.slice(0, index).filter(other => other.machine === path.machine)
    if (earlier.some(other => other.serviceDomain === path.serviceDomain)) {
      problems.push({
        path: here,
        message:
          `a second path of ${path.machine} through service domain ` +
          `${path.serviceDomain}: it would fail together with the first`,
      })
    }
    if (earlier.some(other => other.hostGroup !== path.hostGroup)) {
      problems.push({
        path: `${here}.hostGroup`,
        message:
          `the paths of ${path.machine} must share one host group, so that one view ` +
          'shows a logical unit to all of them under one number',
      })
    }
    if (machines.get(path.machine)?.hostOf(path) === pool.host && !pool.allowSharedFate) {
      problems.push({
        path: here,
        message:
          `the storage host ${JSON.stringify(pool.host)} is also service domain ` +
          `${path.serviceDomain}: losing it loses every path; set allowSharedFate: true to ` +
          'accept that',
      })
    }
    return problems
  })
}
