// The order of the files, for jest: what harms the installation comes after what only uses it, and
// what takes it away is last.

import { inOrder } from '../support/in-order.js'

export default inOrder([
  'claims',
  'examples',
  'classes',
  'workloads',
  'ratio',
  'guest-disk-schema',
  'guest-disks',
  'controller-faults',
  'node-faults',
  'two-nodes',
  'guest-disk-faults',
  'report',
  'configuration',
  'upgrade',
])
