// What is mutated together, and the tests that should object. The crash matrix and the histories
// are left out: they see almost everything, but one mutant would take minutes, and what only they
// notice has no test of its own.

export interface Room {
  readonly mutate: readonly string[]
  readonly tests: readonly string[]
}

export const ROOMS: Readonly<Record<string, Room>> = {
  /** Whatever makes requests wait for one another. */
  locks: {
    mutate: [
      'src/locks.ts',
      'src/csi/wire/calls.ts',
      'src/shell/limited-shell.ts',
      'src/storage/snapshots/index-by-name.ts',
    ],
    tests: [
      'test/unit/locks*.test.ts',
      'test/unit/{calls,snapshot-index,joined-interleavings,queueing}.test.ts',
    ],
  },
  // Without ssh: its tests hold real connections open for seconds, and a mutant would take minutes.
  shell: {
    mutate: ['src/shell/*.ts', 'src/shell/ssh/known-hosts.ts'],
    tests: ['test/unit/shell-*.test.ts', 'test/unit/locks.test.ts'],
  },
  /**
   * Texts of a guest's tools, names that are touched there, notes: what is decided without looking
   * at a disk.
   */
  guest: {
    mutate: [
      'src/guest/{platform,linux/tables,solaris/tables,solaris/label-table,paths,volume-notes}.ts',
      'src/model/{mkfs,mount}-options.ts',
    ],
    tests: ['test/unit/{guest,linux,solaris}*.test.ts'],
  },
  /** Names, sizes, values on datasets, and what is planned from what was observed. */
  storage: {
    mutate: [
      'src/storage/{names,volumes/sizes,catalog/properties,catalog/persisted}.ts',
      'src/storage/attachments/{numbers,rules,uses}.ts',
      'src/hypervisors/ldoms/{plan,traits,view}.ts',
    ],
    tests: ['test/unit/{attach-plan*,names,persisted,properties,sizes}.test.ts'],
  },
  // The whole rooms, by the simulated installation: for a machine that has a night for it.
  'guest-whole': {
    mutate: ['src/guest/**/*.ts'],
    tests: ['test/unit/{guest,linux,solaris}*.test.ts', 'test/behaviour/guest/*.test.ts'],
  },
  'storage-whole': {
    mutate: ['src/storage/**/*.ts'],
    tests: [
      'test/unit/{attach-plan*,names,persisted,properties,sizes,snapshot-index,joined-interleavings}.test.ts',
      'test/behaviour/{storage,reports,waiting}/*.test.ts',
      'test/behaviour/bad-days/{machines,storage,two-drivers}.test.ts',
    ],
  },
}
