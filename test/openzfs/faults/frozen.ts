// Creations that are stopped in the middle, so that a fault meets them for certain.

import type { StorageMachine } from '../machine.ts'

/** Stops a creation that the driver has begun, or is about to begin, wherever it is. */
export async function freezeCreation(machine: StorageMachine): Promise<void> {
  const isCreation = 'tr "\\0" " " </proc/$p/cmdline | grep -q "zfs create "'
  const freeze = `for p in $(pidof zfs); do ${isCreation} && kill -STOP $p && found=1; done`
  await machine.succeed(`until test -n "$found"; do ${freeze}; done 2>/dev/null`)
}

/** Lets all of them go on. */
export async function thaw(machine: StorageMachine): Promise<void> {
  await machine.succeed('killall -CONT zfs || true')
}
