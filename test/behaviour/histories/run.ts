// Plays random histories and says what was played. A broken promise is reported with fast-check's
// seed and path: HISTORY_SEED and HISTORY_PATH play the one that failed, HISTORIES sets how many
// are played in all.

import fc from 'fast-check'
import * as attaching from './attach-steps.ts'
import * as guests from './guest-steps.ts'
import { choose, Player, SUCCESS, Tally } from './player.ts'
import { checkWorld, finish, list, listSnapshots } from './promises.ts'
import { type Event, GUESTS, histories, MACHINES, type StepOf, type Turn } from './steps.ts'
import * as volumes from './volume-steps.ts'

const DEFAULT_HISTORIES = 2_000
/**
 * The same histories in every run: a change must not fail for a defect that it did not bring.
 * Another seed looks for those.
 */
const DEFAULT_SEED = 20_261_121

/** The one place where the environment is asked. */
function settings(share: number): fc.Parameters<[readonly Turn[]]> {
  const { HISTORIES, HISTORY_SEED, HISTORY_PATH } = process.env
  return {
    numRuns: Math.ceil(Number(HISTORIES ?? DEFAULT_HISTORIES) * share),
    seed: Number(HISTORY_SEED ?? DEFAULT_SEED),
    ...(HISTORY_PATH === undefined ? {} : { path: HISTORY_PATH }),
  }
}

/** Plays `share` of the configured number of histories. */
export async function playHistories({
  share,
  faults,
}: {
  readonly share: number
  readonly faults: boolean
}): Promise<Tally> {
  const tally = new Tally()
  let story: readonly string[] = []
  const property = fc.asyncProperty(histories({ faults }), async turns => {
    const player = new Player(tally)
    try {
      await playHistory(player, turns)
    } catch (error) {
      // The last to fail is the smallest.
      story = player.story
      throw error
    }
  })
  const details = await fc.check(property, settings(share))
  if (details.failed) {
    throw new Error(formatFailure(details, story), { cause: details.errorInstance })
  }
  return tally
}

function formatFailure(
  { seed, counterexamplePath, errorInstance }: fc.RunDetails<[readonly Turn[]]>,
  story: readonly string[],
): string {
  return [
    `a promise is broken: ${String(errorInstance)}`,
    `play it again with HISTORY_SEED=${seed} HISTORY_PATH=${counterexamplePath ?? ''}`,
    'what was called:',
    ...story,
  ].join('\n  ')
}

async function playHistory(player: Player, turns: readonly Turn[]): Promise<void> {
  const { tally } = player
  for (const turn of turns) {
    player.arm(turn.fault)
    player.twice = turn.twice
    const before = player.story.length
    await play(player, turn)
    player.arm(undefined)
    checkWorld(player)
    player.passTroubles()
    // A step that found nothing to do proves nothing.
    if (player.story.length > before) tally.steps += 1
  }
  await finish(player)
  tally.histories += 1
  tally.commands += player.world.timeline.commands.length
}

async function play(player: Player, { step, fault }: Turn): Promise<void> {
  switch (step.do) {
    case 'list':
      return list(player)
    case 'list snapshots':
      return listSnapshots(player)
    case 'sweep':
      await player.call('the sweep', SUCCESS, () => player.driver.reaper.sweep())
      return
    case 'create':
      return volumes.create(player, step)
    case 'clone':
      return volumes.clone(player, step)
    case 'create again':
      return volumes.createAgain(player, step)
    case 'create otherwise':
      return volumes.createOtherwise(player, step)
    case 'delete':
      return volumes.remove(player, step.volume)
    case 'expand':
      return volumes.expand(player, step)
    case 'snapshot':
      return volumes.snapshot(player, step)
    case 'delete snapshot':
      return volumes.deleteSnapshot(player, choose(player.model.snapshots, step.snapshot))
    case 'attach':
      await attaching.attach(player, step)
      return
    case 'use':
      return use(player, step)
    case 'give back':
      return giveBack(player, step.attachment)
    case 'attach again':
      return attaching.attachAgain(player, step)
    case 'detach':
      return attaching.detach(player, step.attachment, fault === undefined)
    case 'detach from all':
      return attaching.detachFromAll(player, step.volume)
    case 'stage':
      return guests.stage(player, step.attachment)
    case 'unstage':
      return guests.unstage(player, step.attachment)
    case 'publish':
      return guests.publish(player, step)
    case 'unpublish':
      return guests.unpublish(player, step.attachment)
    case 'expand in guest':
      return guests.expandInGuest(player, step.attachment)
    case 'measure':
      return guests.measure(player, step.attachment)
    case 'write':
      return guests.write(player, step.attachment)
    case 'read':
      return guests.read(player, step.attachment)
    default:
      return happen(player, step)
  }
}

async function use(player: Player, step: StepOf<'use'>): Promise<void> {
  const [volume, attachment] = (await attaching.attach(player, { ...step, readonly: false })) ?? []
  if (volume === undefined || attachment?.exists !== 'yes' || attachment.answer === undefined) {
    return
  }
  const { answer } = attachment
  await guests.stageIn(player, volume, attachment, answer)
  if (attachment.staged !== 'yes') return
  await guests.publishIn(player, volume, attachment, { answer, readonly: false })
  guests.writeIn(player, volume, attachment)
}

async function giveBack(player: Player, number: number): Promise<void> {
  const [volume, attachment] = choose(player.model.attachments(), number) ?? []
  if (volume === undefined || attachment === undefined) return
  if (attachment.published !== 'no') await guests.unpublishIn(player, volume, attachment)
  if (attachment.published === 'no' && attachment.staged !== 'no') {
    await guests.unstageIn(player, volume, attachment)
  }
  if (attachment.published === 'no' && attachment.staged === 'no') {
    await attaching.detachFrom(player, volume, attachment)
  }
}

/** What happens to the installation and to the driver, not through it. */
async function happen(player: Player, step: Event): Promise<void> {
  const { world } = player
  player.story.push(JSON.stringify(step))
  switch (step.do) {
    case 'restart driver':
      return player.restartDriver()
    case 'restart node plugin':
      return player.restartPlugin(choose(GUESTS, step.guest) ?? '')
    case 'restart storage host':
      await player.settle()
      return world.comstar('storage1').restart()
    case 'power cycle':
      return powerCycle(player, choose(MACHINES, step.machine) ?? '')
    case 'save configuration': {
      const machine = choose(MACHINES, step.machine) ?? ''
      const host = world.host(`${machine}-primary`)
      await host.programs.get('ldm')?.(['add-spconfig', `saved-${player.texts++}`], {
        input: '',
        host,
      })
      return
    }
    case 'trouble':
      return player.makeTrouble(step.trouble, step.lastsSteps)
  }
}

// Commands that were still at work end with the power, or a moment before.
async function powerCycle(player: Player, machine: string): Promise<void> {
  await player.settle()
  player.world.machine(machine).powerCycle()
  for (const [volume, attachment] of player.model.attachments()) {
    if (!attachment.guest.startsWith(`${machine}/`)) continue
    // What was staged raw is known by links, which outlive a reboot.
    attachment.staged = volume.isBlock && attachment.staged !== 'no' ? 'unsure' : 'no'
    attachment.published = volume.isBlock && attachment.published !== 'no' ? 'unsure' : 'no'
  }
}

export function report(title: string, tally: Tally): string {
  const table = (entries: ReadonlyMap<string, number>) =>
    [...entries]
      .sort()
      .map(([key, count]) => `${key} ${count}`)
      .join(', ')
  return [
    `${title}: ${tally.histories} histories, ${tally.steps} steps, ${tally.commands} commands`,
    `  successes: ${table(tally.successes)}`,
    `  answers: ${table(tally.outcomes)}`,
    `  faults and troubles: ${table(tally.faults) || 'none'}`,
  ].join('\n')
}
