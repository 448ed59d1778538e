/** One thing that is wrong in a file which a person wrote. Lines and columns count from 1. */
export interface Fault {
  /** The file, as a person would name it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `users.alice.groups`; empty when the file as a whole is meant. */
  readonly path: string;
  /** What is wrong and what to write instead. Never holds a secret. */
  readonly message: string;
}

/** `FILE:LINE:COLUMN: path.to.key: what is wrong and what to write instead`. */
export function describeFault(fault: Fault): string {
  const place = `${fault.file}:${fault.line}:${fault.column}`;
  return fault.path === '' ? `${place}: ${fault.message}` : `${place}: ${fault.path}: ${fault.message}`;
}
