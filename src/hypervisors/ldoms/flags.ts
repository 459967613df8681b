// The flags of a domain: its role on the machine, whether an operating system runs in it, and why
// it must not be touched now.

export interface DomainFlags {
  /**
   * `normal`: an operating system answers. `transition`: the domain is started, but no operating
   * system answers. Undefined when the domain is not started.
   */
  readonly system: 'normal' | 'transition' | 'degraded' | undefined
  readonly control: boolean
  /** It provides services to other domains. */
  readonly service: boolean
  readonly delayedReconfiguration: boolean
  /**
   * Why the domain must not be touched now: it is starting, stopping or migrating, or has an
   * unknown flag.
   */
  readonly changing: string | undefined
}

// Oracle VM Server for SPARC 3.3 guide, "Recovering From a Failed Migration": the domain runs on
// one of the two machines. A person must find out on which.
const FAILED_MIGRATION =
  'its migration failed: if it runs on the other machine, destroy it here (ldm ' +
  'remove-domain); if not, run ldm cancel-operation migration'

const POSITIONS = /^[s-][ntd-][dr-][c-][v-][ste-]?$/

// Short listings print positions, long ones print words (`normal,control,vio-service`). A domain
// that is not started has dashes or nothing.
export function parseFlags(text: string): DomainFlags {
  if (POSITIONS.test(text)) {
    const migration = { s: 'migrating away', t: 'migrating here', e: FAILED_MIGRATION }[
      text[5] ?? '-'
    ]
    const systems = { n: 'normal', t: 'transition', d: 'degraded' } as const
    return {
      system: systems[text[1] as keyof typeof systems],
      delayedReconfiguration: text[2] === 'd',
      control: text[3] === 'c',
      service: text[4] === 'v',
      changing: text[0] === 's' ? 'starting or stopping' : migration,
    }
  }
  const words = text.split(',').filter(word => word !== '')
  const delayed = words.filter(word => /delay|reconf/.test(word))
  const known = ['normal', 'transition', 'degraded', 'control', 'vio-service', ...delayed]
  const unknown = words.filter(word => !known.includes(word))
  return {
    system: (['transition', 'degraded', 'normal'] as const).find(word => words.includes(word)),
    delayedReconfiguration: delayed.length > 0,
    control: words.includes('control'),
    service: words.includes('vio-service'),
    // The word for a failed migration is recalled. Any unknown word also blocks changes.
    changing: unknown.includes('migration-error')
      ? FAILED_MIGRATION
      : unknown.length > 0
        ? `flags ${unknown.join(',')}`
        : undefined,
  }
}
