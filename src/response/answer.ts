/** A whole answer of ours as a value; doors write it, each in its own way. */
export interface Answer {
  readonly status: number;
  /** In order; names in the spelling that goes on the wire. Without Content-Length, Date and Connection. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Text as UTF-8; empty for none. */
  readonly body: string | Buffer;
  /** The connection can't be trusted to be in step any more: close it after this. */
  readonly close?: boolean;
}
