import type { Logger } from '../observability/types.js';
import { type Element, xml } from '../xml/element.js';
import type { Stanza } from '../xml/stanza.js';
import { jid } from '../xmpp/jid.js';
import { NS } from '../xmpp/namespaces.js';
import type { ServerLink } from './component.js';
import { type Expectation, ServerGrants } from './grants.js';
import { Listeners } from './listeners.js';
import { Share } from './share.js';

interface AdvertisementsOptions {
  readonly serverDomains: readonly string[];
  readonly expect: Partial<Expectation> | undefined;
  /** How long the server may take to say what is expected, in milliseconds. */
  readonly milliseconds: number;
  readonly log: Logger;
  request(iq: Element, options: { timeoutMilliseconds: number }): Promise<Stanza>;
}

/**
 * What the server says of itself and of this component on one stream: its features (disco), what it grants (XEP-0355,
 * XEP-0356), and which owners are ours where several processes serve the domain. All of it ends with the stream.
 */
export class Advertisements {
  readonly grants: ServerGrants;
  share = Share.sole;
  readonly grantsChanged: Listeners<[link: ServerLink]>;
  readonly shareChanged: Listeners<[]>;
  private readonly options: AdvertisementsOptions;
  private readonly expectation: Expectation;
  private expectationMet: () => void = () => undefined;

  constructor(options: AdvertisementsOptions) {
    this.options = options;
    this.expectation = { delegations: [], privileges: false, ...options.expect };
    this.grants = new ServerGrants(options.serverDomains.map((domain) => jid(domain).domain));
    this.grantsChanged = new Listeners(options.log);
    this.shareChanged = new Listeners(options.log);
  }

  /** Asks for the server's features and waits for what is expected of it; false where that has not come in time. */
  async learn(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const advertised = new Promise<boolean>((resolve) => {
      this.expectationMet = () => resolve(true);
      timer = setTimeout(() => resolve(false), this.options.milliseconds);
    });
    this.takeStock();
    await Promise.all([...this.grants.domains.keys()].map((domain) => this.askFeatures(domain)));
    const met = await advertised;
    clearTimeout(timer);
    return met;
  }

  /** Tells the operator that what is expected is not granted. */
  warnOfMissing(): void {
    this.options.log.warn(
      {
        code: 'component.grants-missing',
        expected: this.expectation,
        delegations: [...this.grants.delegations.keys()],
      },
      'the server does not grant what this component needs: look into its configuration',
    );
  }

  /** Takes a message that is the server's own word on these; false for any other. */
  take(message: Stanza): boolean {
    if (this.takeShare(message)) return true;
    if (!this.grants.read(message)) return false;
    this.options.log.info(
      {
        code: 'component.grants',
        server: message.from,
        delegations: [...this.grants.delegations.keys()],
        privileges: { ...this.grants.privileges, iq: [...this.grants.privileges.iq.keys()] },
      },
      'the server says what it grants',
    );
    this.takeStock();
    this.grantsChanged.tell(this.grants);
    return true;
  }

  /** The stream is gone. */
  clear(): void {
    this.grants.clear();
    this.share = Share.sole;
  }

  /** Only from the server itself, like its grants. */
  private takeShare(message: Stanza): boolean {
    const from = message.fromJid?.full;
    if (from === undefined || !this.grants.domains.has(from)) return false;
    const share = Share.read(message);
    if (share === null) return false;
    this.share = share;
    const { index, of } = share;
    this.options.log.info({ code: 'component.share', index, of }, 'the server says which owners are ours');
    this.shareChanged.tell();
    return true;
  }

  private takeStock(): void {
    if (this.grants.meets(this.expectation)) this.expectationMet();
  }

  private async askFeatures(domain: string): Promise<void> {
    const { log, milliseconds } = this.options;
    const iq = xml('iq', { type: 'get', to: domain }, xml('query', { xmlns: NS.discoInfo }));
    try {
      const answer = await this.options.request(iq, { timeoutMilliseconds: milliseconds });
      const features = answer.element.getChild('query', NS.discoInfo)?.getChildren('feature') ?? [];
      this.grants.setFeatures(domain, new Set(features.flatMap(({ attrs }) => attrs['var'] ?? [])));
    } catch (error) {
      log.info(
        { code: 'component.no-features', server: domain, error },
        'the server does not say its features',
      );
    }
  }
}
