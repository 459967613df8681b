import { testSanity } from './sanity.ts'

testSanity('mount')
