// Where tests write marks into a volume: behind everything that a file system writes about itself
// there, so that the bytes are nobody's but the test's.

export const MARK_AT = 8 * 1024 * 1024
