/** Collects log lines and hands them on in blocks: one write for many lines on a busy gateway, soon on an idle one. */
export interface LineWriter {
  readonly write: (line: string) => void;
  /** Hands on what is held. */
  readonly flush: () => void;
}

const holdBytes = 16_384;
const holdMs = 50;

export function createLineWriter(out: (block: string) => void): LineWriter {
  let held = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (held === '') return;
    const block = held;
    held = '';
    out(block);
  };
  return {
    write: (line) => {
      held += line;
      if (held.length >= holdBytes) flush();
      else timer ??= setTimeout(flush, holdMs);
    },
    flush,
  };
}
