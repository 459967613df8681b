// The account under which the commands of a simulated host run, and id(1), which prints it.

export interface SimAccount {
  readonly name: string
  readonly uid: number
  readonly groups: readonly string[]
}

export const ROOT: SimAccount = { name: 'root', uid: 0, groups: ['root'] }

/** As Linux prints it, and Solaris with `-a` (documented). */
export function id(account: SimAccount, args: readonly string[]) {
  if (!['', '-a'].includes(args.join(' '))) {
    return { exitStatus: 1, stdout: '', stderr: 'id: unsupported arguments in the simulation\n' }
  }
  const { name, uid, groups } = account
  const listed = groups.map((group, at) => `${uid + at}(${group})`)
  return {
    exitStatus: 0,
    stdout: `uid=${uid}(${name}) gid=${listed[0]} groups=${listed.join(',')}\n`,
    stderr: '',
  }
}
