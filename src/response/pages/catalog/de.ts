import { html, type Html, type Part } from '../html.ts';
import type { Catalog } from './catalog.ts';
import { exactSpan, roughSpan } from './spans.ts';

const language = 'de';

/** German texts. */
export const de: Catalog = {
  languageName: 'Deutsch',
  skip: 'Zum Inhalt springen',
  errorPrefix: 'Fehler',
  requestId: 'Anfrage',
  tryAgain: 'Noch einmal versuchen',
  yourApps: 'Ihre Anwendungen',
  theApp: 'Die Anwendung',

  signIn: {
    title: 'Anmelden',
    to: (app: string): Html => html`weiter zu <strong><bdi>${app}</bdi></strong>`,
    username: 'Benutzername',
    password: 'Passwort',
    showPassword: 'Passwort anzeigen',
    remember: (ms: number) => `${exactSpan(language, ms)} lang angemeldet bleiben`,
    submit: 'Anmelden',
    or: 'oder',
    with: (provider: string) => `Mit ${provider} anmelden`,
    down: (provider: string) => `${provider} antwortet im Moment nicht. Sie können es trotzdem versuchen.`,
    elsewhere: (url: string): Html =>
      html`Hier kann man sich nicht anmelden. Gehen Sie zu <strong><bdi>${url}</bdi></strong
        >.`,
    ambient:
      'Hier gibt es nichts auszufüllen: Angemeldet wird man an einem Tor vor dieser Seite oder mit einem Zertifikat im Browser, und keines von beiden hat für Sie gebürgt. Wenden Sie sich an die Betreiber dieser Seite.',
    known: (user: string): Html =>
      html`Sie sind hier als <strong><bdi>${user}</bdi></strong> bekannt, durch ein Tor vor dieser Seite oder durch das
        Zertifikat in Ihrem Browser. Das gilt vor jeder Anmeldung: Wer jemand anderes sein will, ändert es dort.`,
    signedInAs: (user: string): Html =>
      html`Sie sind als <strong><bdi>${user}</bdi></strong> angemeldet. Mit einer neuen Anmeldung wechseln Sie den
        Benutzer.`,
    again: (user: string): Html =>
      html`Sie sind als <strong><bdi>${user}</bdi></strong> angemeldet. Um hier weiterzukommen, geben Sie bitte Ihr
        Passwort noch einmal ein.`,
    againUnknown: 'Um hier weiterzukommen, melden Sie sich bitte noch einmal an.',
    host: (host: string): Html =>
      html`Sie melden sich bei <strong class="host"><bdi>${host}</bdi></strong> an. Wenn Sie hier nicht sein wollten,
        schließen Sie diese Seite.`,
    errors: {
      mismatch: 'Benutzername und Passwort passen nicht zusammen. Prüfen Sie beides und versuchen Sie es noch einmal.',
      throttled: (seconds: number) =>
        `Zu viele Versuche. Zu Ihrer Sicherheit macht die Anmeldung hier Pause: Versuchen Sie es in ${roughSpan(language, seconds)} wieder.`,
      busy: 'Gerade melden sich viele Menschen an. Warten Sie ein paar Sekunden und versuchen Sie es noch einmal.',
      'directory-down':
        'Die Anmeldung über das Verzeichnis ist gerade nicht verfügbar. Ihr Passwort wurde nicht geprüft; versuchen Sie es bald noch einmal.',
      'name-taken':
        'Dieser Benutzername gehört hier zu einem anderen Konto. Bitten Sie die Betreiber dieser Seite, ihn freizugeben, oder melden Sie sich mit jenem Konto an.',
      'expired-form': 'Dieses Formular war zu lange offen oder kam von anderswo. Bitte melden Sie sich noch einmal an.',
    },
  },

  signInFailed: {
    title: 'Sie wurden nicht angemeldet',
    expired:
      'Diese Anmeldung hat zu lange gedauert, war schon abgeschlossen oder wurde in einem anderen Browser begonnen. Nichts ist verloren: Bitte beginnen Sie noch einmal.',
    refused: (provider: string): Html =>
      html`<strong><bdi>${provider}</bdi></strong> hat nicht bestätigt, wer Sie sind, oder Sie haben dort abgebrochen.
        Sie können es noch einmal versuchen.`,
    unavailable: (provider: string): Html =>
      html`<strong><bdi>${provider}</bdi></strong> antwortet im Moment nicht. Versuchen Sie es gleich noch einmal, oder
        melden Sie sich auf anderem Weg an.`,
    elsewhere: (url: string): Html =>
      html`Auf diesem Weg kann man sich nur bei <strong><bdi>${url}</bdi></strong> anmelden.`,
    nameTaken: (user: string, provider: string): Html =>
      html`<strong><bdi>${provider}</bdi></strong> nennt Sie <strong><bdi>${user}</bdi></strong
        >, und dieser Benutzername gehört hier zu einem anderen Konto.`,
    nameTakenNext:
      'Fragen Sie die Betreiber dieser Seite: Sie können den Namen freigeben oder Konten verschiedener Herkunft auseinanderhalten.',
    again: 'Zurück zur Anmeldung',
  },

  goingOn: {
    'signed-in': {
      title: 'Sie sind angemeldet',
      lead: 'Einen Moment, Sie werden dorthin gebracht, wohin Sie wollten.',
      go: 'Weiter',
    },
    'signed-out': {
      title: 'Sie sind hier abgemeldet',
      lead: 'Einen Moment, Sie werden auch bei Ihrem Anbieter abgemeldet.',
      go: 'Weiter',
    },
  },

  signedOut: {
    title: 'Sie sind abgemeldet',
    lead: 'Von Ihrer Sitzung ist hier nichts mehr übrig. Schließen Sie an einem gemeinsam genutzten Computer auch den Browser.',
    again: 'Wieder anmelden',
  },

  confirmSignOut: {
    title: 'Abmelden?',
    lead: (user: string): Html =>
      html`Eine andere Website hat Sie zum Abmelden hierher geschickt. Sie sind als
        <strong><bdi>${user}</bdi></strong> angemeldet.`,
    leadUnknown: 'Eine andere Website hat Sie zum Abmelden hierher geschickt.',
    yes: 'Abmelden',
    no: 'Angemeldet bleiben',
  },

  denied: {
    title: (app: Part): Html => html`Kein Zugang zu ${app}`,
    lead: (user: string): Html =>
      html`Sie sind als <strong><bdi>${user}</bdi></strong> angemeldet, und dieses Konto darf diese Seite nicht öffnen.`,
    leadUnknown: 'Diese Seite ist von hier aus nicht für Sie zugänglich.',
    next: 'Wenn Sie Zugang haben sollten, wenden Sie sich an die Betreiber dieser Website und nennen Sie die Nummer der Anfrage.',
    switchUser: 'Benutzer wechseln',
    signIn: 'Anmelden',
  },

  notFound: {
    title: 'Hier ist nichts',
    lead: 'Unter dieser Adresse gibt es keine Seite. Prüfen Sie sie auf Tippfehler oder beginnen Sie bei Ihren Anwendungen.',
  },

  badRequest: {
    title: 'Das kam nicht klar an',
    lead: 'Die Adresse oder die Anfrage enthält etwas, das hier nicht angenommen wird. Gehen Sie zurück, prüfen Sie die Adresse und versuchen Sie es noch einmal.',
    tooLarge:
      'Der Browser hat mehr geschickt, als hier angenommen wird. Kürzen Sie die Adresse oder löschen Sie die Cookies dieser Website und versuchen Sie es noch einmal.',
  },

  wrongCredentials: {
    title: 'Diese Anmeldung wurde nicht angenommen',
    lead: 'Der Browser hat einen Benutzernamen und ein Passwort geschickt, die nicht zusammenpassen. Schließen Sie den Browser, damit er sie vergisst, oder nehmen Sie sie aus der Adresse.',
  },

  upstreamDown: {
    title: (app: Part): Html => html`${app} antwortet nicht`,
    lead: 'Die Anwendung hinter dieser Adresse ist im Moment nicht erreichbar. Ihre Anmeldung ist in Ordnung; versuchen Sie es gleich noch einmal.',
  },

  upstreamSlow: {
    title: (app: Part): Html => html`${app} braucht zu lange`,
    lead: 'Die Anwendung hinter dieser Adresse hat nicht rechtzeitig geantwortet. Ihre Anmeldung ist in Ordnung. Was Sie wollten, kann noch im Gange sein: Sehen Sie nach, bevor Sie es wiederholen.',
  },

  upstreamBusy: {
    title: (app: Part): Html => html`${app} ist ausgelastet`,
    lead: (seconds: number) =>
      `Gerade wollen mehr Menschen etwas von dieser Anwendung, als sie gleichzeitig bedienen kann. Ihre Anmeldung ist in Ordnung. Versuchen Sie es in ${roughSpan(language, seconds)} wieder.`,
  },

  tooManyTries: {
    title: 'Zu viele Versuche',
    lead: (seconds: number) =>
      `Zur Sicherheit aller macht die Anmeldung hier Pause. Versuchen Sie es in ${roughSpan(language, seconds)} wieder. Offene Sitzungen bleiben offen.`,
    back: 'Zurück zur Anmeldung',
  },

  unavailable: {
    title: 'Einen Moment, bitte',
    lead: (seconds: number) =>
      `Wir können Ihre Sitzung gerade nicht nachschlagen. Sie sind nicht abgemeldet, und nichts ist verloren. Versuchen Sie es in ${roughSpan(language, seconds)} wieder.`,
  },

  stepUp: {
    title: 'Ein zweiter Faktor ist nötig',
    lead: (app: string): Html =>
      html`<strong><bdi>${app}</bdi></strong> verlangt hier einen zweiten Faktor, und auf dieser Website lässt sich noch
        keiner einrichten.`,
    leadUnknown: 'Diese Seite verlangt einen zweiten Faktor, und auf dieser Website lässt sich noch keiner einrichten.',
    next: 'Wenden Sie sich an die Betreiber dieser Website: Sie können ändern, was diese Seite verlangt.',
  },

  internal: {
    title: 'Hier ist etwas schiefgegangen',
    lead: 'Das war unser Fehler, nicht Ihrer. Versuchen Sie es noch einmal; wenn es dabei bleibt, nennen Sie den Betreibern dieser Website die Nummer der Anfrage.',
  },

  forbiddenForm: {
    title: 'Bitte noch einmal',
    lead: 'Dieses Formular war zu alt, oder es kam von einer anderen Website. Es wurde nichts getan.',
    again: 'Seite neu öffnen',
  },

  methodNotAllowed: {
    title: 'Das geht hier nicht',
    lead: 'Diese Seite gibt es, aber sie nimmt diese Art von Anfrage nicht an. Es wurde nichts getan.',
  },

  tokens: {
    title: 'Zugangstoken',
    lead: 'Ein Token lässt ein Programm in Ihrem Namen ein, wo es diese Anmeldung nicht öffnen kann: git, Kalender, Skripte. Erstellen Sie für jedes Programm ein eigenes, dann können Sie jedes für sich wieder entziehen.',
    list: 'Ihre Token',
    none: 'Sie haben keine.',
    make: 'Ein neues Token',
    made: (name: string): Html =>
      html`Das ist das Token für <strong><bdi>${name}</bdi></strong
        >. Kopieren Sie es jetzt: Es wird nicht noch einmal angezeigt.`,
    use: 'Ein Programm schickt es als Bearer-Token oder als Passwort neben Ihrem Benutzernamen.',
    everyApp: 'Alle Anwendungen',
    onlyApps: (apps: string): Html => html`Nur <bdi>${apps}</bdi>`,
    readsOnly: 'nur lesen',
    until: (date: Html): Html => html`gültig bis ${date}`,
    neverUsed: 'nie verwendet',
    lastUsed: (when: Html, from: string | null): Html =>
      html`zuletzt verwendet ${when}${from !== null && html` von <bdi>${from}</bdi>`}`,
    revoke: 'Entziehen',
    revokeNamed: (name: string) => `${name} entziehen`,
    name: 'Wofür ist es?',
    lifetime: 'Wie lange gilt es?',
    span: (ms: number) => exactSpan(language, ms),
    access: 'Was darf es?',
    accessAll: 'Alles, was ich darf',
    accessRead: 'Nur lesen (zu wenig für git)',
    scope: 'Wo?',
    scopeAll: 'In allen meinen Anwendungen',
    scopeSome: 'Nur in diesen:',
    submit: 'Token erstellen',
    tooOld: 'Um ein neues Token zu erstellen, melden Sie sich bitte noch einmal an.',
    signInAgain: 'Noch einmal anmelden',
    faults: {
      'no-name': 'Bitte geben Sie an, wofür das Token ist.',
      'bad-name':
        'Dieser Name geht nicht: Er ist länger als 64 Zeichen oder enthält Zeichen, die sich nicht anzeigen lassen.',
      'no-apps': 'Bitte wählen Sie mindestens eine Anwendung oder alle.',
      'too-many': 'Mehr Token sind nicht möglich. Entziehen Sie eines, das Sie nicht mehr brauchen.',
    },
  },

  home: {
    title: 'Ihre Anwendungen',
    signedInAs: 'Angemeldet als',
    none: 'Noch steht Ihnen keine Anwendung offen. Wenden Sie sich an die Betreiber dieser Website.',
    open: (app: string) => `${app} öffnen`,
    tokens: 'Zugangstoken',
    signOut: 'Abmelden',
  },
};
