// The order of the files, for jest: what harms the installation comes after what only uses it, and
// what takes it away is last.

const ORDER = [
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
]

const place = ({ path }) => ORDER.findIndex(name => path.endsWith(`/${name}.test.ts`))

export default class InOrder {
  sort(tests) {
    return [...tests].sort((a, b) => place(a) - place(b))
  }

  shard(tests) {
    return tests
  }

  allFailedTests(tests) {
    return tests
  }

  cacheResults() {}
}
