import { parseMkfsOptions } from '../../src/model/mkfs-options.ts'

test.each([
  { text: '', type: 'ext4', words: [] },
  {
    text: ' -m 1  -E stride=16,stripe_width=64 ',
    type: 'ext4',
    words: ['-m', '1', '-E', 'stride=16,stripe_width=64'],
  },
  { text: '-K -i size=1024', type: 'xfs', words: ['-K', '-i', 'size=1024'] },
  { text: '-i 16384 -m 0', type: 'ufs', words: ['-i', '16384', '-m', '0'] },
  { text: '-O ^has_journal', type: '', words: ['-O', '^has_journal'] },
])('$text for $type is taken', ({ text, type, words }) => {
  expect(parseMkfsOptions(text, type)).toEqual(words)
})

test.each([
  { text: '-F', type: 'ext4', why: 'forces' },
  { text: '-f', type: 'xfs', why: 'forces' },
  { text: '-n', type: 'ext4', why: 'makes nothing' },
  { text: '-S', type: 'ext4', why: 'writes superblocks over data' },
  { text: '-J device=/dev/sda', type: 'ext4', why: 'uses another device' },
  { text: '-l logdev=/dev/sda', type: 'xfs', why: 'uses another device' },
  { text: '-d name=/dev/sda', type: 'xfs', why: 'uses another device' },
  { text: '/dev/sda', type: 'ext4', why: 'is a device' },
  { text: '-m', type: 'ext4', why: 'lacks its value' },
  { text: '-m -F', type: 'ext4', why: 'hides an option in a value' },
  { text: '-m 0 ; reboot', type: 'ext4', why: 'is not an option' },
  { text: '-L /dev/sda', type: 'ext4', why: 'has a path' },
  { text: '-m0', type: 'ext4', why: 'is one word' },
])('$text for $type is refused: it $why', ({ text, type }) => {
  expect(() => parseMkfsOptions(text, type)).toThrow(
    expect.objectContaining({ kind: 'invalid-argument' }),
  )
})

test('the option that is refused is named with its value, and what there is instead', () => {
  expect(() => parseMkfsOptions('-m 1 -F 2 -E x', 'ext4')).toThrow(
    /: "-F 2" is not .* allowed are ext4 -b -g .* -L$/,
  )
  expect(() => parseMkfsOptions('-F', 'xfs')).toThrow(/allowed are xfs -b -i -m -n -s -L -K$/)
})

test('each list of options has the name of its file system, and an option is no value', () => {
  expect(() => parseMkfsOptions('-F -b 4096', '')).toThrow(
    /: "-F" is not .* allowed are ext4 -b .*; xfs -b .*; ufs -b /,
  )
})
