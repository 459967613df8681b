// The unix socket of a plugin: which endpoints are accepted, and when an existing file may be
// removed. A file that is no socket, and a socket on which somebody answers, is never removed.

import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { StorageError } from '../../errors.ts'

const PREFIX = 'unix://'
// sockaddr_un holds 108 bytes with the final zero on Linux. libuv would fail with EINVAL.
const LONGEST_PATH = 107

/**
 * The path of `unix:///absolute/path`. `unix://dir/x` would silently bind elsewhere, and a bare
 * path would count as a DNS name.
 */
export function parseEndpoint(endpoint: string): string {
  const path = endpoint.startsWith(PREFIX) ? endpoint.slice(PREFIX.length) : ''
  if (!path.startsWith('/') || path.endsWith('/')) {
    throw new StorageError(
      'invalid-argument',
      `endpoint ${JSON.stringify(endpoint)} is not of the form unix:///absolute/path/csi.sock`,
    )
  }
  const bytes = Buffer.byteLength(path)
  if (bytes > LONGEST_PATH) {
    throw new StorageError(
      'invalid-argument',
      `endpoint ${endpoint}: the path has ${bytes} bytes, a unix socket's may have ${LONGEST_PATH}`,
    )
  }
  return path
}

/**
 * Frees the path for bind: removes the socket of a plugin that has ended, and rejects anything
 * else.
 */
export async function clearEndpoint(path: string): Promise<void> {
  const parent = await stat(dirname(path))
  if (!parent?.isDirectory()) {
    throw new StorageError(
      'failed-precondition',
      `socket ${path}: there is no directory ${dirname(path)}`,
    )
  }
  const file = await stat(path)
  if (file === undefined) return
  if (!file.isSocket()) {
    throw new StorageError(
      'failed-precondition',
      `${path} exists and is not a socket; it is not removed`,
    )
  }
  if (await isAnswered(path)) {
    throw new StorageError('failed-precondition', `socket ${path} is in use by another process`)
  }
  await unlink(path)
}

async function stat(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new StorageError('failed-precondition', `cannot look at ${path}`, { cause: error })
  }
}

/** Only a refused connection proves that nobody listens. Every other failure proves nothing. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', error => {
      if (codeOf(error) === 'ECONNREFUSED') resolve(false)
      else {
        reject(
          new StorageError(
            'failed-precondition',
            `socket ${path} is there, and whether it is in use cannot be told`,
            { cause: error },
          ),
        )
      }
    })
  })
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
