// Every command of an attachment and of a detachment, cut on its way to a real dom0 or back: no
// answer is wrong, and the same call again ends as if nothing had happened.

import { isStorageError } from '../../src/errors.ts'
import type { Attachment, Volume } from '../../src/model/volumes.ts'
import type { CommandResult } from '../../src/shell/shell.ts'
import { formatCommand, ShellError } from '../../src/shell/shell.ts'
import { pause } from '../support/commands.ts'
import { openAround, type SentCommand } from '../support/machines/around-commands.ts'
import type { GuestFiles } from './guest-files.ts'
import { CONTROL_HOST } from './installation.ts'
import { Scene } from './scene.ts'

/** `late`: its answer is lost at once, and the command is still under way. */
type Moment = 'before' | 'after' | 'late'

/** Of one call: its commands, and at which of them it is cut. */
class Cuts {
  readonly commands: Pick<SentCommand, 'command' | 'effect'>[] = []
  #cut: { readonly at: number; readonly moment: Moment } | undefined
  #late: Promise<unknown> = Promise.resolve()

  begin(at?: number, moment: Moment = 'before'): void {
    this.commands.length = 0
    this.#cut = at === undefined ? undefined : { at, moment }
  }

  readonly openShell = openAround(CONTROL_HOST, ({ run, ...sent }) => {
    const at = this.commands.push(sent) - 1
    return at === this.#cut?.at ? this.#lose(run, this.#cut.moment) : run()
  })

  async #lose(run: SentCommand['run'], moment: Moment): Promise<CommandResult> {
    if (moment === 'after') await run()
    if (moment === 'late') this.#late = run()
    throw new ShellError('unknown', `the connection was cut ${moment}`)
  }

  /** Whatever was late has ended. */
  settled(): Promise<unknown> {
    return this.#late
  }
}

let scene: Scene
let web: GuestFiles
let volume: Volume
/** The answer of the first call, and so of all. */
let attachment: Attachment | undefined
/** What dom0 has of the volume, without and with its attachment. */
const datasets: { detached: readonly string[]; attached: readonly string[] } = {
  detached: [],
  attached: [],
}

beforeAll(async () => {
  scene = await Scene.start('cuts', 'web')
  web = scene.files('web')
  volume = await scene.rawVolume('cut')
})

afterAll(() => scene?.end())

/** A driver that has just started, and the cuts of its commands. */
async function cutting() {
  const cuts = new Cuts()
  return { cuts, driver: await scene.installation.driver(cuts.openShell) }
}

/** As an orchestrator: the same call until it succeeds, while the answer is that it may yet. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call()
    } catch (error) {
      if (tries === 60 || !isStorageError(error, 'unavailable', 'busy')) throw error
      await pause(500)
    }
  }
}

const CALLS = {
  attach: {
    run: async (driver: Scene['driver']) => {
      const found = await web.attach(driver, volume)
      attachment ??= found
      expect(found).toEqual(attachment)
    },
    done: async () => {
      expect(await scene.installation.vbds('web')).toMatchObject([
        { params: scene.device(volume), mode: 'w', frontState: 4, backState: 4 },
      ])
      expect(await scene.installation.datasets()).toEqual(datasets.attached)
    },
  },
  detach: {
    run: async (driver: Scene['driver']) => web.detach(driver, volume),
    done: async () => {
      expect(await scene.installation.vbds('web')).toEqual([])
      expect(await scene.installation.datasets()).toEqual(datasets.detached)
    },
  },
} as const

/** The commands of a call, by a driver that has just started as all others. */
async function commandsOf(call: Call): Promise<Cuts['commands']> {
  const { cuts, driver } = await cutting()
  cuts.begin()
  await CALLS[call].run(driver)
  return [...cuts.commands]
}

type Call = keyof typeof CALLS

interface Cut {
  readonly at: number
  readonly moment: Moment
  readonly command: string
}

/** A read that was cut says nothing, whether it ran or not. */
function cutsOf(commands: Cuts['commands']): readonly Cut[] {
  return commands.flatMap(({ command, effect }, at) => {
    const moments: readonly Moment[] = effect === 'read' ? ['before'] : ['before', 'after', 'late']
    return moments.map(moment => ({ at, moment, command: formatCommand(command) }))
  })
}

/** Before the first change: what is cut there leaves nothing, and needs no way back. */
const firstChange = (commands: Cuts['commands']) =>
  commands.findIndex(({ effect }) => effect === 'write')

const describeCut = (call: Call, { command, moment }: Cut) => `${call}, cut ${moment} ${command}`

async function runEarlyCuts(call: Call, cuts: readonly Cut[]): Promise<void> {
  const { cuts: at, driver } = await cutting()
  for (const cut of cuts) {
    at.begin(cut.at, cut.moment)
    await expect(CALLS[call].run(driver)).rejects.toMatchObject({ kind: 'unavailable' })
  }
  await driver.stop()
}

async function runCut(call: Call, cut: Cut): Promise<void> {
  const { at, moment } = cut
  process.stdout.write(`${describeCut(call, cut)}\n`)
  const { cuts, driver } = await cutting()
  cuts.begin(at, moment)
  const { run, done } = CALLS[call]
  await expect(run(driver)).rejects.toMatchObject({ kind: 'unavailable' })
  cuts.begin()
  // Either it remembers what was lost, or the process list has to tell it.
  const next = at % 2 === 0 ? driver : await scene.installation.driver()
  await insist(() => run(next))
  await cuts.settled()
  await done()
  // Each keeps a session of dom0's SSH server.
  for (const { stop } of [driver, next]) await stop()
}

test('an attachment and a detachment survive a cut at any of their commands', async () => {
  datasets.detached = await scene.installation.datasets()
  const commands = { attach: await commandsOf('attach'), detach: [] as Cuts['commands'] }
  datasets.attached = await scene.installation.datasets()
  commands.detach = await commandsOf('detach')
  const cuts = { attach: cutsOf(commands.attach), detach: cutsOf(commands.detach) }
  const early = (call: Call) => cuts[call].filter(({ at }) => at < firstChange(commands[call]))
  const later = (call: Call) => cuts[call].filter(({ at }) => at >= firstChange(commands[call]))
  process.stdout.write(
    `\ncommands: ${commands.attach.length} of attach, ${commands.detach.length} of detach; ` +
      `cuts: ${cuts.attach.length} and ${cuts.detach.length}\n`,
  )

  await runEarlyCuts('attach', early('attach'))
  await CALLS.detach.done()
  await CALLS.attach.run(scene.driver)
  await runEarlyCuts('detach', early('detach'))
  await CALLS.attach.done()
  await CALLS.detach.run(scene.driver)

  const rounds = Math.max(later('attach').length, later('detach').length)
  for (let round = 0; round < rounds; round += 1) {
    for (const call of ['attach', 'detach'] as const) {
      const cut = later(call)[round]
      if (cut === undefined) await insist(() => CALLS[call].run(scene.driver))
      else await runCut(call, cut)
    }
  }
  expect(await scene.audit()).toEqual([])
})
