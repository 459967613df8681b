import { testSanity } from './sanity.ts'

testSanity('block')
