/** Plots as SVG that reads on white and on dark paper alike. */

const width = 720;
const margin = { left: 250, right: 90, top: 44, bottom: 18 };

const style = `<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f; } .title { font-weight: 600; font-size: 15px; } .faint { fill: #57606a; font-size: 12px; }
  .bar { fill: #8c959f; } .ours { fill: #0969da; } .whisker, .axis { stroke: #57606a; stroke-width: 1; } .grid { stroke: #d0d7de; stroke-width: 1; }
  .line { fill: none; stroke-width: 2.5; } .c0 { stroke: #0969da; fill: #0969da; } .c1 { stroke: #bc4c00; fill: #bc4c00; } .c2 { stroke: #1a7f37; fill: #1a7f37; }
  polyline.c0, polyline.c1, polyline.c2 { fill: none; } text.c0, text.c1, text.c2 { stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .faint { fill: #9198a1; } .bar { fill: #6e7681; } .ours { fill: #4493f8; } .whisker, .axis { stroke: #9198a1; } .grid { stroke: #30363d; }
    .c0 { stroke: #4493f8; fill: #4493f8; } .c1 { stroke: #f0883e; fill: #f0883e; } .c2 { stroke: #3fb950; fill: #3fb950; }
    polyline.c0, polyline.c1, polyline.c2 { fill: none; }
  }
</style>`;

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function picture(title: string, height: number, inside: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}">
${style}
<text class="title" x="12" y="24">${escape(title)}</text>
${inside.join('\n')}
</svg>
`;
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Ends of a whisker. */
  readonly low?: number;
  readonly high?: number;
  readonly isOurs?: boolean;
}

/** Horizontal bars, one an entry, with whiskers where a spread is known. */
export function bars({
  title,
  unit,
  entries,
  digits = 0,
}: {
  readonly title: string;
  readonly unit: string;
  readonly entries: readonly Bar[];
  readonly digits?: number;
}): string {
  const step = 30;
  const most = Math.max(...entries.map(({ value, high }) => Math.max(value, high ?? 0)), Number.MIN_VALUE);
  const scale = (width - margin.left - margin.right) / most;
  const inside = entries.flatMap(({ label, value, low, high, isOurs }, index) => {
    const y = margin.top + index * step;
    const end = margin.left + value * scale;
    const whisker =
      low === undefined || high === undefined
        ? []
        : [
            `<line class="whisker" x1="${(margin.left + low * scale).toFixed(1)}" x2="${(margin.left + high * scale).toFixed(1)}" y1="${y + 9}" y2="${y + 9}"/>`,
          ];
    const textAt = margin.left + Math.max(value, high ?? 0) * scale + 6;
    return [
      `<text x="${margin.left - 8}" y="${y + 14}" text-anchor="end">${escape(label)}</text>`,
      `<rect class="${isOurs ? 'ours' : 'bar'}" x="${margin.left}" y="${y}" width="${Math.max(1, end - margin.left).toFixed(1)}" height="18" rx="2"/>`,
      ...whisker,
      `<text class="faint" x="${textAt.toFixed(1)}" y="${y + 14}">${number(value, digits)} ${escape(index === 0 ? unit : '')}</text>`,
    ];
  });
  return picture(title, margin.top + entries.length * step + margin.bottom, inside);
}

export interface Series {
  readonly label: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Lines over a logarithmic x axis; y begins at 0, so that flat looks flat. */
export function lines({ title, series }: { readonly title: string; readonly series: readonly Series[] }): string {
  const left = 60;
  const [top, bottom, height] = [50, 330, 370];
  const xs = series.flatMap(({ points }) => points.map(({ x }) => x));
  const most = 4 * roundStep((Math.max(...series.flatMap(({ points }) => points.map(({ y }) => y)), 1) * 1.1) / 4);
  const decades = Math.max(1, Math.ceil(Math.log10(Math.max(...xs, 10))));
  const xAt = (x: number): number => left + (Math.log10(x) / decades) * (width - left - 120);
  const yAt = (y: number): number => bottom - (y / most) * (bottom - top);
  const inside: string[] = [];
  for (let part = 0; part <= 4; part += 1) {
    const y = (most * part) / 4;
    inside.push(
      `<line class="grid" x1="${left}" x2="${width - 120}" y1="${yAt(y).toFixed(1)}" y2="${yAt(y).toFixed(1)}"/>`,
      `<text class="faint" x="${left - 8}" y="${(yAt(y) + 4).toFixed(1)}" text-anchor="end">${number(y, most < 10 ? 1 : 0)}</text>`,
    );
  }
  for (let decade = 0; decade <= decades; decade += 1)
    inside.push(
      `<text class="faint" x="${xAt(10 ** decade).toFixed(1)}" y="${bottom + 20}" text-anchor="middle">${(10 ** decade).toLocaleString('en')}</text>`,
    );
  // Names of lines that end at the same height must not lie on each other.
  const ends = series.map(({ points }, index) => ({ index, y: yAt(points.at(-1)?.y ?? 0) })).sort((a, b) => a.y - b.y);
  for (const [place, end] of ends.entries()) {
    const before = ends[place - 1];
    if (before !== undefined && end.y - before.y < 16) end.y = before.y + 16;
  }
  for (const [index, { label, points }] of series.entries()) {
    const line = points.map(({ x, y }) => `${xAt(x).toFixed(1)},${yAt(y).toFixed(1)}`).join(' ');
    inside.push(`<polyline class="line c${index % 3}" points="${line}"/>`);
    for (const { x, y } of points)
      inside.push(`<circle class="c${index % 3}" cx="${xAt(x).toFixed(1)}" cy="${yAt(y).toFixed(1)}" r="3.5"/>`);
    const end = ends.find((one) => one.index === index);
    inside.push(
      `<text class="c${index % 3}" x="${width - 108}" y="${((end?.y ?? 0) + 4).toFixed(1)}">${escape(label)}</text>`,
    );
  }
  return picture(title, height, inside);
}

/** The next larger of 1, 2, 2.5, 5, 10, 20 …, for an axis that one can read. */
function roundStep(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value));
  return magnitude * ([1, 2, 2.5, 5, 10].find((step) => step * magnitude >= value) ?? 10);
}

function number(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
