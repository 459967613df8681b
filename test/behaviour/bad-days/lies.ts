// Programs and devices of a host that do not tell the truth, until they are honest again.

import type { Day } from './scene.ts'

const honestAgain = new WeakMap<Day, () => void>()
export const noLies = (day: Day) => honestAgain.get(day)?.()

/** What a program of the host says passes through here. */
export function lie(
  day: Day,
  { host, program }: { readonly host: string; readonly program: string },
  change: (stdout: string) => string,
): void {
  const { programs } = day.world.host(host)
  const honest = programs.get(program)
  if (honest === undefined) throw new Error(`${host} has no ${program}`)
  programs.set(program, async (args, context) => {
    const answer = await honest(args, context)
    return { ...answer, stdout: change(answer.stdout) }
  })
  honestAgain.set(day, () => programs.set(program, honest))
}

export function lieAboutDevices(day: Day, host: string, change: () => undefined): void {
  const { devices } = day.world.host(host)
  const honest = devices.splice(0, devices.length, change)
  honestAgain.set(day, () => devices.splice(0, devices.length, ...honest))
}
