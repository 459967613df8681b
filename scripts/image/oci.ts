// Writes an archive of OCI images, which `ctr images import`, `podman load` and `skopeo` read. The
// same trees and the same moment make the same bytes. No registry and no daemon takes part.
// Format: github.com/opencontainers/image-spec, image-layout.md, manifest.md, config.md (1.1).

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'

export interface ArchiveOptions {
  /** A directory for what the archive is made from. */
  readonly work: string
  /** Every file, and every image itself, is from this moment. */
  readonly created: Date
  readonly layers: 'gzip' | 'plain'
}

export interface ImageSpec {
  /** Name and tag, as a registry would know it. */
  readonly reference: string
  /** Directories, each a layer; the first is the lowest. */
  readonly layers: readonly string[]
  /** As container runtimes know it: Entrypoint, Cmd, User, Env, Labels. */
  readonly config: object
}

export interface WrittenImage {
  readonly digest: string
  /** Sum of the layers, as a registry stores them, and as they lie on a disk. */
  readonly storedBytes: number
  readonly unpackedBytes: number
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

interface Layer {
  readonly descriptor: Descriptor
  /** Of the tar, whatever packs it. */
  readonly diffId: string
  readonly tarBytes: number
}

const TYPE = 'application/vnd.oci.image'
/** As Go names them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

const run = promisify(execFile)

/** Images of this machine's architecture, added one after another; then `write`. */
export class ImageArchive {
  readonly #options: ArchiveOptions
  readonly #layout: string
  readonly #blobs: string
  readonly #manifests: object[] = []

  constructor(options: ArchiveOptions) {
    this.#options = options
    this.#layout = join(options.work, 'layout')
    this.#blobs = join(this.#layout, 'blobs', 'sha256')
    mkdirSync(this.#blobs, { recursive: true })
  }

  async add(spec: ImageSpec): Promise<WrittenImage> {
    const layers: Layer[] = []
    for (const tree of spec.layers) layers.push(await this.#addLayer(tree))

    const platform = { architecture: architecture(), os: 'linux' }
    const config = this.#addObject(`${TYPE}.config.v1+json`, {
      created: this.#options.created.toISOString(),
      ...platform,
      config: spec.config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    })
    const mediaType = `${TYPE}.manifest.v1+json`
    const manifest = this.#addObject(mediaType, {
      schemaVersion: 2,
      mediaType,
      config,
      layers: layers.map(({ descriptor }) => descriptor),
    })
    const tag = spec.reference.slice(spec.reference.lastIndexOf(':') + 1)
    const annotations = {
      'io.containerd.image.name': spec.reference,
      'org.opencontainers.image.ref.name': tag,
    }
    this.#manifests.push({ ...manifest, platform, annotations })
    return {
      digest: manifest.digest,
      storedBytes: layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
      unpackedBytes: layers.reduce((sum, { tarBytes }) => sum + tarBytes, 0),
    }
  }

  /** Writes `file` with the images that were added. */
  async write(file: string): Promise<void> {
    const index = { schemaVersion: 2, manifests: this.#manifests }
    writeFileSync(join(this.#layout, 'index.json'), JSON.stringify(index))
    writeFileSync(join(this.#layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
    await this.#tar(this.#layout, file)
  }

  async #addLayer(tree: string): Promise<Layer> {
    const tar = join(this.#options.work, 'layer.tar')
    await this.#tar(tree, tar)
    const diffId = await digestOf(tar)
    const tarBytes = statSync(tar).size
    if (this.#options.layers === 'plain') {
      const descriptor = { mediaType: `${TYPE}.layer.v1.tar`, digest: diffId, size: tarBytes }
      await rename(tar, this.#blob(diffId))
      return { descriptor, diffId, tarBytes }
    }
    const packed = `${tar}.gz`
    await pipeline(createReadStream(tar), createGzip({ level: 9 }), createWriteStream(packed))
    const [digest, { size }] = [await digestOf(packed), statSync(packed)]
    await rename(packed, this.#blob(digest))
    const descriptor = { mediaType: `${TYPE}.layer.v1.tar+gzip`, digest, size }
    return { descriptor, diffId, tarBytes }
  }

  #addObject(mediaType: string, value: object): Descriptor {
    const bytes = Buffer.from(JSON.stringify(value))
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    writeFileSync(this.#blob(digest), bytes)
    return { mediaType, digest, size: bytes.length }
  }

  #blob(digest: string): string {
    return join(this.#blobs, digest.replace('sha256:', ''))
  }

  async #tar(tree: string, file: string): Promise<void> {
    await run('tar', [
      '--create',
      `--file=${file}`,
      `--directory=${tree}`,
      '--sort=name',
      '--format=gnu',
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      `--mtime=@${Math.floor(this.#options.created.getTime() / 1000)}`,
      '.',
    ])
  }
}

function architecture(): string {
  const found = ARCHITECTURES[process.arch]
  if (found === undefined) throw new Error(`no image for ${process.arch}`)
  return found
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return `sha256:${hash.digest('hex')}`
}
