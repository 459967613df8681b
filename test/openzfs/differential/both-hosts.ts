// One list of commands on the real storage host and on the simulated one, from the same beginning:
// an empty parent dataset on an empty pool.

import { SimHost, Timeline } from '../../../sim/host.ts'
import { MemoryStore } from '../../../sim/store.ts'
import type { DialectName } from '../../../sim/zfs/dialects.ts'
import { SimZfs } from '../../../sim/zfs/sim-zfs.ts'
import type { Command } from '../../../src/shell/shell.ts'
import { quote } from '../../../src/shell/ssh/ssh.ts'
import { ANSWERING, type Answer, NO_ANSWER, parseAnswers } from '../../support/machines/answers.ts'
import type { StorageMachine } from '../machine.ts'

export const PARENT = 'tank/differential'

/** A command, or what a virtual disk server does beside: it opens a volume, and closes all. */
export type Action =
  | { readonly kind: 'command'; readonly argv: Command }
  | { readonly kind: 'open'; readonly dataset: string }
  | { readonly kind: 'close' }

export function shown(action: Action): string {
  switch (action.kind) {
    case 'command':
      return action.argv
        .map(quote)
        .join(' ')
        .replace(/^\/usr\/sbin\//, '')
    case 'open':
      return `# ${action.dataset} is opened`
    case 'close':
      return '# all are closed'
  }
}

/** Answers at once; the commands of a sequence are chosen by what it has by then. */
export class SimulatedHost {
  readonly zfs: SimZfs
  readonly #host = new SimHost('storage', new Timeline())
  readonly #open: (() => void)[] = []

  constructor(dialect: DialectName, sizeBytes: number) {
    this.zfs = new SimZfs(this.#host, {
      pools: [{ name: 'tank', sizeBytes, dialect, datasets: [PARENT] }],
      createStore: size => new MemoryStore(size),
      nowMs: () => Date.now(),
    })
    // What was there before has another transaction group.
    this.zfs.pool('tank').sync()
  }

  async run(action: Action): Promise<Answer> {
    switch (action.kind) {
      case 'command': {
        const outcome = await this.#host.perform(action.argv, '')
        if (outcome.kind !== 'exit') throw new Error(`the simulated host answered ${outcome.kind}`)
        const { exitStatus: status, stdout, stderr } = outcome.answer
        return { status, stdout, stderr }
      }
      case 'open': {
        const close = this.zfs.dataset(action.dataset)?.volume?.open('a disk server', false)
        if (close !== undefined) this.#open.push(close)
        return NO_ANSWER
      }
      case 'close':
        for (const close of this.#open.splice(0)) close()
        return NO_ANSWER
    }
  }
}

// A volume that nobody holds is busy while udev looks at it, after its creation and after its last
// close. Such an answer is no answer: the command runs again.
const FUNCTIONS = `${ANSWERING}
held=
run() {
  tries=0
  while :; do
    take "$@"
    grep -q 'dataset is busy' $err || break
    for last; do :; done
    case " $held " in *" $last "*) break;; esac
    tries=$((tries + 1)); [ $tries -lt 20 ] || break
    udevadm settle; sleep 0.2
  done
  answer
}
hold() {
  tries=0
  until [ -b /dev/zvol/$1 ] || [ $tries -ge 300 ]; do sleep 0.1; tries=$((tries + 1)); done
  sleep 100000 </dev/zvol/$1 >/dev/null 2>&1 &
  pids="$pids $!"; held="$held $1"; nothing
}
free() { [ -z "$pids" ] || { kill $pids; wait $pids 2>/dev/null; }; pids=; held=; nothing; }
`

const BEGIN = `
fresh() {
  zfs list ${PARENT} >/dev/null 2>&1 || { zfs create ${PARENT}; return; }
  for held in $(zfs list -H -r -t snapshot -o name ${PARENT}); do zfs release kept $held; done
  udevadm settle
  zfs destroy -R ${PARENT} && zfs create ${PARENT}
}
for try in 1 2 3 4 5; do fresh 2>/tmp/differential.err && break; sleep 1; done
zfs list -H -r -t all -o name ${PARENT} | grep -v '^${PARENT}$' >&2 && exit 1
`

/** Bytes that the datasets of the real pool can use. */
export async function poolBytes(machine: StorageMachine): Promise<number> {
  const text = await machine.succeed('zfs get -Hp -o value used,available tank')
  return text
    .trim()
    .split('\n')
    .reduce((sum, value) => sum + Number(value), 0)
}

/** All commands in one go, as each takes a round trip otherwise. */
export async function runOnRealHost(
  machine: StorageMachine,
  actions: readonly Action[],
): Promise<readonly Answer[]> {
  const lines = actions.map(lineOf)
  const script = [BEGIN, FUNCTIONS, ...lines, 'free', ''].join('\n')
  return parseAnswers(await machine.succeed('sh -s', script)).slice(0, actions.length)
}

function lineOf(action: Action): string {
  switch (action.kind) {
    case 'command':
      return `run ${action.argv.map(quote).join(' ')}`
    case 'open':
      return `hold ${action.dataset}`
    case 'close':
      return 'free'
  }
}
