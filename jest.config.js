/** Native ES modules; swc strips the types. Node 24 is the project's own devDependency. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '/test/system/',
    '/test/cluster/',
    '/test/openzfs/',
    '/test/xen/',
  ],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  maxWorkers: 2,
  // Of a hung test, not of a slow machine.
  testTimeout: 60_000,
}
