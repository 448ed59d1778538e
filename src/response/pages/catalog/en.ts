import { html, type Html, type Part } from '../html.ts';
import { exactSpan, roughSpan } from './spans.ts';

const language = 'en';

/** English texts: plain words, what happened, then what to do. */
export const en = {
  languageName: 'English',
  skip: 'Skip to content',
  errorPrefix: 'Error',
  requestId: 'Request',
  tryAgain: 'Try again',
  yourApps: 'Your apps',
  theApp: 'The app',

  signIn: {
    title: 'Sign in',
    to: (app: string): Html => html`to continue to <strong><bdi>${app}</bdi></strong>`,
    username: 'User name',
    password: 'Password',
    showPassword: 'Show password',
    remember: (ms: number) => `Keep me signed in for ${exactSpan(language, ms)}`,
    submit: 'Sign in',
    or: 'or',
    with: (provider: string) => `Sign in with ${provider}`,
    down: (provider: string) => `${provider} is not answering at the moment. You can still try.`,
    elsewhere: (url: string): Html =>
      html`There is no way to sign in here. Go to <strong><bdi>${url}</bdi></strong
        >.`,
    ambient:
      'There is nothing to fill in here: people are signed in by a gate in front of this site, or by a certificate in their browser, and neither vouched for you. Ask the people who run this site.',
    known: (user: string): Html =>
      html`You are known here as <strong><bdi>${user}</bdi></strong
        >, by a gate in front of this site or by the certificate in your browser. That counts before any sign-in: to be
        somebody else, change it there.`,
    signedInAs: (user: string): Html =>
      html`You are signed in as <strong><bdi>${user}</bdi></strong
        >. Sign in below to switch to another user.`,
    again: (user: string): Html =>
      html`You are signed in as <strong><bdi>${user}</bdi></strong
        >. To go on from here, please enter your password once more.`,
    againUnknown: 'To go on from here, please sign in once more.',
    host: (host: string): Html =>
      html`You are signing in at <strong class="host"><bdi>${host}</bdi></strong
        >. If that is not where you expected to be, close this page.`,
    errors: {
      mismatch: 'That user name and password don’t match. Check both and try again.',
      throttled: (seconds: number) =>
        `Too many tries. For your safety, signing in is paused here: try again in ${roughSpan(language, seconds)}.`,
      busy: 'Many people are signing in at this moment. Wait a few seconds, then try again.',
      'directory-down':
        'Signing in by the directory is unavailable at the moment. Your password was not checked; try again shortly.',
      'name-taken':
        'This user name belongs to another account here. Ask the people who run this site to release it, or sign in as that account.',
      'expired-form': 'This form had been open for too long, or came from elsewhere. Please sign in again.',
    },
  },

  signInFailed: {
    title: 'You were not signed in',
    expired:
      'This sign-in took too long, was finished before, or was begun in another browser. Nothing is lost: please start again.',
    refused: (provider: string): Html =>
      html`<strong><bdi>${provider}</bdi></strong> didn’t confirm who you are, or you cancelled there. You can try
        again.`,
    unavailable: (provider: string): Html =>
      html`<strong><bdi>${provider}</bdi></strong> is not answering at the moment. Try again shortly, or sign in another
        way.`,
    elsewhere: (url: string): Html =>
      html`Signing in this way works only at <strong><bdi>${url}</bdi></strong
        >.`,
    nameTaken: (user: string, provider: string): Html =>
      html`<strong><bdi>${provider}</bdi></strong> calls you <strong><bdi>${user}</bdi></strong
        >, and that user name belongs to another account here.`,
    nameTakenNext:
      'Ask the people who run this site: they can release the name, or keep accounts of different origin apart.',
    again: 'Back to sign-in',
  },

  goingOn: {
    'signed-in': {
      title: 'You are signed in',
      lead: 'One moment, you are being taken to where you wanted to go.',
      go: 'Go on',
    },
    'signed-out': {
      title: 'You are signed out here',
      lead: 'One moment, you are being signed out at your provider too.',
      go: 'Go on',
    },
  },

  signedOut: {
    title: 'You are signed out',
    lead: 'Nothing of your session is left here. On a shared computer, close the browser too.',
    again: 'Sign in again',
  },

  confirmSignOut: {
    title: 'Sign out?',
    lead: (user: string): Html =>
      html`Another site sent you here to sign out. You are signed in as <strong><bdi>${user}</bdi></strong
        >.`,
    leadUnknown: 'Another site sent you here to sign out.',
    yes: 'Sign out',
    no: 'Stay signed in',
  },

  denied: {
    title: (app: Part): Html => html`No access to ${app}`,
    lead: (user: string): Html =>
      html`You are signed in as <strong><bdi>${user}</bdi></strong
        >, and this account may not open this page.`,
    leadUnknown: 'This page is not open to you from here.',
    next: 'If you should have access, ask the people who run this site and tell them the request number below.',
    switchUser: 'Switch user',
    signIn: 'Sign in',
  },

  notFound: {
    title: 'Nothing here',
    lead: 'There is no page at this address. Check it for a typing mistake, or start from your apps.',
  },

  badRequest: {
    title: 'That didn’t come through clearly',
    lead: 'The address or the request holds something that can’t be accepted here. Go back, check the address, and try again.',
    tooLarge:
      'The browser sent more than can be accepted here. Shorten the address, or clear this site’s cookies, and try again.',
  },

  wrongCredentials: {
    title: 'That sign-in was not accepted',
    lead: 'The browser sent a user name and password that don’t match. Close the browser to make it forget them, or take them out of the address.',
  },

  upstreamDown: {
    title: (app: Part): Html => html`${app} is not answering`,
    lead: 'The app behind this address can’t be reached at the moment. Your sign-in is fine; try again shortly.',
  },

  upstreamSlow: {
    title: (app: Part): Html => html`${app} takes too long`,
    lead: 'The app behind this address didn’t answer in time. Your sign-in is fine. What you asked for may still be under way: check before you repeat it.',
  },

  upstreamBusy: {
    title: (app: Part): Html => html`${app} is busy`,
    lead: (seconds: number) =>
      `More people are asking for this app than it can serve at once. Your sign-in is fine. Try again in ${roughSpan(language, seconds)}.`,
  },

  tooManyTries: {
    title: 'Too many tries',
    lead: (seconds: number) =>
      `For everyone’s safety, signing in is paused here. Try again in ${roughSpan(language, seconds)}. Sessions that are open stay open.`,
    back: 'Back to sign-in',
  },

  unavailable: {
    title: 'One moment, please',
    lead: (seconds: number) =>
      `We can’t look up your session just now. You are not signed out, and nothing is lost. Try again in ${roughSpan(language, seconds)}.`,
  },

  stepUp: {
    title: 'A second factor is needed',
    lead: (app: string): Html =>
      html`<strong><bdi>${app}</bdi></strong> asks for a second factor here, and none can be set up on this site yet.`,
    leadUnknown: 'This page asks for a second factor, and none can be set up on this site yet.',
    next: 'Contact the people who run this site: they can change what this page asks for.',
  },

  internal: {
    title: 'Something went wrong here',
    lead: 'This was our mistake, not yours. Try again; if it stays, tell the people who run this site the request number below.',
  },

  forbiddenForm: {
    title: 'Please try that again',
    lead: 'This form was too old, or it came from another site. Nothing was done.',
    again: 'Open the page again',
  },

  methodNotAllowed: {
    title: 'That can’t be done here',
    lead: 'This page exists, but it doesn’t take this kind of request. Nothing was done.',
  },

  tokens: {
    title: 'Access tokens',
    lead: 'A token lets a program in as you, where it can’t open this sign-in: git, calendars, scripts. Make one for each program, so that you can take each away by itself.',
    list: 'Your tokens',
    none: 'You have none.',
    make: 'A new token',
    made: (name: string): Html =>
      html`This is the token for <strong><bdi>${name}</bdi></strong
        >. Copy it now: it is not shown again.`,
    use: 'A program sends it as a bearer token, or as the password beside your user name.',
    everyApp: 'All apps',
    onlyApps: (apps: string): Html => html`Only <bdi>${apps}</bdi>`,
    readsOnly: 'reading only',
    until: (date: Html): Html => html`good until ${date}`,
    neverUsed: 'never used',
    lastUsed: (when: Html, from: string | null): Html =>
      html`last used ${when}${from !== null && html` from <bdi>${from}</bdi>`}`,
    revoke: 'Revoke',
    revokeNamed: (name: string) => `Revoke ${name}`,
    name: 'What is it for?',
    lifetime: 'How long is it good?',
    span: (ms: number) => exactSpan(language, ms),
    access: 'What may it do?',
    accessAll: 'Everything that I may do',
    accessRead: 'Read only (too little for git)',
    scope: 'Where?',
    scopeAll: 'In all my apps',
    scopeSome: 'Only in these:',
    submit: 'Make the token',
    tooOld: 'To make a new token, please sign in once more.',
    signInAgain: 'Sign in again',
    faults: {
      'no-name': 'Please say what the token is for.',
      'bad-name': 'That name can’t be used: it is longer than 64 characters or holds characters that can’t be shown.',
      'no-apps': 'Please choose at least one app, or all of them.',
      'too-many': 'You have as many tokens as you may have. Revoke one that you no longer need.',
    },
  },

  home: {
    title: 'Your apps',
    signedInAs: 'Signed in as',
    none: 'No apps are open to you yet. Ask the people who run this site.',
    open: (app: string) => `Open ${app}`,
    tokens: 'Access tokens',
    signOut: 'Sign out',
  },
};
