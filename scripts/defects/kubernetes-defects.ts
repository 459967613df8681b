// Defects of a controller in a cluster: the lease, events on claims, the watch over paths, who may
// have disks in a guest. Data only.

import type { Defect } from './table.ts'

const LEASE = 'src/kubernetes/lease.ts'
const EVENTS = 'src/kubernetes/events.ts'
const CLUSTER = 'src/bin/compose/kubernetes.ts'
const PATHS = 'src/storage/path-watch.ts'
const GUESTS = 'src/config/guest-disks.ts'
const HANDLER = 'src/csi/wire/handler.ts'
const LEASE_TEST = 'test/unit/lease.test'
const EVENTS_TEST = 'test/unit/volume-events.test'
const PATHS_TEST = 'test/behaviour/storage/path-watch.test'
const GUESTS_TEST = 'test/unit/config-guest-disks.test'
const PROCESSES = 'test/behaviour/kubernetes/processes.test'
const API = 'test/behaviour/kubernetes/api.test'

export const KUBERNETES_DEFECTS: readonly Defect[] = [
  {
    name: 'the holder of a lease believes in it after its time',
    changes: [
      {
        file: LEASE,
        find: 'this.#held !== undefined && this.#clock.nowMs() < this.#held.untilMs',
        replace: 'this.#held !== undefined',
      },
    ],
    tests: [LEASE_TEST],
  },
  {
    name: 'a lease is taken over while its holder still believes in it',
    changes: [
      {
        file: LEASE,
        find: 'Math.max(lease.durationSeconds, DURATION_SECONDS) * 1000',
        replace: 'RENEW_MS',
      },
    ],
    tests: [LEASE_TEST],
  },
  {
    name: 'a takeover does not wait for a lease that lasts longer than usual',
    changes: [
      {
        file: LEASE,
        find: 'Math.max(lease.durationSeconds, DURATION_SECONDS) * 1000',
        replace: 'DURATION_SECONDS * 1000',
      },
    ],
    tests: [LEASE_TEST],
  },
  {
    name: 'who waits for the lease does not see that it is renewed',
    changes: [
      {
        file: LEASE,
        find: 'if (lease.mark !== this.#seen?.mark) this.#seen =',
        replace: 'this.#seen ??=',
      },
    ],
    tests: [LEASE_TEST],
  },
  {
    name: 'a renewal of the lease that lost against another update counts as success',
    changes: [
      {
        file: LEASE,
        find: "    if (answer === 'changed') return { kind: 'unknown' }\n    this.#hold(answer, beganMs)\n",
        replace:
          "    this.#hold(answer === 'changed' ? { ...this.#wanted(held.transitions), version: held.version, mark: '' } : answer, beganMs)\n",
      },
    ],
    tests: [LEASE_TEST],
  },
  {
    name: 'an acquisition of the lease that lost against another one counts as success',
    changes: [
      {
        file: LEASE,
        find: "    if (taken !== 'changed') this.#hold(taken, beganMs)\n    return taken !== 'changed'\n",
        replace: "    this.#hold(taken === 'changed' ? lease : taken, beganMs)\n    return true\n",
      },
    ],
    tests: [LEASE_TEST],
  },
  {
    name: 'whoever finds the lease made by another believes in it',
    changes: [
      {
        file: LEASE,
        find: "      if (made !== 'exists') this.#hold(made, beganMs)\n      return made !== 'exists'\n",
        replace:
          "      this.#hold(made === 'exists' ? { ...this.#wanted(0), version: '', mark: '' } : made, beganMs)\n      return true\n",
      },
    ],
    tests: [LEASE_TEST],
  },
  {
    name: 'an update of the lease names the newest version instead of the one that was decided on',
    changes: [
      {
        file: 'src/kubernetes/leases.ts',
        find: '{ resourceVersion: version }',
        replace: '{ resourceVersion: this.#last?.metadata?.resourceVersion ?? version }',
      },
    ],
    tests: [API],
  },
  {
    name: 'the ten seconds of a lease count from after the call that renewed it',
    changes: [
      {
        file: LEASE,
        find: "    if (answer === 'changed') return { kind: 'unknown' }\n    this.#hold(answer, beganMs)\n",
        replace:
          "    if (answer === 'changed') return { kind: 'unknown' }\n    this.#hold(answer, this.#clock.nowMs())\n",
      },
    ],
    tests: [LEASE_TEST],
  },
  {
    name: 'a controller without the lease answers calls',
    changes: [
      {
        file: 'src/kubernetes/standby.ts',
        find: 'if (ALWAYS.has(rpc) || lease.isHeld()) return',
        replace: 'if (ALWAYS.has(rpc) || lease !== undefined) return',
      },
    ],
    tests: [PROCESSES],
  },
  {
    name: 'a controller without the lease sweeps',
    changes: [
      {
        file: CLUSTER,
        find: '        await lease.acquire(ending.signal)\n',
        replace: '        begun.push(work())\n        await lease.acquire(ending.signal)\n',
      },
    ],
    tests: [PROCESSES],
  },
  {
    name: 'a controller that lost the lease goes on',
    changes: [
      {
        file: CLUSTER,
        find: "'the lease is lost: this process ends')\n        lost()\n",
        replace: "'the lease is lost: this process ends')\n",
      },
    ],
    tests: [PROCESSES],
  },
  {
    name: 'a flood of the same event is written',
    changes: [
      {
        file: EVENTS,
        find: 'known.writtenMs !== undefined && nowMs - known.writtenMs < AGAIN_MS',
        replace: 'false',
      },
    ],
    tests: [EVENTS_TEST],
  },
  {
    name: 'events wait without bound',
    changes: [
      {
        file: EVENTS,
        find: 'this.#waiting.length >= MOST_WAITING',
        replace: 'this.#waiting.length >= Number.MAX_SAFE_INTEGER',
      },
    ],
    tests: [EVENTS_TEST],
  },
  {
    name: 'a storm of events is a storm of requests',
    changes: [
      {
        file: EVENTS,
        find: 'this.#writing ??= this.#writeAll()',
        replace: 'this.#writing = this.#writeAll()',
      },
    ],
    tests: [EVENTS_TEST],
  },
  {
    name: 'a failed call is answered when its event is written',
    changes: [
      {
        file: HANDLER,
        find: '      watch?.failed({ rpc',
        replace: '      await watch?.failed({ rpc',
      },
    ],
    tests: ['test/protocol/wrapper.test'],
  },
  {
    name: 'one look is enough to tell that a path is lost',
    changes: [
      {
        file: PATHS,
        find: 'else if (earlier?.problems.has(words)) {',
        replace: 'else {',
      },
    ],
    tests: [PATHS_TEST],
  },
  {
    name: 'what could not be looked at has no lost path',
    changes: [
      {
        file: PATHS,
        find: '          ? earlier\n',
        replace: '          ? undefined\n',
      },
    ],
    tests: [PATHS_TEST],
  },
  {
    name: 'a guest is given to every namespace that begins like one of its own',
    changes: [
      {
        file: GUESTS,
        find: 'namespaces.includes(namespace)',
        replace: 'namespaces.some(each => namespace.startsWith(each))',
      },
    ],
    tests: [GUESTS_TEST],
  },
  {
    name: 'a guest that stands in the configuration twice is given as the second entry says',
    changes: [
      {
        file: GUESTS,
        find: 'if (problems.length > 0) throw new ConfigError(file, problems)',
        replace: '',
      },
    ],
    tests: [GUESTS_TEST],
  },
]
