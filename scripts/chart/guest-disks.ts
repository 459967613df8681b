// Values of the container that gives disks to guests without a kubelet.

import { z } from 'zod'
import { guestDisksSchema } from '../../src/config/schema.ts'
import { logLevel, nodeOptions, resources, sshSecret } from './kubernetes.ts'

export const guestDisksShape = z.strictObject({
  enabled: z
    .boolean()
    .describe('Whether the controller has the container `guest-disks`, and its rights.'),
  definition: z
    .boolean()
    .describe(
      'Whether this release brings the definition of GuestDisk. Of several releases in one ' +
        'cluster one brings it. It stays when the release is uninstalled.',
    ),
  config: guestDisksSchema
    .omit({ driverName: true })
    .describe(
      "The configuration file of the container, key by key; the driver's name is that of " +
        '`config`. `local: true` is not for a pod. Guests may leave out the two key files.',
    ),
  ssh: sshSecret('guest', '`guestDisks.config`').describe(
    'Where guests that name no key files have them: a Secret that no other container has.',
  ),
  logLevel,
  nodeOptions,
  resources,
})
