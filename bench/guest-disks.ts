// `npm run bench -- guest-disks`: what disks of guests cost while nothing happens, and how long a
// new one takes.

import { measureIdle } from './guest-disks-idle.ts'
import { withBench } from './guest-disks-pod.ts'
import { measureReady } from './guest-disks-ready.ts'
import { formatIdle, formatReady } from './guest-disks-report.ts'

export interface GuestDisksBenchOptions {
  /** The built program. */
  readonly script: string
  readonly disks: number
}

const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=64']

/** Writes each part when it is measured. */
export async function benchGuestDisks({ script, disks }: GuestDisksBenchOptions): Promise<void> {
  const program = { script, nodeOptions: NODE_OPTIONS, isPod: false }
  const small = await withBench(program, bench => measureIdle(bench, Math.ceil(disks / 10)))
  const large = await withBench(program, bench => measureIdle(bench, disks))
  console.log(formatIdle(small, large))
  console.log(formatReady(await withBench(program, bench => measureReady(bench, program))))
}
