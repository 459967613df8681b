// Defects of what is known of a cluster, and of what is written into it: watches, disks, claims.
// Data only.

import type { Defect } from './table.ts'

const WATCHED = 'src/kubernetes/watched.ts'
const PAGES = 'src/kubernetes/pages.ts'
const SERVER = 'src/kubernetes/api-server.ts'
const WRITES = 'src/kubernetes/disk-writes.ts'
const READERS = 'src/kubernetes/cluster-readers.ts'
const EVENTS = 'src/kubernetes/events.ts'
const WATCHED_TEST = 'test/unit/watched.test'
const WRITES_TEST = 'test/unit/disk-writes.test'
const READERS_TEST = 'test/unit/cluster-readers.test'
const WATCH_TEST = 'test/behaviour/kubernetes/watch.test'
const HISTORIES = 'test/behaviour/kubernetes/watch-histories.test'

function defect(name: string, change: Defect['changes'][number], tests: Defect['tests']): Defect {
  return { name, changes: [change], tests }
}

export const CLUSTER_DEFECTS: readonly Defect[] = [
  defect(
    'an object that a list does not have any more stays known',
    {
      file: WATCHED,
      find: 'const entries = new Map<string, Entry<T>>()',
      replace: 'const entries = new Map(this.#entries)',
    },
    [WATCHED_TEST],
  ),
  defect(
    'nobody is told that an object vanished between two lists',
    {
      file: WATCHED,
      find: 'for (const key of before.keys()) if (!entries.has(key)) this.#tell(key)',
      replace: '',
    },
    [WATCHED_TEST, HISTORIES],
  ),
  defect(
    'a deletion that is watched is not told',
    {
      file: WATCHED,
      find: '    else if (!this.#entries.delete(key)) return\n',
      replace: '    else {\n      this.#entries.delete(key)\n      return\n    }\n',
    },
    [WATCHED_TEST],
  ),
  defect(
    'a watch that was cut begins where it was, and a lost event is never listed',
    { file: WATCHED, find: '        isListed = false\n', replace: '' },
    [WATCHED_TEST],
  ),
  defect(
    'only the first page of a list is read',
    { file: PAGES, find: "while (next !== '')", replace: "while (next === '-')" },
    [WATCHED_TEST],
  ),
  defect(
    'the pages of a list are shown as they come',
    {
      file: WATCHED,
      find: '      version = page.version\n',
      replace: '      version = page.version\n      this.#entries = entries\n',
    },
    [WATCHED_TEST],
  ),
  defect(
    'a cluster that could not be listed counts as an empty one',
    {
      file: WATCHED,
      find: '        this.#failures += 1\n',
      replace: '        this.#failures += 1\n        this.#isComplete = true\n',
    },
    [WATCHED_TEST],
  ),
  defect(
    'an older event replaces what is known',
    {
      file: WATCHED,
      find: 'if (isOlder(version, this.#version)) {',
      replace: "if (isOlder(version, '')) {",
    },
    [WATCHED_TEST],
  ),
  defect(
    'versions are compared as text',
    {
      file: WATCHED,
      find: 'version.length === than.length ? version < than : version.length < than.length',
      replace: 'version < than',
    },
    [WATCHED_TEST],
  ),
  defect(
    'an error of a watch is passed over',
    {
      file: WATCHED,
      find: "if (type === 'ERROR') {\n",
      replace: "if (type === 'ERROR') return\n    if (type === 'ERROR') {\n",
    },
    [WATCHED_TEST],
  ),
  defect(
    'a bookmark does not move the watch',
    {
      file: WATCHED,
      find: "    if (type === 'BOOKMARK') {\n      this.#version = version\n",
      replace: "    if (type === 'BOOKMARK') {\n",
    },
    [WATCHED_TEST],
  ),
  defect(
    'an event does not move the watch',
    {
      file: WATCHED,
      find: '    this.#version = version\n    if (read',
      replace: '    if (read',
    },
    [WATCHED_TEST],
  ),
  defect(
    'what a server loses is lost for good',
    {
      file: WATCHED,
      find: 'if (!isListed || clock.nowMs() - this.#listedMs >= LIST_AGAIN_MS)',
      replace: 'if (!isListed)',
    },
    [WATCHED_TEST],
  ),
  defect(
    'a server that is away is asked without a pause',
    {
      file: WATCHED,
      find: 'pauseAfter(this.#failures, PAUSES)',
      replace: '100',
    },
    [WATCHED_TEST],
  ),
  defect(
    'a server that is away is asked ever more seldom',
    { file: WATCHED, find: 'longestMs: 30_000', replace: 'longestMs: 3_000_000' },
    [WATCHED_TEST],
  ),
  defect(
    'a watch that ends at once begins again at once',
    {
      file: WATCHED,
      find: 'clock.nowMs() - beganMs < SHORTEST_WATCH_MS',
      replace: 'clock.nowMs() < beganMs',
    },
    [WATCHED_TEST],
  ),
  defect(
    'an object that was made again is taken for the one before',
    {
      file: WATCHED,
      find: 'if (before?.version === version) {',
      replace: 'if (before !== undefined) {',
    },
    [WATCHED_TEST],
  ),
  defect(
    'a watch that is cut within a line has ended in peace',
    {
      file: SERVER,
      find: "if (rest !== '') throw new Error('it ends within a line')",
      replace: '',
    },
    [WATCH_TEST],
  ),
  defect(
    'a watch that says nothing for ever goes on',
    {
      file: SERVER,
      find: "sent.once('timeout'",
      replace: "sent.once('pause'",
    },
    [WATCH_TEST],
  ),
  defect(
    'watches take the connections of requests',
    {
      file: SERVER,
      find: 'const agent = identity[use]',
      replace: 'const agent = identity.requests',
    },
    [WATCH_TEST],
  ),
  defect(
    'a write does not name the version that it was decided on',
    {
      file: WRITES,
      find: 'const metadata = { ...change.metadata, resourceVersion }',
      replace: 'const metadata = { ...change.metadata }',
    },
    [WRITES_TEST],
  ),
  defect(
    'a finalizer replaces those of others',
    {
      file: WRITES,
      find: 'const finalizers = [...meta.finalizers, GUEST_DISK_FINALIZER]',
      replace: 'const finalizers = [GUEST_DISK_FINALIZER]',
    },
    [WRITES_TEST],
  ),
  defect(
    'the end of a finalizer takes those of others along',
    {
      file: WRITES,
      find: 'const finalizers = meta.finalizers.filter(each => each !== GUEST_DISK_FINALIZER)',
      replace: 'const finalizers: string[] = []',
    },
    [WRITES_TEST],
  ),
  defect(
    'another disk of the same name is deleted',
    { file: WRITES, find: '{ preconditions: { uid: meta.uid } }', replace: '{}' },
    [WRITES_TEST],
  ),
  defect(
    'a write that lost against another one counts as done',
    {
      file: WRITES,
      find: "return status === 409 ? 'conflict' : 'done'",
      replace: "return 'done'",
    },
    [WRITES_TEST],
  ),
  defect(
    'the end of an expansion is written on another claim of the same name',
    {
      file: WRITES,
      find: "if (meta.uid !== claim.meta.uid) return 'conflict'",
      replace: '',
    },
    [WRITES_TEST],
  ),
  defect(
    'the end of an expansion takes the conditions of others along',
    { file: WRITES, find: 'conditions: otherConditions(body)', replace: 'conditions: []' },
    [WRITES_TEST],
  ),
  defect(
    'a status keeps what is not true any more',
    {
      file: WRITES,
      find: '[field, value ?? null]',
      replace: '[field, value]',
    },
    [WRITES_TEST],
  ),
  defect(
    'a disk without its claim in the spec is read as one of no claim',
    {
      file: READERS,
      find: "needed(spec.claimName, 'GuestDisk.spec.claimName')",
      replace: "spec.claimName ?? ''",
    },
    [READERS_TEST],
  ),
  defect(
    'a volume of another driver is taken for one of this driver',
    {
      file: READERS,
      find: 'csi?.driver !== driverName',
      replace: 'csi === undefined',
    },
    [READERS_TEST],
  ),
  defect(
    'an object that is being deleted looks like any other',
    {
      file: READERS,
      find: '    deleting: meta.deletionTimestamp !== undefined,\n',
      replace: '    deleting: false,\n',
    },
    [WRITES_TEST],
  ),
  defect(
    'a size that cannot be counted hides the object',
    {
      file: READERS,
      find: '    if (!isStorageError(error)) throw error\n    return undefined\n',
      replace: '    throw error\n',
    },
    [READERS_TEST],
  ),
  defect(
    'events on two objects of the same name are one',
    {
      file: EVENTS,
      find: "'object' in event ? event.object.uid : event.volumeId",
      replace: "'object' in event ? event.object.name : event.volumeId",
    },
    ['test/unit/volume-events.test'],
  ),
]
