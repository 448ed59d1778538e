import type { Answer } from './answer.ts';

type Headers = Answer['headers'];

export interface SecurityOptions {
  /** Origin of the sign-in pages; on https every answer of ours carries Strict-Transport-Security. */
  readonly publicUrl: string;
  /** Another value for it; null: none. */
  readonly hsts?: string | null;
}

/** Makes the headers that every kind of answer of ours carries. */
export interface SecurityHeaders {
  /**
   * For a page. `formTarget` is the origin where a form of this page may lead after its POST, besides our own:
   * Chromium holds form-action also against the redirect that follows.
   */
  readonly page: (formTarget?: string | null) => Headers;
  /** For an answer without a page: problem, redirect. */
  readonly bare: () => Headers;
  /** For a file of ours whose address changes with its content. */
  readonly asset: () => Headers;
}

const oneYearSeconds = 31_536_000;

const permissions = [
  'accelerometer',
  'autoplay',
  'camera',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'geolocation',
  'gyroscope',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'usb',
  'xr-spatial-tracking',
]
  .map((feature) => `${feature}=()`)
  .join(', ');

function pagePolicy(formTarget: string | null): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    `form-action 'self'${formTarget === null ? '' : ` ${formTarget}`}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
  ].join('; ');
}

/** Only a plain origin may stand in the policy: a `;`, a space or a wildcard in it would change its meaning. */
function assertOrigin(origin: string): string {
  if (/^https?:\/\/[a-z0-9.[\]:_-]+$/.test(origin)) return origin;
  return "'self'";
}

export function createSecurityHeaders({ publicUrl, hsts: given }: SecurityOptions): SecurityHeaders {
  const usual = publicUrl.startsWith('https:') ? `max-age=${oneYearSeconds}` : null;
  const hsts = given === undefined ? usual : given;
  const always: Headers = [
    ['X-Content-Type-Options', 'nosniff'],
    ['X-Frame-Options', 'DENY'],
    // not no-referrer: with it a browser sends `Origin: null` with our own forms, and their origin could not be checked
    ['Referrer-Policy', 'same-origin'],
    ['Cross-Origin-Opener-Policy', 'same-origin'],
    ['Cross-Origin-Resource-Policy', 'same-origin'],
    ['Permissions-Policy', permissions],
    ...(hsts === null ? [] : [['Strict-Transport-Security', hsts] as const]),
  ];
  const noStore = ['Cache-Control', 'no-store'] as const;
  const plainPage: Headers = [noStore, ['Content-Security-Policy', pagePolicy(null)], ...always];
  const bare: Headers = [
    noStore,
    [
      'Content-Security-Policy',
      "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
    ],
    ...always,
  ];
  const asset: Headers = [
    ['Cache-Control', `public, max-age=${oneYearSeconds}, immutable`],
    // a logo may be an SVG: opened by itself it must not run anything
    ['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"],
    ...always,
  ];
  return {
    page: (formTarget = null) =>
      formTarget === null
        ? plainPage
        : [noStore, ['Content-Security-Policy', pagePolicy(assertOrigin(formTarget))], ...always],
    bare: () => bare,
    asset: () => asset,
  };
}
