import test from 'ava';
import { hoursCriterion, readHours } from '../../../src/policy/criteria/hours.ts';
import { faultsOf, judge, question } from './support.ts';

/** Is a moment within hours? The default zone is UTC. */
function within(text: string, moment: string): boolean {
  return hoursCriterion([text], 'UTC').fits(question({ nowMs: Date.parse(moment) }));
}

test('knows days and times; the end does not belong to the span', (t) => {
  // 2026-03-02 is a Monday.
  t.true(within('Mon-Fri 08:00-18:00', '2026-03-02T08:00:00Z'));
  t.true(within('Mon-Fri 08:00-18:00', '2026-03-06T17:59:59Z'));
  t.false(within('Mon-Fri 08:00-18:00', '2026-03-02T18:00:00Z'));
  t.false(within('Mon-Fri 08:00-18:00', '2026-03-02T07:59:59Z'));
  t.false(within('Mon-Fri 08:00-18:00', '2026-03-07T12:00:00Z'));
  t.true(within('08:00-18:00', '2026-03-07T12:00:00Z'));
  t.true(within('sat,SUN 10:00-24:00', '2026-03-08T23:59:00Z'));
  t.true(within('Fri-Mon 00:00-24:00', '2026-03-08T00:00:00Z'));
  t.false(within('Fri-Mon 00:00-24:00', '2026-03-04T00:00:00Z'));
});

test('counts a span over midnight to the day on which it begins', (t) => {
  t.true(within('Fri 22:00-06:00', '2026-03-06T23:00:00Z'));
  t.true(within('Fri 22:00-06:00', '2026-03-07T05:59:00Z'));
  t.false(within('Fri 22:00-06:00', '2026-03-07T06:00:00Z'));
  t.false(within('Fri 22:00-06:00', '2026-03-06T05:00:00Z'));
  t.false(within('Fri 22:00-06:00', '2026-03-07T23:00:00Z'));
});

test('reads the clock of the named zone, summer time included', (t) => {
  const berlin = '08:00-18:00 Europe/Berlin';
  t.true(within(berlin, '2026-01-15T07:00:00Z'));
  t.false(within(berlin, '2026-01-15T06:59:59Z'));
  t.true(within(berlin, '2026-07-15T06:00:00Z'));
  t.true(within('Mon 00:00-01:00 Asia/Kolkata', '2026-03-01T18:30:00Z'));
});

test('remembers the minute only for that minute', (t) => {
  const { fits } = hoursCriterion(['08:00-08:01'], 'UTC');
  const at = (moment: string): boolean => fits(question({ nowMs: Date.parse(moment) }));
  t.false(at('2026-03-02T07:59:59Z'));
  t.true(at('2026-03-02T08:00:00Z'));
  t.true(at('2026-03-02T08:00:59.999Z'));
  t.false(at('2026-03-02T08:01:00Z'));
  t.true(at('2026-03-03T08:00:00Z'));
});

test('finds fault with what is no time of the week', (t) => {
  const odd = [
    '',
    'always',
    '8:00-18:00',
    '08:00',
    '08:00-25:00',
    '08:60-09:00',
    '08:00-08:00',
    '24:00-08:00',
    'Mon 08:00',
  ];
  for (const text of [...odd, 'Mo-Fr 08:00-18:00', 'Mon- 08:00-18:00', '08:00-18:00 Europe/Nowhere', '24:30-08:00'])
    t.true('fault' in readHours(text), text);
  t.true(faultsOf([{ allow: 'anyone', when: { hours: 'Mon 08:00' } }]).some((message) => message.includes('Mon-Fri')));
  t.throws(() => hoursCriterion(['nonsense']), { instanceOf: RangeError });
  const nowMs = Date.parse('2026-03-02T08:00:00Z');
  t.is(judge([{ allow: 'anyone', when: { hours: '08:00-18:00' } }], { nowMs }).kind, 'allow');
});
