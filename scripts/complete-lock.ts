// Completes package-lock.json after `npm install`. If a registry mirror lacks a package of another
// platform, npm omits it from the lock file, and newer npm then rejects `npm ci`. The added entries
// hold what npm checks on this platform: version, os, cpu, libc.

import { readFileSync, writeFileSync } from 'node:fs'

interface LockEntry {
  version?: string
  resolved?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

const FILE = 'package-lock.json'
const PLATFORM =
  /-(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|loong64|ppc64|riscv64|s390x|x64)(?:-(\w+))?$/

const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, LockEntry> }
for (const [path, entry] of Object.entries(lock.packages)) {
  delete entry.resolved
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const at = `node_modules/${name}`
    const [, os, cpu, variant = ''] = PLATFORM.exec(name) ?? []
    if (
      at in lock.packages ||
      `${path}/${at}` in lock.packages ||
      os === undefined ||
      cpu === undefined
    ) {
      continue
    }
    const libc = variant === 'musl' ? ['musl'] : variant.startsWith('gnu') ? ['glibc'] : undefined
    lock.packages[at] = {
      version,
      cpu: [cpu],
      ...(entry.dev ? { dev: true } : {}),
      ...(libc ? { libc } : {}),
      optional: true,
      os: [os],
    }
    console.log(`added ${name} ${version}`)
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)),
)
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`)
