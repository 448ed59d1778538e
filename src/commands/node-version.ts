/**
 * Whether a version of Node satisfies a range of the forms `^1.2.3`, `>=1.2.3`, joined by `||`: what `engines` in
 * package.json holds.
 */
export function satisfies(version: string, range: string): boolean {
  const have = numbersOf(version);
  return range.split('||').some((part) => {
    const want = numbersOf(part);
    const isSameLine = !part.trim().startsWith('^') || have[0] === want[0];
    const difference = have.map((number, index) => number - (want[index] ?? 0)).find((number) => number !== 0) ?? 0;
    return have.length === 3 && isSameLine && difference >= 0;
  });
}

function numbersOf(text: string): readonly number[] {
  return (/(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
}
