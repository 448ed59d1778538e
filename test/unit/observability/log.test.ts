import test from 'ava';
import { createLog } from '../../../src/observability/log.ts';

function lines(level: 'debug' | 'info' | 'warn' | 'error' = 'info', pretty = false) {
  const written: string[] = [];
  return { written, log: createLog({ level, pretty, write: (line) => void written.push(line) }) };
}

const parse = (line = ''): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>;

test('a line is one JSON object with level, time, event and the facts', (t) => {
  const { written, log } = lines();
  log.info('thing.happened', { text: 'plain', count: 3, yes: true, none: null, list: ['a', 'b'], left: undefined });
  t.is(written.length, 1);
  t.true(written[0]?.endsWith('}\n'));
  const { time, ...line } = parse(written[0]);
  t.regex(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.deepEqual(line, {
    level: 'info',
    event: 'thing.happened',
    text: 'plain',
    count: 3,
    yes: true,
    none: null,
    list: ['a', 'b'],
  });
});

test('whatever a visitor writes, a line stays one line and comes back as it was', (t) => {
  const { written, log } = lines();
  for (let code = 0; code <= 0xffff; code += 1) {
    // A lone surrogate is no text; JSON names it by its number.
    const text = `a${String.fromCharCode(code)}b`;
    log.info('x', { text, nested: { text } });
    const line = written.pop() ?? '';
    if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/.test(line) || line.indexOf('\n') !== line.length - 1)
      t.fail(`U+${code.toString(16)} stands bare in a line`);
    if (parse(line)['text'] !== text) t.fail(`U+${code.toString(16)} is not what it was`);
  }
  log.info('x', { text: '😀"\\' });
  t.is(parse(written[0])['text'], '😀"\\');
});

test('long text is cut', (t) => {
  const { written, log } = lines();
  log.info('x', { text: '"'.repeat(5_000) });
  t.is(parse(written[0])['text'], `${'"'.repeat(1_024)}…`);
});

test('an error is told by its message and code, and by those of its causes', (t) => {
  const { written, log } = lines();
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  log.error('x', { error: new Error('no answer', { cause }) });
  t.is(parse(written[0])['error'], 'no answer: refused (ECONNREFUSED)');
});

test('what JSON can not say is named, and nothing is thrown', (t) => {
  const { written, log } = lines();
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  log.info('x', { circle, big: 12n, odd: Number.NaN, call: () => 1 });
  const { circle: shown, big, odd, ...rest } = parse(written[0]);
  t.deepEqual([shown, big, odd, 'call' in rest], ['(not printable)', 12, null, false]);
});

test('lines below the level are not written', (t) => {
  const { written, log } = lines('warn');
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d');
  t.deepEqual(
    written.map((line) => parse(line)['event']),
    ['c', 'd'],
  );
});

test('on a terminal a line is for people, and control characters stay escaped', (t) => {
  const { written, log } = lines('info', true);
  log.info('thing.happened', { text: 'a\u001b[31m\u009bb', count: 2 });
  t.regex(written[0] ?? '', /thing\.happened/);
  t.true(written[0]?.includes('"a\\u001b[31m\\u009bb"'));
  t.false(written[0]?.includes('\u009b'));
});
