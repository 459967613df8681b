// The rooms for mutation runs: sources that are mutated together, and the tests that should fail.
// The crash matrix and the histories are left out. They notice almost everything, but one mutant
// would take minutes. What only they notice has no test of its own.

export interface Room {
  readonly mutate: readonly string[]
  readonly tests: readonly string[]
}

export const ROOMS: Readonly<Record<string, Room>> = {
  /** Everything that makes requests wait for each other. */
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
  // Without ssh: its tests keep real connections open for seconds, and a mutant would take minutes.
  shell: {
    mutate: ['src/shell/*.ts', 'src/shell/ssh/known-hosts.ts'],
    tests: ['test/unit/shell-*.test.ts', 'test/unit/locks.test.ts'],
  },
  /**
   * Texts of a guest's tools, paths, and notes: everything that is decided without reading a disk.
   */
  guest: {
    mutate: [
      'src/guest/{platform,linux/tables,solaris/tables,solaris/label-table,paths,volume-notes}.ts',
      'src/model/{mkfs,mount}-options.ts',
    ],
    tests: ['test/unit/{guest,linux,solaris}*.test.ts'],
  },
  /** Names, sizes, values on datasets, and plans made from observations. */
  storage: {
    mutate: [
      'src/storage/{names,volumes/sizes,catalog/properties,catalog/persisted}.ts',
      'src/storage/attachments/{numbers,rules,uses}.ts',
      'src/hypervisors/ldoms/{plan,traits,view}.ts',
    ],
    tests: ['test/unit/{attach-plan*,names,persisted,properties,sizes}.test.ts'],
  },
  // Whole rooms, tested on the simulated installation. A run takes a night.
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
