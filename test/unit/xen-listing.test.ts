// What xl and xenstore-ls print is understood as it was recorded, and nothing else is.

import { XL_FAILURES } from '../../src/hypervisors/xen/failures.ts'
import { parseBackEnds, parseDomains, parseFrontEnds } from '../../src/hypervisors/xen/listing.ts'
import { slotOfNumber, vdevName, vdevNumber } from '../../src/model/vdev.ts'
import { classify } from '../../src/shell/failures.ts'
import { FILES, readTranscript, wordsOf } from '../conformance/xen-transcript.ts'

const entries = FILES.flatMap(readTranscript)
const printedBy = (...words: readonly string[]) =>
  entries.filter(({ command }) => {
    const own = wordsOf(command)
    return own !== undefined && words.every((word, index) => own[index] === word)
  })

describe('disks by name and number', () => {
  test.each([
    [0, 'xvda', 51712],
    [1, 'xvdb', 51728],
    [15, 'xvdp', 51952],
    [16, 'xvdq', 268439552],
    [25, 'xvdz', 268441856],
    [26, 'xvdaa', 268442112],
    [701, 'xvdzz', 268614912],
    [702, 'xvdaaa', 268615168],
  ])('disk %i is %s, number %i', (slot, name, number) => {
    expect(vdevName(slot)).toBe(name)
    expect(vdevNumber(slot)).toBe(number)
    expect(slotOfNumber(number)).toBe(slot)
  })

  test.each([
    ['a partition of xvdb', 51729],
    ['sdb', 2064],
    ['hda', 768],
    ['a partition of xvdq', 268439553],
    ['a low disk in the form of the others', 2 ** 28],
    ['the disk after the last of the old form', 51968],
  ])('%s is none of ours', (_, number) => {
    expect(slotOfNumber(number)).toBeUndefined()
  })
})

test('the recorded list of domains', () => {
  const [first] = printedBy('xl', 'list').filter(({ command }) => command === 'xl list')

  expect(parseDomains(first?.stdout ?? '')).toEqual([
    { id: 0, name: 'Domain-0', flags: 'r' },
    { id: 1, name: 'web', flags: 'b' },
    { id: 2, name: 'db', flags: 'b' },
  ])
})

test('every recorded list of disks is understood, up to the last line', () => {
  const lists = printedBy('xl', 'block-list').filter(({ status }) => status === 0)

  expect(lists.length).toBeGreaterThan(40)
  for (const { stdout } of lists) {
    expect(parseFrontEnds(stdout)).toHaveLength(stdout.trimEnd().split('\n').length - 1)
  }
})

test('a disk that its guest has not taken has state 1, whatever serves it', () => {
  const [recorded] = printedBy('xl', 'block-list', 'web').filter(({ stdout }) =>
    stdout.includes('qdisk'),
  )

  expect(parseFrontEnds(recorded?.stdout ?? '')).toEqual([
    { domainId: 3, number: 51728, state: 1, servedBy: 0 },
  ])
})

test('the recorded store has one back end of a disk, with its keys, and skips network cards', () => {
  const [recorded] = entries.filter(({ command }) =>
    command.endsWith('xenstore-ls -f /local/domain/0/backend'),
  )
  const stdout = recorded?.stdout ?? ''

  const found = parseBackEnds(stdout.slice(stdout.indexOf('\n/local') + 1))

  expect(found).toMatchObject([{ kind: 'qdisk', domainId: 3, number: 51728 }])
  expect(found[0]?.keys.get('params')).toBe('aio:/srv')
  expect(found[0]?.keys.get('mode')).toBe('w')
})

test('a hot-plug error with line ends stays one value', () => {
  const [recorded] = entries.filter(({ stdout }) => stdout.includes('hotplug-error'))

  expect(parseBackEnds(recorded?.stdout ?? '')[0]?.keys.get('hotplug-error')).toBe(
    'Device /dev/dm-1 is mounted in a guest domain,\\nand so cannot be mounted now.',
  )
})

test('a disk that goes while the store is listed is known as such, with what was read of it', () => {
  const [recorded] = entries.filter(({ stdout }) => stdout.includes('/frontend:\n'))
  const found = parseBackEnds(recorded?.stdout ?? '')

  expect(found).toMatchObject([
    { domainId: 10, number: 268439808, isLeaving: true },
    { domainId: 9, number: 268439552, isLeaving: false },
  ])
  expect(found[0]?.keys.get('dev')).toBe('xvdr')
  expect(found[0]?.keys.has('params')).toBe(false)
})

test('a disk whose directory is gone by then is no line that is not understood', () => {
  const at = '/local/domain/0/backend/vbd/9'

  expect(parseBackEnds(`${at} = ""\n${at}/51728:\n\n`)).toMatchObject([
    { number: 51728, isLeaving: true },
  ])
})

const HEADER = 'Vdev  BE  handle state evt-ch ring-ref BE-path                       \n'
const DOMAINS = 'Name                                        ID   Mem VCPUs\tState\tTime(s)\n'

describe('text that is not understood is refused, never skipped', () => {
  test.each([
    ['no header of domains', () => parseDomains('')],
    ['a domain without its state', () => parseDomains(`${DOMAINS}web   1   160     1\n`)],
    ['unknown letters of a state', () => parseDomains(`${DOMAINS}web 1 160 1 -x---- 8.1\n`)],
    ['no header of disks', () => parseFrontEnds('51728 0   1      4     10     522\n')],
    ['a disk that is cut', () => parseFrontEnds(`${HEADER}51728 0   1      4\n`)],
    ['a store that is no store', () => parseBackEnds('oops\n')],
    [
      'a line of the store without its value',
      () =>
        parseBackEnds('/local/domain/0/backend = ""\n/local/domain/0/backend/vbd/1/51728/params\n'),
    ],
  ])('%s', (_, parse) => {
    expect(parse).toThrow(/not understood|no header/)
  })
})

test('a banner before a listing is accepted', () => {
  expect(parseDomains(`Welcome\n${DOMAINS}Domain-0  0  1024     1     r-----      31.1\n`)).toEqual(
    [{ id: 0, name: 'Domain-0', flags: 'r' }],
  )
})

test('names of domains may have blanks, and no flag at all', () => {
  expect(parseDomains(`${DOMAINS}my guest (a)   4   160     1     ------       0.3\n`)).toEqual([
    { id: 4, name: 'my guest (a)', flags: '' },
  ])
})

describe('every recorded failure of xl has a kind', () => {
  const failed = entries.filter(({ command, status }) => {
    const words = wordsOf(command)
    return status === 1 && words?.[0] === 'xl' && /^block-(attach|detach)$/.test(words[1] ?? '')
  })
  const KINDS: readonly (readonly [RegExp, string])[] = [
    [/already exists in xenstore/, 'already-exists'],
    [/not connected|invalid domain identifier/, 'not-found'],
    [/is mounted/, 'in-use'],
    [/killing execution|safe_remove failed|domain type/, 'unavailable'],
    [/failed to stat/, 'failed-precondition'],
    [/Invalid or unsupported|config parsing error/, 'invalid-argument'],
  ]
  // Only a machine that nobody asks for has such back ends.
  const known = failed.filter(({ stderr }) => !stderr.includes('device model required'))

  test('there are many', () => {
    expect(known.length).toBeGreaterThan(20)
  })

  test.each(known.map(entry => [`${entry.file}: ${entry.command}`, entry] as const))(
    '%s',
    (_, { status, stdout, stderr }) => {
      const expected = KINDS.find(([text]) => text.test(stderr))?.[1]
      expect(expected).toBeDefined()
      expect(
        classify({ exitStatus: status, stdout, stderr, durationMs: 0 }, XL_FAILURES)?.kind,
      ).toBe(expected)
    },
  )
})

test('every recorded list of domains is understood: one of a guest that reboots says so', () => {
  const listing = /^Name .*Time\(s\)\n(?:\S+ +\d+ .*\n)+/gm
  const lists = entries.flatMap(({ stdout }) => stdout.match(listing) ?? []).map(parseDomains)

  expect(lists.length).toBeGreaterThan(10)
  const rebooting = lists.flat().filter(({ flags }) => flags.includes('s'))
  expect(rebooting).toEqual([{ id: 1, name: 'web', flags: 'psr' }])
})

test.each([...'-rscwS?'])('a domain that has shut down for the reason %s is listed', why => {
  const row = `web                                          1   192     1     ---s${why}-     201.4`

  expect(parseDomains(`${DOMAINS}${row}\n`)).toMatchObject([{ name: 'web' }])
})
