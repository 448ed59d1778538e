const limit = 1_000;
const longest = 64;

/**
 * Remembers what was decided about a name, as the same few come with every request. Visitors choose names: at a thousand all
 * are forgotten rather than kept growing, and long ones are never kept.
 */
export function remembered<T>(decide: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const decided = decide(name);
    if (name.length <= longest) {
      if (known.size >= limit) known.clear();
      known.set(name, decided);
    }
    return decided;
  };
}
