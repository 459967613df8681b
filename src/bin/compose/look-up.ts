/** The parser has checked the names of the configuration. */
export function lookUp<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name)
  if (found === undefined) throw new Error(`nothing is named ${name} in the configuration`)
  return found
}
