/** Something in the configuration that keeps the gateway from starting. Lines and columns count from 1. */
export interface Fault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Where in the configuration: `routes[0].access`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong and what to write instead; never a value from the file. */
  readonly message: string;
}

/** Something allowed but unsafe, to be logged loudly at every start. */
export type Warning = Fault;

/** Keys and positions from the root: `['routes', 0, 'access']`. */
export type ConfigPath = readonly (string | number)[];

/** Writes a path as people do: `routes[0].identity.headers["X.Y"]`. */
export function writePath(path: ConfigPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part.length > 64 ? `${part.slice(0, 64)}…` : part)}]`;
  }
  return text;
}

/** One line for a terminal: `FILE:LINE:COLUMN: path.to.key: what is wrong`. */
export function writeFault(fault: Fault): string {
  const path = fault.path === '' ? '' : `${fault.path}: `;
  return `${fault.file}:${fault.line}:${fault.column}: ${path}${fault.message}`;
}
