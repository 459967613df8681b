// Value types that several keys of the configuration files share: names and paths.

import { z } from 'zod'

export const name = (what: string) =>
  z
    .string()
    .regex(
      /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
      `${what}: letters, digits, "-", "_", ".", at most 63, a letter or digit at both ends`,
    )

// Characters that Logical Domains accepts, except "|" and "=". Its parseable listings cannot escape
// those two (ldm list -p, documented).
export const ldomName = (what: string) =>
  z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_+#.:;~()-]{0,255}$/,
      `${what}: a name that ldm accepts, without "|", "=", spaces and control characters`,
    )

export const absolutePath = (message: string) => z.string().regex(/^\/[^\0\n]*$/, message)
