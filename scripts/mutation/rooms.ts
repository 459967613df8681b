// What is mutated together, and the tests that should object. The crash matrix and the histories are left out: they see almost
// everything, but one mutant would take minutes, and what only they notice has no test of its own.

export interface Room {
  readonly mutate: readonly string[]
  readonly tests: readonly string[]
}

export const ROOMS: Readonly<Record<string, Room>> = {
  /** Whatever makes requests wait for one another. */
  locks: {
    mutate: ['src/locks.ts', 'src/csi/calls.ts', 'src/shell/limited-shell.ts', 'src/storage/snapshot-index.ts'],
    tests: [
      'test/unit/locks*.test.ts',
      'test/unit/joined-interleavings.test.ts',
      'test/unit/calls.test.ts',
      'test/unit/snapshot-index.test.ts',
      'test/protocol/wrapper.test.ts',
      'test/behaviour/snapshots.test.ts',
    ],
  },
  // Without ssh: its tests hold real connections open for seconds, and a mutant would take minutes.
  shell: {
    mutate: ['src/shell/*.ts', '!src/shell/ssh*.ts', '!src/shell/resetting-socket.ts'],
    tests: ['test/unit/shell-*.test.ts', 'test/unit/locks.test.ts'],
  },
  guest: {
    mutate: ['src/guest/*.ts'],
    tests: ['test/unit/{guest,linux,solaris}*.test.ts', 'test/behaviour/guest-*.test.ts'],
  },
  storage: {
    mutate: ['src/storage/**/*.ts'],
    tests: [
      'test/unit/{attach-plan,names,persisted,sizes,joined-interleavings}*.test.ts',
      'test/behaviour/{canary,creation,deletion-order,health,lists,life-cycle,moved-pool,promises,snapshots,sweeping,volumes}.test.ts',
      'test/behaviour/{volumes-table,lock-order,bad-days-machines,bad-days-storage,bad-days-two-drivers}.test.ts',
    ],
  },
}
