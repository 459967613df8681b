// Compares a run of csi-sanity with what it must do. csi-sanity skips tests silently, and its exit
// status does not show it. So the names of the tests that ran are compared with a committed list.

export interface Results {
  readonly passed: readonly string[]
  readonly failed: readonly { readonly name: string; readonly message: string }[]
  readonly skipped: readonly string[]
  readonly pending: readonly string[]
}

/** Parses Ginkgo's JUnit report. */
export function parseReport(xml: string): Results {
  const cases = [...xml.matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, attributes = '', body = '']) => ({
      name: attribute(attributes, 'name'),
      status: attribute(attributes, 'status'),
      body,
    }),
  )
  // Ginkgo also reports its own set-up. Only tests begin with this text.
  const tests = cases
    .filter(({ name }) => name.startsWith('[It] '))
    .map(test => ({ ...test, name: test.name.slice('[It] '.length) }))
  if (tests.length === 0) throw new Error('the JUnit report of csi-sanity has no tests')
  const named = (status: string) =>
    tests.filter(test => test.status === status).map(({ name }) => name)
  const known = ['passed', 'skipped', 'pending']
  return {
    passed: named('passed'),
    skipped: named('skipped'),
    pending: named('pending'),
    failed: tests
      .filter(({ status }) => !known.includes(status))
      .map(({ name, status, body }) => ({
        name,
        message: `${status}: ${decode(/message="([^"]*)"/.exec(body)?.[1] ?? 'no message')}`,
      })),
  }
}

function attribute(text: string, name: string): string {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(text)?.[1]
  if (value === undefined) {
    throw new Error(`a test case of the JUnit report has no ${name}: ${text}`)
  }
  return decode(value)
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
}

function decode(text: string): string {
  return text.replaceAll(/&(#x?)?(\w+);/g, (entity, numeric: string | undefined, name: string) => {
    if (numeric === undefined) return ENTITIES[name] ?? entity
    return String.fromCodePoint(Number.parseInt(name, numeric === '#x' ? 16 : 10))
  })
}

/**
 * The committed list of one suite, one name per line. `pending: ` marks a test that never runs,
 * `health: ` one that runs only with health on.
 */
export interface Expected {
  readonly run: readonly string[]
  readonly skipped: readonly string[]
  readonly pending: readonly string[]
}

export function parseExpected(text: string, health: 'on' | 'off'): Expected {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  const marked = (mark: string) =>
    lines.filter(line => line.startsWith(mark)).map(line => line.slice(mark.length))
  const plain = lines.filter(line => !/^(pending|health): /.test(line))
  const ofHealth = marked('health: ')
  return {
    run: health === 'on' ? [...plain, ...ofHealth] : plain,
    skipped: health === 'on' ? [] : ofHealth,
    pending: marked('pending: '),
  }
}

/** All deviations, one per line. */
export function compare(results: Results, expected: Expected): readonly string[] {
  const differences = (what: string, has: readonly string[], wants: readonly string[]) => [
    ...wants.filter(name => !has.includes(name)).map(name => `not ${what}: ${name}`),
    ...has.filter(name => !wants.includes(name)).map(name => `unexpectedly ${what}: ${name}`),
  ]
  const failed = results.failed.map(({ name }) => name)
  return [
    ...results.failed.map(({ name, message }) => `FAILED: ${name}\n    ${message}`),
    ...differences('run', [...results.passed, ...failed], expected.run),
    ...differences('skipped', results.skipped, expected.skipped),
    ...differences('pending', results.pending, expected.pending),
  ]
}
