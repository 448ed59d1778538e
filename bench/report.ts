import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { Finding, RowResult, Table } from './row.ts';

export interface Told {
  readonly id: string;
  readonly title: string;
  /** Or why there is none. */
  readonly result: RowResult | string;
}

export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  readonly versions: string;
  readonly how: string;
}

const words: Readonly<Record<Finding['met'], string>> = {
  aim: 'reaches the aim',
  must: 'holds',
  missed: '**misses**',
  'not judged': 'not judged',
};

/** All rows as Markdown. */
export function asMarkdown(rows: readonly Told[], circumstances: Circumstances): string {
  const findings = rows.flatMap(({ result }) => (typeof result === 'string' ? [] : result.findings));
  return `# Benchmarks

Written by \`npm run bench -- --write\`; figures that are bad for us stand here too. To make your own, run it on your machine.

- ${circumstances.date}, ${circumstances.machine}
- ${circumstances.versions}
- ${circumstances.how}

CPU is the figure that holds on a busy machine: microseconds of user and system time of a gateway's processes for each request that was
answered, as Linux counts them. All of a table come from one run, taking turns round by round.

## In short

${table({
  header: ['what', 'measured', 'must', 'aim', ''],
  lines: findings.map(({ what, measured, must = '', aim = '', met }) => [what, measured, must, aim, words[met]]),
})}

${rows.map(section).join('\n\n')}
`;
}

function section({ title, result }: Told): string {
  if (typeof result === 'string') return `## ${title}\n\nNot measured: ${result}`;
  return [
    `## ${title}`,
    ...result.tables.map(table),
    ...result.plots.map(({ file, caption }) => `![${caption}](images/${file})`),
    result.notes.join(' '),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function table({ header, lines }: Table): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...lines.map(line)].join('\n');
}

/** Writes the page and its plots below `docs`. */
export async function writePage(docs: string, rows: readonly Told[], circumstances: Circumstances): Promise<void> {
  const page = join(docs, 'benchmarks.md');
  const options = await resolveConfig(page);
  writeFileSync(page, await format(asMarkdown(rows, circumstances), { ...options, parser: 'markdown' }));
  mkdirSync(join(docs, 'images'), { recursive: true });
  for (const { result } of rows)
    if (typeof result !== 'string')
      for (const { file, svg } of result.plots) writeFileSync(join(docs, 'images', file), svg);
}
