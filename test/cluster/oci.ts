// An archive of small images in the OCI layout: each has one layer, made from a directory. No
// registry and no daemon takes part.

import { createHash } from 'node:crypto'
import { createReadStream, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { run } from './commands.ts'

const TYPE = 'application/vnd.oci.image'
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

export interface Image {
  readonly name: string
  /** Its content is the image's root directory. */
  readonly directory: string
  readonly config: {
    readonly Entrypoint?: readonly string[]
    readonly Cmd?: readonly string[]
    readonly Env?: readonly string[]
    readonly User?: string
  }
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** Writes `file`, for `ctr images import`; `work` is a directory for what it is made from. */
export async function writeImageArchive(
  file: string,
  work: string,
  images: readonly Image[],
): Promise<void> {
  const layout = join(work, 'layout')
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
  const architecture = ARCHITECTURES[process.arch] ?? process.arch
  const platform = { architecture, os: 'linux' }
  const manifests: object[] = []
  for (const { name, directory, config } of images) {
    const tar = join(work, 'layer')
    const owner = ['--owner', '0', '--group', '0', '--numeric-owner', '--mtime', '@0']
    await run(['tar', '--create', '--file', tar, '--directory', directory, ...owner, '.'])
    const layer = await addFile(layout, `${TYPE}.layer.v1.tar`, tar)
    const rootfs = { type: 'layers', diff_ids: [layer.digest] }
    const about = await addObject(layout, `${TYPE}.config.v1+json`, { ...platform, config, rootfs })
    const mediaType = `${TYPE}.manifest.v1+json`
    const manifest = { schemaVersion: 2, mediaType, config: about, layers: [layer] }
    const descriptor = await addObject(layout, mediaType, manifest)
    const annotations = { 'io.containerd.image.name': name }
    manifests.push({ ...descriptor, platform, annotations })
  }
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await run(['tar', '--create', '--file', file, '--directory', layout, '.'])
}

async function addObject(layout: string, mediaType: string, value: object): Promise<Descriptor> {
  const file = join(layout, 'object')
  writeFileSync(file, JSON.stringify(value))
  return addFile(layout, mediaType, file)
}

/** Moves the file among the blobs. */
async function addFile(layout: string, mediaType: string, file: string): Promise<Descriptor> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  const sum = hash.digest('hex')
  const { size } = statSync(file)
  renameSync(file, join(layout, 'blobs/sha256', sum))
  return { mediaType, digest: `sha256:${sum}`, size }
}
