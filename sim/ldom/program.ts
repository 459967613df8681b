// The program `ldm` of the simulated control domain. It finds the subcommand, checks the account's
// authorisation, and prints notices before the answer. It applies changes now, or keeps them for
// later. Like the real ldmd it runs one command at a time.

import type { SimAnswer, SimProgram } from '../host.ts'
import { type Grammar, parseArguments } from './arguments.ts'
import * as changes from './changes.ts'
import * as listings from './listings.ts'
import { CONTROL_DOMAIN, type LdmSettings } from './model.ts'
import type { Running } from './running.ts'
import type { SpStore } from './sp-store.ts'
import { LdmFailure, TEXTS } from './texts.ts'

export interface ProgramState {
  readonly running: Running
  readonly settings: LdmSettings
  readonly store: SpStore
  /** Recovery policy 2: the notice for the first command after the start of ldmd, then empty. */
  takeNotice(): string
}

type Said = Pick<SimAnswer, 'stdout' | 'stderr'>

interface Subcommand {
  readonly names: readonly string[]
  readonly grammar: Grammar
  readonly effect: 'read' | 'write'
  readonly run: (args: ReturnType<typeof parseArguments>, state: ProgramState) => Said
}

const quiet: Said = { stdout: '', stderr: '' }
const say = (stdout: string): Said => ({ stdout, stderr: '' })

const list = (names: string, grammar: Partial<Grammar>, run: listings.ListCommand): Subcommand => ({
  names: names.split(' '),
  grammar: { flags: 'ep', operands: [0, 1000], ...grammar },
  effect: 'read',
  run: (args, state) => say(run(args, state)),
})

const change = (names: string, grammar: Grammar, plan: changes.ChangeCommand): Subcommand => ({
  names: names.split(' '),
  grammar,
  effect: 'write',
  run: (args, state) => applyChange(plan(args, state.running, state.settings), state),
})

const store = (
  names: string,
  grammar: Grammar,
  run: Subcommand['run'],
  effect: Subcommand['effect'] = 'write',
): Subcommand => ({
  names: names.split(' '),
  grammar,
  effect,
  run,
})

const SUBCOMMANDS: readonly Subcommand[] = [
  list(
    'list-domain list ls ls-domain list-dom ls-dom',
    { flags: 'elpS', values: 'o' },
    listings.listDomains,
  ),
  list('list-bindings ls-bindings', {}, listings.listBindings),
  list('list-services ls-services', {}, listings.listServices),
  list('list-constraints ls-constraints', { flags: 'epx' }, listings.listConstraints),
  change('add-vds add-vdiskserver', { flags: '', operands: [2, 2] }, changes.addVds),
  change(
    'rm-vds remove-vds rm-vdiskserver remove-vdiskserver',
    { flags: 'f', operands: [1, 1] },
    changes.removeVds,
  ),
  change(
    'add-vdsdev add-vdiskserverdevice',
    { flags: 'fq', properties: ['options', 'mpgroup'], operands: [2, 2] },
    changes.addVdsDevice,
  ),
  change(
    'set-vdsdev set-vdiskserverdevice',
    { flags: 'f', properties: ['options', 'mpgroup'], operands: [1, 1] },
    changes.setVdsDevice,
  ),
  change(
    'rm-vdsdev remove-vdsdev rm-vdiskserverdevice remove-vdiskserverdevice',
    { flags: 'f', operands: [1, 1] },
    changes.removeVdsDevice,
  ),
  change(
    'add-vdisk',
    { flags: '', properties: ['timeout', 'id'], operands: [3, 3] },
    changes.addVdisk,
  ),
  change(
    'set-vdisk',
    { flags: '', properties: ['timeout', 'volume'], operands: [2, 2] },
    changes.setVdisk,
  ),
  change('rm-vdisk remove-vdisk', { flags: 'f', operands: [2, 2] }, changes.removeVdisk),
  change('bind bind-domain bind-dom', { flags: 'q', operands: [1, 1] }, changes.bindDomain),
  change('unbind unbind-domain unbind-dom', { flags: '', operands: [1, 1] }, changes.unbindDomain),
  change('cancel-operation cancel-op', { flags: '', operands: [2, 2] }, changes.cancelMigration),
  store(
    'start start-domain start-dom',
    { flags: '', operands: [1, 1] },
    ({ operands: [name = ''] }, state) => {
      const domain = changes.findDomain(state.running, name)
      if (domain.state !== 'bound') throw new LdmFailure(TEXTS.wrongState(name, 'bound'))
      state.running.setState(domain, 'active', true)
      return say(TEXTS.started(name))
    },
  ),
  store(
    'stop stop-domain stop-dom',
    { flags: 'fqrh', values: 't', operands: [1, 1] },
    ({ operands: [name = ''] }, state) => {
      const domain = changes.findDomain(state.running, name)
      if (domain.state !== 'active') throw new LdmFailure(TEXTS.wrongState(name, 'active'))
      state.running.setState(domain, 'bound', false)
      return say(TEXTS.stopped(name))
    },
  ),
  store(
    'start-reconf',
    { flags: '', operands: [1, 1] },
    ({ operands: [name = ''] }, { running }) => {
      if (name !== CONTROL_DOMAIN) {
        throw new LdmFailure(TEXTS.wrongState(name, 'the control domain'))
      }
      const text = running.delayedReconfiguration
        ? TEXTS.delayedPending(name)
        : TEXTS.delayedInitiate(name)
      running.delayedReconfiguration = true
      return say(text)
    },
  ),
  store('cancel-reconf', { flags: '', operands: [1, 1] }, (_, { running }) => {
    if (!running.delayedReconfiguration) throw new LdmFailure(TEXTS.noReconfiguration())
    running.delayedReconfiguration = false
    running.pending.length = 0
    return quiet
  }),
  store(
    'list-spconfig ls-spconfig list-config ls-config',
    { flags: 'r', operands: [0, 1] },
    ({ flags }, state) => say(flags.has('r') ? state.store.listAutosaved() : state.store.list()),
    'read',
  ),
  store(
    'add-spconfig add-config',
    { flags: 'r', operands: [1, 2] },
    ({ flags, operands: [name = '', newName = name] }, state) => {
      if (flags.has('r')) state.store.recover(name, newName)
      else state.store.add(name, state.running.configuration)
      return quiet
    },
  ),
  store(
    'set-spconfig set-config',
    { flags: '', operands: [1, 1] },
    ({ operands: [name = ''] }, state) => {
      state.store.select(name)
      return quiet
    },
  ),
  store(
    'rm-spconfig remove-spconfig rm-config remove-config',
    { flags: 'r', operands: [1, 1] },
    ({ operands: [name = ''] }, state) => {
      state.store.remove(name)
      return quiet
    },
  ),
]

export function ldmProgram(state: ProgramState): SimProgram {
  return args => {
    const notice = state.takeNotice()
    try {
      const said = run(args, state)
      return { exitStatus: 0, stdout: notice + said.stdout, stderr: said.stderr }
    } catch (error) {
      if (!(error instanceof LdmFailure)) throw error
      return { exitStatus: 1, stdout: notice, stderr: error.message }
    }
  }
}

function run([name = '', ...args]: readonly string[], state: ProgramState): Said {
  const { authorisation } = state.settings
  if (name === '-V') {
    if (authorisation === 'none') throw new LdmFailure(TEXTS.unauthorised())
    return say(listings.versionText(state))
  }
  const subcommand = SUBCOMMANDS.find(({ names }) => names.includes(name))
  if (!subcommand) throw new LdmFailure(TEXTS.usage(`unknown subcommand ${name}`))
  const parsed = parseArguments(args, subcommand.grammar)
  if (authorisation === 'none' || (authorisation === 'read' && subcommand.effect === 'write')) {
    throw new LdmFailure(TEXTS.unauthorised())
  }
  return subcommand.run(parsed, state)
}

// In configuration mode all changes wait for the next power-on. During a delayed reconfiguration,
// changes of the control domain wait for its reboot, and ldm refuses changes of other domains.
function applyChange(
  { domain, warning = '', apply }: changes.Change,
  { running, settings, store }: ProgramState,
): Said {
  if (settings.configurationMode) {
    running.pending.push(apply)
    return { stdout: TEXTS.configurationMode(), stderr: warning }
  }
  if (running.delayedReconfiguration) {
    if (domain !== CONTROL_DOMAIN) throw new LdmFailure(TEXTS.otherDomainDelayed())
    running.pending.push(apply)
    return { stdout: TEXTS.delayedPending(domain), stderr: warning }
  }
  apply()
  store.changed(running.configuration)
  return { stdout: '', stderr: warning }
}
