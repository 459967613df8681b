// The order of the files, for jest: the longest begin first, so that all hosts end at about the
// same time.

import { inOrder } from '../support/in-order.js'

export default inOrder([
  'csi-sanity-mount',
  'csi-sanity-block',
  'bad-days',
  'cuts',
  'attachment',
  'restarts',
  'strangers',
  'end-to-end',
  'differential',
  'machine',
])
