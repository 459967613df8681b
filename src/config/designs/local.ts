// A pool of design `local` in the configuration.

import { z } from 'zod'
import type { ConfigProblem } from '../problems.ts'
import { anyPathShape, defineDesign, type PoolSurroundings, poolShape } from './design.ts'

const schema = z.strictObject({
  design: z
    .literal('local')
    .describe(
      'The domain that owns the ZFS pool (a service domain, or dom0 of Xen) exports the zvol ' +
        'itself: one path.',
    ),
  ...poolShape,
  paths: z
    .array(
      z.strictObject({
        ...anyPathShape,
        device: z
          .string()
          .regex(
            /^\/[^\s|=\0]*$/,
            'an absolute path without "|", "=" and white space, which ldm cannot list',
          )
          .refine(
            text => text.includes('{volume}'),
            'must contain {volume}: without it all volumes would be one device',
          )
          .describe(
            'Device of a volume in the domain that exports it; `{dataset}` and `{volume}` are ' +
              'filled in.',
          ),
      }),
    )
    .min(1)
    .describe('The one path by which the machine reaches the pool.'),
})

const RULES = `\
* A pool of design \`local\` has exactly one path for a machine, and the domain that serves it
  is the pool's own host. A ZFS pool is imported in one domain at a time, so two zvol paths to the
  same bytes cannot exist.
`

export const local = defineDesign({ schema, rules: RULES, check: checkPaths })

// Only one domain at a time imports a ZFS pool, and only that domain has its zvols.
function checkPaths(
  pool: z.output<typeof schema>,
  { at, machines }: PoolSurroundings,
): ConfigProblem[] {
  return pool.paths.flatMap((path, index) => {
    const place = machines.get(path.machine)
    const device = path.device.replaceAll('{dataset}', pool.dataset)
    if (device.includes('/zvol/') && !device.endsWith(`/${pool.dataset}/{volume}`)) {
      const message = `is no zvol of ${pool.dataset}: the path ends with {dataset}/{volume}`
      return [{ path: `${at}.paths[${index}].device`, message }]
    }
    if (pool.paths.findIndex(other => other.machine === path.machine) < index) {
      const reason = path.device.includes('/zvol/')
        ? 'a ZFS pool is imported in one domain at a time, so a zvol cannot be reached by two ' +
          'paths of one machine; use design lun'
        : 'design local has exactly one path for a machine; use design lun'
      return [{ path: `${at}.paths[${index}]`, message: place?.onePath ?? reason }]
    }
    const host = place?.hostOf(path)
    if (host === undefined || host === pool.host) return []
    const message =
      `${place?.server(path)} is host ${JSON.stringify(String(host))}, but the pool's volumes ` +
      `are made on ${JSON.stringify(pool.host)}: design local needs one and the same`
    return [
      {
        path: `${at}.paths[${index}]${path.serviceDomain === undefined ? '' : '.serviceDomain'}`,
        message,
      },
    ]
  })
}
