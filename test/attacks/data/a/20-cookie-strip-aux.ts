import { passes, type Attack } from '../../../support/attack.ts';

export const attack: Attack = {
  id: 'A20',
  slug: 'cookie-strip-aux',
  behaviour: 'cuts out the cookies of its forms, and the one that tells visitors apart for targets, too',
  cases: ['/public/x', '/private/x'].flatMap((target) =>
    [
      '{cookie}-form=evil',
      '{cookie}-form.0=evil',
      'sallyport-form=evil',
      '__HOST-Sallyport-Form=evil',
      '{cookie}-target=evil',
      'sallyport-target=evil',
    ].map((pair) => ({
      name: `${pair} at ${target}`,
      as: 'alice' as const,
      target,
      headers: [`Cookie: a=1; ${pair}; {session}; b=2`],
      expect: passes({ headers: { cookie: 'a=1; b=2' } }),
    })),
  ),
};
