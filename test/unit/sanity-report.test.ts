import { compare, parseExpected, parseReport } from '../../scripts/sanity/report.ts'

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="6" failures="1">
  <testsuite name="CSI Driver Test Suite">
    <testcase name="[BeforeSuite]" classname="s" status="passed" time="0"></testcase>
    <testcase name="[It] Node Service should work" classname="s" status="passed" time="0.1">
      <system-err>status="failed" name="[It] not a test"</system-err>
    </testcase>
    <testcase name="[It] ListVolumes &amp; more &#34;quoted&#x22;" classname="s" status="failed" time="0.1">
      <failure message="Expected&#xA;  &lt;int&gt;: 1" type="failed"></failure>
    </testcase>
    <testcase name="[It] Health should answer" classname="s" status="skipped" time="0"><skipped message="skipped"/></testcase>
    <testcase name="[It] Pages" classname="s" status="pending" time="0"/>
    <testcase name="[It] Interrupted" classname="s" status="panicked" time="0"><error message="boom"/></testcase>
  </testsuite>
</testsuites>`

const LIST = '# a comment\nNode Service should work\npending: Pages\nhealth: Health should answer\n'

test('a report is read by name and status; what is neither passed nor left out has failed', () => {
  expect(parseReport(REPORT)).toEqual({
    passed: ['Node Service should work'],
    skipped: ['Health should answer'],
    pending: ['Pages'],
    failed: [
      { name: 'ListVolumes & more "quoted"', message: 'failed: Expected\n  <int>: 1' },
      { name: 'Interrupted', message: 'panicked: boom' },
    ],
  })
})

test('a report without tests is not a report', () => {
  expect(() => parseReport('<testsuites></testsuites>')).toThrow('no tests')
})

test('the list says what runs with health and without', () => {
  expect(parseExpected(LIST, 'on')).toEqual({
    run: ['Node Service should work', 'Health should answer'],
    skipped: [],
    pending: ['Pages'],
  })
  expect(parseExpected(LIST, 'off')).toEqual({
    run: ['Node Service should work'],
    skipped: ['Health should answer'],
    pending: ['Pages'],
  })
})

const nothing = { passed: [], failed: [], skipped: [], pending: [] }
const expected = { run: ['a', 'b'], skipped: ['c'], pending: ['d'] }
const differences: readonly {
  name: string
  results: Parameters<typeof compare>[0]
  lines: readonly string[]
}[] = [
  {
    name: 'everything is as it has to be',
    results: { ...nothing, passed: ['b', 'a'], skipped: ['c'], pending: ['d'] },
    lines: [],
  },
  {
    name: 'a test failed',
    results: {
      ...nothing,
      passed: ['a'],
      failed: [{ name: 'b', message: 'why' }],
      skipped: ['c'],
      pending: ['d'],
    },
    lines: ['FAILED: b\n    why'],
  },
  {
    name: 'a test was skipped',
    results: { ...nothing, passed: ['a'], skipped: ['b', 'c'], pending: ['d'] },
    lines: ['not run: b', 'unexpectedly skipped: b'],
  },
  {
    name: 'a test ran that is not in the list',
    results: { ...nothing, passed: ['a', 'b', 'x'], skipped: ['c'], pending: ['d'] },
    lines: ['unexpectedly run: x'],
  },
  {
    name: 'a test is missing',
    results: { ...nothing, passed: ['a'], skipped: ['c'], pending: ['d'] },
    lines: ['not run: b'],
  },
  {
    name: 'a test runs that had to be skipped',
    results: { ...nothing, passed: ['a', 'b', 'c'], pending: ['d'] },
    lines: ['unexpectedly run: c', 'not skipped: c'],
  },
]
test.each(differences)('a run is compared with its list: $name', ({ results, lines }) => {
  expect(compare(results, expected)).toEqual(lines)
})
