// All designs that a pool can have. A new one is a file beside this, and a line here.

import { z } from 'zod'
import { local } from './local.ts'
import { lun } from './lun.ts'

export const DESIGNS = { local, lun }

const { local: first, ...others } = DESIGNS

export const poolSchema = z.discriminatedUnion(
  'design',
  [first.schema, ...Object.values(others).map(({ schema }) => schema)],
  Object.keys(DESIGNS)
    .map(name => JSON.stringify(name))
    .join(' or '),
)
