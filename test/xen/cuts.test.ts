// Every command of an attachment and of a detachment, cut on its way to a real dom0 or back: no
// answer is wrong, and the same call again ends as if nothing had happened.

import type { Attachment, Volume } from '../../src/model/volumes.ts'
import type { CommandResult } from '../../src/shell/shell.ts'
import { formatCommand, ShellError } from '../../src/shell/shell.ts'
import { openAround, type SentCommand } from '../support/machines/around-commands.ts'
import type { GuestFiles } from './guest-files.ts'
import { insist } from './insist.ts'
import { CONTROL_HOST } from './installation.ts'
import { Scene } from './scene.ts'

/** `late`: its answer is lost at once, and the command is still under way. */
type Moment = 'before' | 'after' | 'late'

interface Cut extends Pick<SentCommand, 'effect'> {
  readonly command: string
  /** Which one of those that are the same, from 0. */
  readonly time: number
  readonly moment: Moment
}

/** Of one call: its commands, and at which of them it is cut. */
class Cuts {
  readonly commands: { readonly command: string; readonly effect: SentCommand['effect'] }[] = []
  /** Whether the command was sent. How often the machine is listed depends on how fast it is. */
  hasCut = false
  #cut: Cut | undefined
  #late: Promise<unknown> = Promise.resolve()

  begin(cut?: Cut): void {
    this.commands.length = 0
    this.hasCut = false
    this.#cut = cut
  }

  readonly openShell = openAround(CONTROL_HOST, ({ command: words, effect, run }) => {
    const command = formatCommand(words)
    const time = timesOf(this.commands, command)
    this.commands.push({ command, effect })
    const cut = this.#cut
    const isCut = cut?.command === command && cut.time === time
    return isCut ? this.#lose(run, cut.moment) : run()
  })

  async #lose(run: SentCommand['run'], moment: Moment): Promise<CommandResult> {
    this.hasCut = true
    if (moment === 'after') await run()
    if (moment === 'late') this.#late = run()
    throw new ShellError('unknown', `the connection was cut ${moment}`)
  }

  /** Whatever was late has ended. */
  settled(): Promise<unknown> {
    return this.#late
  }
}

const timesOf = (commands: Cuts['commands'], wanted: string) =>
  commands.filter(({ command }) => command === wanted).length

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

/** A read that was cut says nothing, whether it ran or not. */
const momentsOf = (effect: SentCommand['effect']): readonly Moment[] =>
  effect === 'read' ? ['before'] : ['before', 'after', 'late']

/**
 * `early`: before the first change. What is cut there leaves nothing, and needs no way back.
 */
function cutsOf(commands: Cuts['commands']) {
  const first = commands.findIndex(({ effect }) => effect === 'write')
  const cuts = commands.map(({ command, effect }, at) => {
    const time = timesOf(commands.slice(0, at), command)
    return momentsOf(effect).map((moment): Cut => ({ command, effect, time, moment }))
  })
  return { early: cuts.slice(0, first).flat(), later: cuts.slice(first).flat() }
}

/** The call knows nothing, unless it did without the look that was to be cut. */
async function expectCut(
  call: Call,
  cut: Cut,
  { cuts, driver }: Awaited<ReturnType<typeof cutting>>,
): Promise<void> {
  cuts.begin(cut)
  const failure = await CALLS[call].run(driver).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (cuts.hasCut) expect(failure).toMatchObject({ kind: 'unavailable' })
  else expect({ failure, effect: cut.effect }).toEqual({ failure: undefined, effect: 'read' })
}

async function runEarlyCuts(call: Call, cuts: readonly Cut[]): Promise<void> {
  const { cuts: at, driver } = await cutting()
  for (const cut of cuts) {
    await expectCut(call, cut, { cuts: at, driver })
  }
  await driver.stop()
}

/** `next`: who repeats the call. */
async function runCut(call: Call, cut: Cut, next: 'the same' | 'a new one'): Promise<void> {
  process.stdout.write(`${call}: ${cut.moment} ${cut.command}\n`)
  const { cuts, driver } = await cutting()
  const { run, done } = CALLS[call]
  await expectCut(call, cut, { cuts, driver })
  cuts.begin()
  // Either it remembers what was lost, or the process list has to tell it.
  const repeating = next === 'the same' ? driver : await scene.installation.driver()
  await insist(() => run(repeating))
  await cuts.settled()
  await done()
  // Each keeps a session of dom0's SSH server.
  for (const { stop } of [driver, repeating]) await stop()
}

test('an attachment and a detachment survive a cut at any of their commands', async () => {
  datasets.detached = await scene.installation.datasets()
  const attach = cutsOf(await commandsOf('attach'))
  datasets.attached = await scene.installation.datasets()
  const detach = cutsOf(await commandsOf('detach'))
  expect(Math.min(attach.later.length, detach.later.length)).toBeGreaterThan(0)

  await runEarlyCuts('attach', attach.early)
  await CALLS.detach.done()
  await CALLS.attach.run(scene.driver)
  await runEarlyCuts('detach', detach.early)
  await CALLS.attach.done()
  await CALLS.detach.run(scene.driver)

  const later = { attach: attach.later, detach: detach.later }
  const rounds = Math.max(later.attach.length, later.detach.length)
  for (let round = 0; round < rounds; round += 1) {
    for (const call of ['attach', 'detach'] as const) {
      const cut = later[call][round]
      if (cut === undefined) await insist(() => CALLS[call].run(scene.driver))
      else await runCut(call, cut, round % 2 === 0 ? 'the same' : 'a new one')
    }
  }
  expect(await scene.audit()).toEqual([])
})
