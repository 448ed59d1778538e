import type { RequestCriterion } from '../criterion.ts';

/** `Mon-Fri 08:00-18:00 Europe/Berlin`, read. */
export interface Hours {
  /** 0 Sunday to 6 Saturday. */
  readonly days: ReadonlySet<number>;
  /** Minutes since midnight; `to` is not included any more, and lies on the next day when it is smaller. */
  readonly from: number;
  readonly to: number;
  /** IANA name, or null for the default. */
  readonly zone: string | null;
}

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const form = /^(?:([A-Za-z]{3}(?:[,-][A-Za-z]{3})*) +)?(\d\d):(\d\d)-(\d\d):(\d\d)(?: +([A-Za-z][A-Za-z0-9+\-_/]*))?$/;

/** Reads hours of the week. A text that is none comes back as what is wrong with it. */
export function readHours(text: string): { readonly hours: Hours } | { readonly fault: string } {
  const match = form.exec(text);
  if (match === null) return { fault: 'is not a time of the week; write Mon-Fri 08:00-18:00 Europe/Berlin' };
  const [, dayText, fromHour, fromMinute, toHour, toMinute, zone = null] = match;
  const days = dayText === undefined ? new Set(dayNames.keys()) : readDays(dayText);
  if (days === null) return { fault: `has an unknown day in "${dayText ?? ''}"; write Mon-Fri or Sat,Sun` };
  const from = readClock(fromHour, fromMinute);
  const to = readClock(toHour, toMinute);
  if (from === null || to === null || from === 1440)
    return { fault: 'has a time that no clock shows; write 08:00-18:00' };
  if (from === to) return { fault: 'is an empty span; write 00:00-24:00 for the whole day' };
  if (zone !== null && !isTimeZone(zone)) return { fault: `has an unknown time zone "${zone}"; write Europe/Berlin` };
  return { hours: { days, from, to, zone } };
}

function readDays(text: string): ReadonlySet<number> | null {
  const days = new Set<number>();
  for (const span of text.toLowerCase().split(',')) {
    const [first = '', last = first, ...rest] = span.split('-');
    const start = dayNames.indexOf(first);
    const end = dayNames.indexOf(last);
    if (start < 0 || end < 0 || rest.length > 0) return null;
    for (let day = start; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === end) break;
    }
  }
  return days;
}

/** 24:00 is 1440. */
function readClock(hour = '', minute = ''): number | null {
  const minutes = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && minutes <= 1440 ? minutes : null;
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
}

/**
 * `hours: ["Mon-Fri 08:00-18:00"]`: by the clock on the wall of that zone, summer time included. A span over midnight
 * belongs to the day on which it begins. Throws on texts that `readHours` finds fault with.
 */
export function hoursCriterion(texts: readonly string[], timeZone?: string): RequestCriterion {
  const spans = texts.map((text) => {
    const read = readHours(text);
    if ('fault' in read) throw new RangeError(`${text} ${read.fault}`);
    return { ...read.hours, clock: createWallClock(read.hours.zone ?? timeZone) };
  });
  return {
    key: 'hours',
    wants: `hours ${texts.join('; ')}`,
    fits: ({ nowMs }) => spans.some((span) => isWithin(span, span.clock(nowMs))),
    sees: ({ nowMs }) => `time ${new Date(nowMs).toISOString()}`,
  };
}

interface WallTime {
  readonly day: number;
  readonly minutes: number;
}

function isWithin(hours: Hours, { day, minutes }: WallTime): boolean {
  if (hours.from < hours.to) return hours.days.has(day) && minutes >= hours.from && minutes < hours.to;
  if (minutes >= hours.from) return hours.days.has(day);
  return minutes < hours.to && hours.days.has((day + 6) % 7);
}

/** Asks Intl once a minute: it takes microseconds, and zones change on whole minutes. */
function createWallClock(timeZone: string | undefined): (nowMs: number) => WallTime {
  const format = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(timeZone === undefined ? {} : { timeZone }),
  });
  let knownMinute = Number.NaN;
  let known: WallTime = { day: 0, minutes: 0 };
  return (nowMs) => {
    const minute = Math.floor(nowMs / 60_000);
    if (minute !== knownMinute) {
      const parts = new Map(format.formatToParts(minute * 60_000).map(({ type, value }) => [type, value]));
      const day = dayNames.indexOf((parts.get('weekday') ?? '').toLowerCase());
      known = { day, minutes: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
      knownMinute = minute;
    }
    return known;
  };
}
