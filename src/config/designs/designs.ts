// All pool designs. For a new design, add a file here and a line below.

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
