// What a person runs by its name after `npm run build`.

import { readFileSync } from 'node:fs'
import { z } from 'zod'

const root = new URL('../../', import.meta.url)
const { bin, scripts } = z
  .object({ bin: z.record(z.string(), z.string()), scripts: z.object({ build: z.string() }) })
  .parse(JSON.parse(readFileSync(new URL('package.json', root), 'utf8')))

test.each(Object.entries(bin))('%s can be run after a build', (_, file) => {
  const source = new URL(file.replace(/^dist\/(.*)\.js$/, 'src/$1.ts'), root)

  expect(readFileSync(source, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  expect(scripts.build.split(' chmod +x ')[1]?.split(' ')).toContain(file)
})
