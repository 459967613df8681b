#!/usr/bin/env node
// The program as a process. What takes time to load comes after the signals.

import { endLikeAnyProcess } from './signals.ts'

endLikeAnyProcess()
const { runProgram } = await import('./program.ts')
await runProgram()
