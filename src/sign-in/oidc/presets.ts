/** Providers whose ways are known. */
export const presetNames = [
  'google',
  'microsoft',
  'okta',
  'auth0',
  'gitlab',
  'keycloak',
  'authentik',
  'zitadel',
] as const;

export type PresetName = (typeof presetNames)[number];

/** What a preset has to be told: which keys stand beside `preset`, and what they must look like. */
export const presetParameters = ['domain', 'tenant', 'realm', 'application', 'hostedDomain'] as const;

type Parameter = (typeof presetParameters)[number];
type Entry = Readonly<Record<string, unknown>>;

interface Preset {
  /** On the button. */
  readonly name: string;
  readonly required: readonly Parameter[];
  readonly optional: readonly Parameter[];
  /** An example of each that is required, for the message. */
  readonly example: string;
  /** Keys of an OIDC provider. Called with every required parameter, well-formed. */
  readonly defaults: (given: Readonly<Partial<Record<Parameter, string>>>, entry: Entry) => Entry;
}

const presets: Readonly<Record<PresetName, Preset>> = {
  google: {
    name: 'Google',
    required: [],
    optional: ['hostedDomain'],
    example: '',
    defaults: (_given, { hostedDomain }) => {
      const domains = textsOf(hostedDomain);
      return {
        issuer: 'https://accounts.google.com',
        userClaim: 'email',
        ...(domains.length === 0
          ? {}
          : {
              // The parameter only helps people to choose; the claim is what counts.
              requiredClaims: { hd: domains },
              authorizationParameters: { hd: domains.length === 1 ? domains[0] : '*' },
            }),
      };
    },
  },
  microsoft: {
    name: 'Microsoft',
    required: ['tenant'],
    optional: [],
    example: 'tenant: 72f988bf-86f1-41af-91ab-2d7cd011db47',
    defaults: ({ tenant = '' }) => ({
      issuer: `https://login.microsoftonline.com/${tenant.toLowerCase()}/v2.0`,
      // The ID token says all of it, and groups nowhere else.
      userinfo: false,
      requiredClaims: { tid: [tenant.toLowerCase()] },
    }),
  },
  okta: {
    name: 'Okta',
    required: ['domain'],
    optional: [],
    example: 'domain: acme.okta.com',
    defaults: ({ domain = '' }) => ({
      issuer: `https://${domain}`,
      scopes: ['openid', 'profile', 'email', 'groups'],
    }),
  },
  auth0: {
    name: 'Auth0',
    required: ['domain'],
    optional: [],
    example: 'domain: acme.eu.auth0.com',
    // Its issuer ends with a slash, and it knows no user names that are anybody's alone.
    defaults: ({ domain = '' }) => ({ issuer: `https://${domain}/`, userClaim: 'email' }),
  },
  gitlab: {
    name: 'GitLab',
    required: [],
    optional: ['domain'],
    example: '',
    defaults: ({ domain = 'gitlab.com' }) => ({ issuer: `https://${domain}`, userClaim: 'nickname' }),
  },
  keycloak: {
    name: 'Keycloak',
    required: ['domain', 'realm'],
    optional: [],
    example: 'domain: id.example.com and realm: corp',
    defaults: ({ domain = '', realm = '' }) => ({ issuer: `https://${domain}/realms/${encodeURIComponent(realm)}` }),
  },
  authentik: {
    name: 'authentik',
    required: ['domain', 'application'],
    optional: [],
    example: 'domain: id.example.com and application: sallyport',
    defaults: ({ domain = '', application = '' }) => ({ issuer: `https://${domain}/application/o/${application}/` }),
  },
  zitadel: {
    name: 'ZITADEL',
    required: ['domain'],
    optional: [],
    example: 'domain: acme.zitadel.cloud',
    defaults: ({ domain = '' }) => ({ issuer: `https://${domain}` }),
  },
};

const host = /^(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::\d{1,5})?$/i;

const shapes: Readonly<Record<Parameter, readonly [shape: RegExp, message: string]>> = {
  domain: [host, 'is not a host; write id.example.com'],
  tenant: [
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    'is not the id of a tenant; write your own (72f988bf-86f1-41af-91ab-2d7cd011db47): common and organizations let people of every tenant in',
  ],
  realm: [/^[A-Za-z0-9._-]{1,255}$/, 'is not a realm'],
  application: [/^[A-Za-z0-9_-]{1,255}$/, 'is not the slug of an application'],
  hostedDomain: [host, 'is not a domain; write example.com'],
};

export interface PresetFault {
  readonly path: readonly string[];
  readonly message: string;
}

export type Applied =
  | { readonly kind: 'entry'; readonly entry: unknown }
  | { readonly kind: 'faults'; readonly faults: readonly PresetFault[] };

/**
 * Fills an entry of `signIn.oidc` in from its `preset`: what the entry says itself stands; required claims and request parameters
 * are put together. What is no entry with a preset comes back as it is, for others to judge.
 */
export function applyPreset(entry: unknown): Applied {
  if (!isEntry(entry)) return { kind: 'entry', entry };
  const name = entry['preset'];
  const given = presetParameters.filter((parameter) => entry[parameter] !== undefined);
  if (!isPresetName(name)) {
    // An unknown name is told by the list of those that are known.
    if (name !== undefined || given.length === 0) return { kind: 'entry', entry };
    return faultsAt(given, 'has no effect without a preset');
  }
  const preset = presets[name];
  const known = [...preset.required, ...preset.optional];
  const strange = given.filter((parameter) => !known.includes(parameter));
  if (strange.length > 0) return faultsAt(strange, `has no effect with preset: ${name}`);
  const missing = preset.required.filter((parameter) => !given.includes(parameter));
  // Whoever names the issuer knows it better.
  if (missing.length > 0 && entry['issuer'] === undefined)
    return { kind: 'faults', faults: [{ path: ['preset'], message: `is ${name}, which needs ${preset.example}` }] };
  const misshapen = given.filter((parameter) => !isShaped(entry[parameter], parameter));
  if (misshapen.length > 0)
    return { kind: 'faults', faults: misshapen.map((path) => ({ path: [path], message: shapes[path][1] })) };
  const texts = Object.fromEntries(given.map((parameter) => [parameter, textsOf(entry[parameter])[0]]));
  const defaults = preset.defaults(texts, entry);
  return { kind: 'entry', entry: { id: name, name: preset.name, ...merge(defaults, entry, missing.length > 0) } };
}

/** `isIssuerOwn`: parameters are missing, so that whatever the preset would make of them is nothing. */
function merge(defaults: Entry, entry: Entry, isIssuerOwn: boolean): Entry {
  const both = (key: string): Entry => {
    const [usual, own] = [defaults[key], entry[key]];
    if (isIssuerOwn && key === 'requiredClaims') return {};
    return isEntry(usual) && (own === undefined || isEntry(own)) ? { [key]: { ...usual, ...own } } : {};
  };
  const { requiredClaims: _, authorizationParameters: __, ...plain } = defaults;
  return { ...plain, ...entry, ...both('requiredClaims'), ...both('authorizationParameters') };
}

function isShaped(value: unknown, parameter: Parameter): boolean {
  const texts = textsOf(value);
  if (texts.length !== 1 && parameter !== 'hostedDomain') return false;
  return texts.length > 0 && texts.every((text) => shapes[parameter][0].test(text));
}

/** A text or a list of texts; nothing for anything else. */
function textsOf(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = list.filter((text) => typeof text === 'string');
  return texts.length === list.length ? texts : [];
}

function faultsAt(parameters: readonly Parameter[], message: string): Applied {
  return { kind: 'faults', faults: parameters.map((parameter) => ({ path: [parameter], message })) };
}

function isPresetName(name: unknown): name is PresetName {
  return presetNames.some((known) => known === name);
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
