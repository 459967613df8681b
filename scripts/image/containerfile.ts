// What image/Containerfile says of the last stage: how the image runs. It is read, so that the image
// of `npm run image` cannot differ from it.

const PAIR = /([\w.]+)=("[^"]*"|\S+)/g

export interface ContainerConfig {
  readonly Entrypoint: readonly string[]
  readonly User: string
  readonly WorkingDir: string
  readonly Env: readonly string[]
  readonly Labels: Readonly<Record<string, string>>
}

/** Throws where the last stage says something that is not known here, so that nothing is lost. */
export function parseContainerfile(text: string): ContainerConfig {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map(line => line.trim())
  const stage = lines.slice(lines.findLastIndex(line => line.startsWith('FROM ')) + 1)
  let config: ContainerConfig = { Entrypoint: [], User: '', WorkingDir: '/', Env: [], Labels: {} }
  for (const line of stage.filter(line => line !== '')) {
    const instruction = line.slice(0, line.indexOf(' '))
    const rest = line.slice(instruction.length).trim()
    config = { ...config, ...setting(instruction, rest) }
  }
  return config
}

function setting(instruction: string, rest: string): Partial<ContainerConfig> {
  switch (instruction) {
    case 'COPY':
      return {}
    case 'ENV':
      return { Env: pairs(rest).map(([name, value]) => `${name}=${value}`) }
    case 'LABEL':
      return { Labels: Object.fromEntries(pairs(rest)) }
    case 'USER':
      return { User: rest }
    case 'WORKDIR':
      return { WorkingDir: rest }
    case 'ENTRYPOINT':
      return { Entrypoint: JSON.parse(rest) as string[] }
    default:
      throw new Error(`image/Containerfile: ${instruction} is not known to scripts/image`)
  }
}

function pairs(text: string): [string, string][] {
  return [...text.matchAll(PAIR)].map(([, name = '', value = '']) => [
    name,
    value.replace(/^"(.*)"$/, '$1'),
  ])
}
