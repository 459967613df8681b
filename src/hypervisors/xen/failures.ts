// The error texts of `xl` and `xenstore-ls`, and their meaning. Lines that begin with `libxl:` name
// a source file and a line, which change with versions. So a row matches only what follows.
// Every status is 0, 1 or 2. Runs no command.

import type { FailureRow } from '../../shell/failures.ts'

export const XL_FAILURES: readonly FailureRow[] = [
  {
    text: /device already exists in xenstore/,
    kind: 'already-exists',
    evidence: 'recorded',
    source: 'transcripts/xen/02-attach-detach.txt, 09-hotplug-timeout.txt',
  },
  {
    text: /^Error: Device .* not connected\.$/m,
    kind: 'not-found',
    evidence: 'recorded',
    source: 'transcripts/xen/04-detach-idle.txt',
  },
  {
    text: /is an invalid domain identifier/,
    kind: 'not-found',
    evidence: 'recorded',
    source: 'transcripts/xen/04-detach-idle.txt, 05-attach-errors.txt',
  },
  {
    text: /unable to get domain type for domid/,
    kind: 'unavailable',
    evidence: 'recorded',
    source: 'transcripts/xen/05-attach-errors.txt',
    hint: 'the guest has stopped or was started anew since it was listed; try again',
  },
  {
    text: /script: Device .* is mounted (read-write )?in a guest domain/,
    kind: 'in-use',
    evidence: 'recorded',
    source: 'transcripts/xen/06-two-guests.txt, 13-extra.txt',
    hint: 'another guest has the device; Xen shares one only between guests that all read',
  },
  {
    text: /script: Device .* is mounted in the privileged domain/,
    kind: 'in-use',
    evidence: 'recorded',
    source: 'transcripts/xen/06-two-guests.txt',
    hint: 'unmount it in dom0',
  },
  {
    text: /async_exec_timeout: killing execution of .* because of timeout/,
    kind: 'unavailable',
    evidence: 'recorded',
    source: 'transcripts/xen/09-hotplug-timeout.txt',
    hint: 'the hot-plug script of dom0 hung; the next call removes what it left',
  },
  {
    text: /failed to stat: .*: No such file or directory/,
    kind: 'failed-precondition',
    evidence: 'recorded',
    source: 'transcripts/xen/05-attach-errors.txt',
    hint: 'dom0 does not have the device',
  },
  // The order matters: this row also fits the next one's texts.
  {
    text: /libxl_device_disk_safe_remove failed/,
    kind: 'unavailable',
    evidence: 'recorded',
    source: 'transcripts/xen/10-paused-and-reboot.txt, 03-detach-force.txt',
    hint: 'the guest does not let go of the disk: it is paused, or its xenbus hangs',
  },
  {
    text: /Invalid or unsupported virtual disk identifier/,
    kind: 'invalid-argument',
    evidence: 'recorded',
    source: 'transcripts/xen/05-attach-errors.txt',
  },
  {
    text: /config parsing error in disk specification/,
    kind: 'invalid-argument',
    evidence: 'recorded',
    source: 'transcripts/xen/05-attach-errors.txt',
  },
]

export const XENSTORE_FAILURES: readonly FailureRow[] = [
  // The directory that was asked for, not one below it.
  {
    text: /^xenstore-ls: xs_directory \(\/local\/domain\/0\/backend\): No such file or directory$/m,
    kind: 'not-found',
    evidence: 'recorded',
    source: 'transcripts/xen/03-detach-force.txt, for the directory of block devices',
  },
]
