#!/usr/bin/env node
// ldom-sim: a simulated installation for people without the hardware. This file handles only
// arguments, signals and the exit status.

import { Command, Option } from 'commander'
import { runPrompt } from '../prompt.ts'
import { promptOver } from '../remote-prompt.ts'
import { PRESETS, readWorldSpec, serve } from '../serve.ts'
import { LOOPBACK } from '../ssh-server.ts'
import { createWorld } from '../world.ts'
import type { WorldSpec } from '../world-spec.ts'

interface WorldChoice {
  readonly preset: string
  readonly world?: string
}

const program = new Command('ldom-sim').description(
  'A simulated installation: storage hosts, machines with service domains, guests',
)

addWorldOptions(
  program.command('serve').description('serve the installation over SSH until SIGINT or SIGTERM'),
)
  .requiredOption(
    '--directory <directory>',
    'directory for keys, configuration files and the control socket',
  )
  .option('--address <address>', 'where the hosts listen', LOOPBACK)
  .option(
    '--real-block-devices',
    'give Linux guests real block devices (needs root on Linux)',
    false,
  )
  .action(
    async (
      options: WorldChoice & {
        readonly directory: string
        readonly address: string
        readonly realBlockDevices: boolean
      },
    ) => {
      const served = await serve({ ...options, spec: specOf(options) })
      process.stdout.write(
        `ready: ${served.hosts.length} hosts on ${options.address}; see ${served.worldFile}\n`,
      )
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        process.once(signal, () => {
          served.stop().then(
            () => process.exit(0),
            error => fail(error),
          )
        })
      }
    },
  )

addWorldOptions(
  program
    .command('prompt')
    .description('type commands on a host: ldm list, zfs list, stmfadm list-lu -v'),
)
  .argument('[host]', 'first host; `use HOST` changes it')
  .option(
    '--directory <directory>',
    'directory of a running `ldom-sim serve`; without it, the prompt has its own installation',
  )
  .action(
    async (host: string | undefined, options: WorldChoice & { readonly directory?: string }) => {
      if (options.directory !== undefined) {
        process.exitCode = await promptOver(options.directory, host)
        return
      }
      const { hosts } = createWorld(specOf(options))
      const first = host ?? [...hosts.keys()][0]
      if (first === undefined || !hosts.has(first)) {
        throw new Error(`no host ${first}; there are: ${[...hosts.keys()].join(' ')}`)
      }
      const isTerminal = process.stdin.isTTY === true
      process.exitCode = await runPrompt(
        { input: process.stdin, output: process.stdout, isTerminal },
        hosts,
        first,
      )
    },
  )

function addWorldOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--preset <name>', 'a predefined installation')
        .choices(Object.keys(PRESETS))
        .default('demo'),
    )
    .option('--world <file>', 'YAML file that describes your own installation')
}

function specOf({ preset, world }: WorldChoice): WorldSpec {
  if (world !== undefined) return readWorldSpec(world)
  const create = PRESETS[preset]
  if (!create) throw new Error(`no preset ${preset}`)
  return create()
}

function fail(error: unknown): void {
  process.stderr.write(`ldom-sim: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

program.parseAsync().catch(fail)
